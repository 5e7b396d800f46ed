//! The few bytes that mean something in a JSON string, looked for eight at a time: most of a request is plain text
//! between quotes.

/// Where a quote, a backslash or a control character comes first.
pub(in crate::request) fn special(bytes: &[u8]) -> Option<usize> {
    find(bytes, |word| {
        zero_byte(word ^ repeated(b'"')) | escape_or_control(word)
    })
}

/// Whether there is no backslash and no control character.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let found = words.iter().fold(0, |found, word| {
        found | escape_or_control(u64::from_le_bytes(*word))
    });
    found == 0 && !rest.iter().any(|&byte| byte == b'\\' || byte < 0x20)
}

/// Where a quote comes first.
pub(super) fn quote(bytes: &[u8]) -> Option<usize> {
    find(bytes, |word| zero_byte(word ^ repeated(b'"')))
}

/// Where `mark` first marks a byte. It is given eight bytes at once.
fn find(bytes: &[u8], mark: impl Fn(u64) -> u64) -> Option<usize> {
    let first = |marks: u64| marks.trailing_zeros() as usize / 8;
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // Only the lowest mark is exact: a borrow may mark bytes above it.
        let marks = mark(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(i * 8 + first(marks));
        }
    }
    // Blanks are never marked, so they can fill the last word up.
    let mut last = [b' '; 8];
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    let marks = mark(u64::from_le_bytes(last));
    (marks != 0).then(|| words.len() * 8 + first(marks))
}

const HIGHS: u64 = repeated(0x80);

const fn repeated(byte: u8) -> u64 {
    u64::MAX / 255 * byte as u64
}

/// Marks the highest bit of the lowest byte that is zero, and perhaps of some above it.
fn zero_byte(word: u64) -> u64 {
    word.wrapping_sub(repeated(1)) & !word & HIGHS
}

/// Marks backslashes and control characters, as [`zero_byte`] marks zeros.
fn escape_or_control(word: u64) -> u64 {
    zero_byte(word ^ repeated(b'\\')) | (word.wrapping_sub(repeated(0x20)) & !word & HIGHS)
}
