//! Form bodies (RFC 6749 §3.2 and appendix B): strict about repetition, deaf to what is not asked for.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};

use super::error::OauthError;
use crate::api::crest::parameters::{Plus, decode};
use crate::api::json_body;
use crate::api::media_type::{self, MediaType};
use crate::limits::{FORM_BYTES, FORM_PARAMETERS};

/// The parameters of a form.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// # Errors
    /// `invalid_request`: another content type or charset, too large, too many parameters, no UTF-8.
    pub(crate) fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Self, OauthError> {
        let sent = MediaType::of(headers).filter(|sent| sent.is_one_of(&[media_type::FORM]));
        let sent = sent.ok_or_else(|| {
            OauthError::invalid_request(
                "The content type must be application/x-www-form-urlencoded",
            )
        })?;
        json_body::check_charset(&sent).map_err(|fault| {
            OauthError::new(fault.status(), "invalid_request", fault.to_string())
        })?;
        if body.len() > FORM_BYTES {
            return Err(OauthError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                format!("The form is larger than {FORM_BYTES} bytes"),
            ));
        }
        let no_utf8 = || OauthError::invalid_request("The form is not UTF-8");
        let text = std::str::from_utf8(body).map_err(|_| no_utf8())?;
        let mut list = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if list.len() == FORM_PARAMETERS {
                return Err(OauthError::invalid_request(format!(
                    "The form has more than {FORM_PARAMETERS} parameters"
                )));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name, Plus::IsBlank).zip(decode(value, Plus::IsBlank));
            list.push(decoded.ok_or_else(no_utf8)?);
        }
        Ok(Form(list))
    }

    /// A parameter that may be sent once; one without a value counts as not sent.
    ///
    /// # Errors
    /// `invalid_request` where it is sent several times.
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, OauthError> {
        let mut values = self.0.iter().filter(|(n, _)| n == name);
        let first = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() {
            return Err(OauthError::invalid_request(format!(
                "The parameter {name} is sent more than once"
            )));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// A parameter that must be sent once.
    ///
    /// # Errors
    /// `invalid_request`
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, OauthError> {
        self.one(name)?
            .ok_or_else(|| OauthError::invalid_request(format!("The parameter {name} is missing")))
    }

    /// A parameter that may be sent several times (`resource`, RFC 8707 §2).
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(move |(n, _)| n == name);
        values
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::api::media_type::FORM;
    use axum::http::header::CONTENT_TYPE;

    fn parse(content_type: &'static str, body: &str) -> Result<Form, OauthError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        Form::parse(&headers, &Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn parameters_are_decoded_once_and_not_repeated() {
        let form = parse(
            "Application/X-WWW-Form-Urlencoded;charset=UTF-8",
            "scope=a+b%2Bc&empty=&x=1&x=2&resource=r1&resource=&resource=r2&",
        )
        .unwrap();
        assert_eq!(form.one("scope").unwrap(), Some("a b+c"));
        assert_eq!(form.one("empty").unwrap(), None);
        assert!(form.required("empty").is_err() && form.one("x").is_err());
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["r1", "r2"]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert!(parse("application/json", "{}").is_err());
        assert!(parse(FORM, "a=%ff").is_err());
        assert!(Form::parse(&HeaderMap::new(), &Bytes::new()).is_err());
        let many = vec!["a=1"; FORM_PARAMETERS].join("&");
        assert!(parse(FORM, &many).is_ok());
        assert!(parse(FORM, &format!("{many}&a=1")).is_err());
        assert!(parse(FORM, &"x".repeat(FORM_BYTES)).is_ok());
        assert!(parse(FORM, &"x".repeat(FORM_BYTES + 1)).is_err());
    }
}
