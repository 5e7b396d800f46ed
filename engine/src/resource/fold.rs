use std::borrow::Cow;

/// The form in which names are compared: letter case folded (AM compares resources, policy set
/// names and universal ids without regard to case). Borrows what is folded already.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        Cow::Borrowed(text)
    } else if text.is_ascii() {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Owned(text.chars().flat_map(fold_char).collect())
    }
}

/// What a character folds to. It must not depend on its neighbours (`str::to_lowercase` has a
/// final sigma), or a pattern's piece would differ from its name.
pub(crate) fn fold_char(character: char) -> impl Iterator<Item = char> + Clone {
    let lower = character.to_lowercase();
    lower.map(|c| if c == 'ς' { 'σ' } else { c })
}

/// Whether two texts are equal when folded, without allocating for plain ASCII.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && fold(a) == fold(b))
}
