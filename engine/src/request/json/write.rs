//! Texts as JSON.

use super::scan::special;

/// Writes a text as JSON (RFC 8259 §7).
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((before, special, after)) = at_special(rest) {
        out.extend_from_slice(before);
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x8 => out.extend_from_slice(b"\\b"),
            0xc => out.extend_from_slice(b"\\f"),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The first byte that cannot stand in a JSON string as it is, with what is before and behind it.
fn at_special(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (before, rest) = bytes.split_at_checked(special(bytes)?)?;
    let (&special, after) = rest.split_first()?;
    Some((before, special, after))
}
