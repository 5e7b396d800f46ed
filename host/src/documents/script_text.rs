//! The source of a script: base64 over REST, lines in frodo's files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The lines of a source in base64; `None` for anything else.
pub(super) fn lines(base64: &Value) -> Option<Value> {
    let bytes = STANDARD.decode(base64.as_str()?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.split('\n').map(Value::from).collect())
}

/// A source given as lines, in base64; `None` for anything else.
pub(super) fn base64(lines: &Value) -> Option<Value> {
    let lines: Option<Vec<&str>> = lines.as_array()?.iter().map(Value::as_str).collect();
    Some(STANDARD.encode(lines?.join("\n")).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_and_base64_are_each_others_way_back() {
        for text in ["", "a", "a\n", "var x = 'ü';\r\n\nreturn x;"] {
            let encoded = Value::from(STANDARD.encode(text));
            let split = lines(&encoded);
            assert_eq!(split.as_ref().and_then(base64), Some(encoded), "{text}");
        }
        for (not_base64, not_lines) in [(json!("%"), json!("a")), (json!(1), json!([1]))] {
            assert_eq!(lines(&not_base64), None);
            assert_eq!(base64(&not_lines), None);
        }
    }
}
