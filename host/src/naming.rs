//! What new names may hold, whatever they name. Names that are there already stay as they are.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// True for characters that nobody sees: controls, Unicode's format characters (they join, part, or turn the direction of
/// what stands beside them) and its separators of lines and paragraphs. With them two names can look like one (Unicode
/// Technical Report 36, §2).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

/// True for the two names that no address can hold: clients take dot segments out before they send (RFC 3986 §5.2.4),
/// escaped ones too.
pub(crate) fn is_dot_segment(name: &str) -> bool {
    matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_controls_and_formats() {
        for c in ('\u{200b}'..='\u{200f}')
            .chain('\u{202a}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}')
            .chain([
                '\0', '\n', '\u{7f}', '\u{85}', '\u{ad}', '\u{2028}', '\u{2029}', '\u{feff}',
            ])
        {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in "aZ0 -_.@é\u{301}\u{a0}ß漢ا🙂".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn dot_segments_are_two() {
        assert!(is_dot_segment(".") && is_dot_segment(".."));
        assert!(!is_dot_segment("...") && !is_dot_segment(""));
    }
}
