//! `_prettyPrint=true`: the layout of Jackson's default printer, which AM's answers have. Members go on lines of their
//! own, two spaces for each object around them, a blank on either side of the colon; array items stay on one line.

use std::fmt::Write as _;

use serde_json::Value;

/// The JSON text of a value in that layout.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, objects_around: usize, out: &mut String) {
    match value {
        Value::Array(items) if items.is_empty() => out.push_str("[ ]"),
        Value::Object(members) if members.is_empty() => out.push_str("{ }"),
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n == 0 { "[ " } else { ", " });
                write(item, objects_around, out);
            }
            out.push_str(" ]");
        }
        Value::Object(members) => {
            for (n, (name, member)) in members.iter().enumerate() {
                out.push_str(if n == 0 { "{" } else { "," });
                line(objects_around + 1, out);
                // Writing to a string cannot fail.
                let _ = write!(out, "{} : ", Value::from(name.as_str()));
                write(member, objects_around + 1, out);
            }
            line(objects_around, out);
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

fn line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_jacksons() {
        let value = serde_json::json!([{"resource": "http://h/", "actions": {}, "attributes": {"cn": ["a", "b"]}}, []]);
        let expected = "[ {\n  \"resource\" : \"http://h/\",\n  \"actions\" : { },\n  \"attributes\" : {\n    \"cn\" : [ \"a\", \"b\" ]\n  }\n}, [ ] ]";
        assert_eq!(text(&value), expected);
    }
}
