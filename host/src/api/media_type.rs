//! What a request's `Content-Type` says (RFC 9110 §8.3).

use std::borrow::Cow;

use axum::http::{HeaderMap, header};

pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The media type of a request's body, with its parameters.
pub(crate) struct MediaType<'a>(Cow<'a, str>);

impl<'a> MediaType<'a> {
    /// `None` where the request does not say it.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?;
        Some(MediaType(String::from_utf8_lossy(value.as_bytes())))
    }

    /// As it was sent.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Without its parameters.
    pub(crate) fn essence(&self) -> &str {
        self.0.split(';').next().unwrap_or_default().trim()
    }

    /// Whether it is one of these, whatever its parameters. Letter case does not count.
    pub(crate) fn is_one_of(&self, known: &[&str]) -> bool {
        let essence = self.essence();
        known.iter().any(|name| name.eq_ignore_ascii_case(essence))
    }

    /// The value of a parameter, without its quotes.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let parameters = self.0.split(';').skip(1);
        let mut named = parameters.filter_map(|parameter| parameter.trim().split_once('='));
        named.find_map(|(known, value)| {
            let wanted = known.eq_ignore_ascii_case(name);
            wanted.then(|| value.trim_matches('"'))
        })
    }

    /// The charset of the body, where it is said to be another one than UTF-8, or ASCII, which is a part of it. JSON and
    /// forms are UTF-8 (RFC 8259 §8.1; RFC 6749 appendix B): in another charset they would be read as something else than
    /// was meant.
    pub(crate) fn foreign_charset(&self) -> Option<&str> {
        const READ: [&str; 3] = ["utf-8", "utf8", "us-ascii"];
        let charset = self.parameter("charset")?;
        let read = READ.iter().any(|known| known.eq_ignore_ascii_case(charset));
        (!read).then_some(charset)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn parameters_do_not_make_another_type() {
        let mut headers = HeaderMap::new();
        assert!(MediaType::of(&headers).is_none());
        let sent = "Application/JSON ; charset=UTF-8; compatible-with=8";
        headers.insert(header::CONTENT_TYPE, sent.parse().unwrap());
        let found = MediaType::of(&headers).unwrap();
        assert_eq!((found.text(), found.essence()), (sent, "Application/JSON"));
        assert!(found.is_one_of(&[FORM, JSON]) && !found.is_one_of(&[FORM]));
        assert_eq!(found.parameter("compatible-with"), Some("8"));
        assert_eq!(found.parameter("boundary"), None);
    }

    #[test]
    fn bodies_are_utf_8() {
        for (sent, foreign) in [
            ("application/json", None),
            ("application/json; charset=UTF-8", None),
            ("application/json;CHARSET=\"utf-8\"", None),
            ("application/json; charset=us-ascii", None),
            ("application/json; charset=utf-16", Some("utf-16")),
            (
                "application/json; a=b; Charset=\"ISO-8859-1\"",
                Some("ISO-8859-1"),
            ),
            ("application/json; charset=", Some("")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, sent.parse().unwrap());
            let found = MediaType::of(&headers).unwrap();
            assert_eq!(found.foreign_charset(), foreign, "{sent}");
        }
    }
}
