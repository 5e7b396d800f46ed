//! `_fields`: which members of an answer the client wants.

use serde_json::{Map, Value};

use super::parameters::Parameters;
use crate::api::error::ApiError;
use crate::limits::FIELDS;

/// JSON pointers, the leading slash optional. No field stands for everything.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fields(Vec<Vec<String>>);

impl Fields {
    /// The parameter may be repeated; an empty entry before another one means everything, as in AM, and commas at the
    /// end mean nothing.
    pub(crate) fn of(parameters: &Parameters) -> Self {
        let mut fields = Vec::new();
        for list in parameters.all("_fields") {
            for field in list.trim_end_matches(',').split(',') {
                let tokens: Vec<String> = field
                    .trim_start_matches('/')
                    .split('/')
                    .map(|token| token.replace("~1", "/").replace("~0", "~"))
                    .collect();
                if tokens.iter().all(String::is_empty) {
                    return Fields(Vec::new());
                }
                fields.push(tokens);
            }
        }
        Fields(fields)
    }

    /// # Errors
    /// 400 for an entry that is no JSON pointer, and for more than [`FIELDS`].
    pub(crate) fn check(parameters: &Parameters) -> Result<(), ApiError> {
        let entries = parameters
            .all("_fields")
            .map(|list| list.split(',').count());
        if entries.sum::<usize>() > FIELDS {
            return Err(ApiError::bad_request(format!("More than {FIELDS} fields")));
        }
        match parameters.all("_fields").find(|list| !is_pointers(list)) {
            None => Ok(()),
            Some(list) => Err(ApiError::bad_request(format!(
                "The value '{list}' for parameter '_fields' could not be parsed as a comma separated list of JSON pointers"
            ))),
        }
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// The wanted members that are not inside others.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|tokens| match tokens.as_slice() {
            [name] => Some(name.as_str()),
            _ => None,
        })
    }

    /// The object with the wanted members alone, in the order of the fields; a nested one under its last name.
    pub(crate) fn select(&self, value: Value) -> Value {
        if self.is_everything() || !value.is_object() {
            return value;
        }
        let mut selected = Map::new();
        for tokens in &self.0 {
            let found = tokens.iter().try_fold(&value, |at, token| match at {
                Value::Object(members) => members.get(token),
                Value::Array(items) => token.parse::<usize>().ok().and_then(|n| items.get(n)),
                _ => None,
            });
            if let (Some(found), Some(name)) = (found, tokens.last()) {
                selected.insert(name.clone(), found.clone());
            }
        }
        Value::Object(selected)
    }
}

/// Whether a text can hold JSON pointers as AM reads them: as fragments of URIs, which some characters cannot be in
/// (RFC 3986 §2).
pub(crate) fn is_pointers(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || r#"%"<>\^`{|}"#.contains(c))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn members_are_selected_by_pointer() {
        let value = serde_json::json!({"a": 1, "b": {"c": [5, 6]}, "d": 2});
        for (query, expected) in [
            ("_fields=d,a", serde_json::json!({"d": 2, "a": 1})),
            ("_fields=/b/c/1&_fields=zzz", serde_json::json!({"1": 6})),
            ("_fields=a,,d", value.clone()),
            ("_fields=a,", serde_json::json!({"a": 1})),
            ("_fields=,", value.clone()),
            ("_fields=", value.clone()),
            ("x=1", value.clone()),
        ] {
            let parameters = Parameters::parse(Some(query)).unwrap();
            assert_eq!(
                Fields::of(&parameters).select(value.clone()),
                expected,
                "{query}"
            );
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for (query, fine) in [
            ("_fields=a,b/c", true),
            ("_fields=%C3%BC,a%5Bb", true),
            ("_fields=%20a", false),
            ("_fields=a&_fields=b,c%22", false),
        ] {
            let parameters = Parameters::parse(Some(query)).unwrap();
            assert_eq!(Fields::check(&parameters).is_ok(), fine, "{query}");
        }
    }
}
