//! Query parameters. Names that CREST defines begin with `_` and are found without regard to case.

use crate::api::error::ApiError;
use crate::limits::QUERY_PARAMETERS;

/// The decoded parameters in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// # Errors
    /// 400 for more parameters than [`QUERY_PARAMETERS`], or for escapes that are no UTF-8.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let mut list = Vec::new();
        for pair in query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            if list.len() == QUERY_PARAMETERS {
                return Err(ApiError::bad_request(format!(
                    "More than {QUERY_PARAMETERS} request parameters"
                )));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name, Plus::IsBlank), decode(value, Plus::IsBlank)) {
                (Some(name), Some(value)) => list.push((name, value)),
                _ => {
                    return Err(ApiError::bad_request(format!(
                        "The request parameter '{pair}' is not valid UTF-8"
                    )));
                }
            }
        }
        Ok(Parameters(list))
    }

    /// The value of a parameter that may be given once.
    ///
    /// # Errors
    /// 400 where it is given several times.
    pub(crate) fn single<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, ApiError> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(ApiError::bad_request(format!(
                "Multiple values provided for the single-valued request parameter '{name}'"
            )));
        }
        Ok(first)
    }

    /// The first value of a parameter, however often it is given.
    pub(crate) fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// The first value of a parameter that CREST does not define: its name is compared exactly.
    pub(crate) fn exact(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// What `+` stands for: a blank in a query, itself in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    IsBlank,
    IsPlus,
}

/// Percent-decodes; `None` where the result is no UTF-8. A `%` that begins no escape stands for itself.
pub(crate) fn decode(text: &str, plus: Plus) -> Option<String> {
    if !text.contains('%') && (plus == Plus::IsPlus || !text.contains('+')) {
        return Some(text.to_owned());
    }
    let hex = |byte: Option<&u8>| byte.and_then(|b| (*b as char).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = (*byte == b'%')
            .then(|| hex(bytes.get(at + 1)).zip(hex(bytes.get(at + 2))))
            .flatten();
        match escape {
            Some((high, low)) => {
                // Two hexadecimal digits are at most 255.
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            None => {
                out.push(if *byte == b'+' && plus == Plus::IsBlank {
                    b' '
                } else {
                    *byte
                });
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn parameters_are_decoded_and_found_without_regard_to_case() {
        let p = Parameters::parse(Some(
            "_action=evaluate&_PRETTYPRINT=True&realm=%2Fa+b&x&y=%zz",
        ))
        .unwrap();
        assert_eq!(p.single("_action").unwrap(), Some("evaluate"));
        assert_eq!(p.single("_prettyPrint").unwrap(), Some("True"));
        assert_eq!(p.single("realm").unwrap(), Some("/a b"));
        assert_eq!(
            (p.first("x"), p.first("y"), p.first("z")),
            (Some(""), Some("%zz"), None)
        );
        assert!(
            Parameters::parse(Some("a=1&a=2"))
                .unwrap()
                .single("a")
                .is_err()
        );
        assert!(Parameters::parse(Some("a=%ff")).is_err());
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let query = |n: usize| vec!["a=1"; n].join("&");
        assert!(Parameters::parse(Some(&query(QUERY_PARAMETERS))).is_ok());
        let error = Parameters::parse(Some(&query(QUERY_PARAMETERS + 1))).unwrap_err();
        assert!(error.to_string().contains(&QUERY_PARAMETERS.to_string()));
    }
}
