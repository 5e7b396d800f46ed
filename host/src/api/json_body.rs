//! JSON in request bodies, read alike on every face: no larger than its bound, of the right media type, one value and
//! nothing after it. What is wrong is a [`BodyFault`], which each face tells in its own documented shape.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::media_type::{self, MediaType};

/// How many bytes of a body are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// As many as the setting `body_bytes` says.
    Setting(usize),
    /// As many as a constant of [`crate::limits`] says.
    Constant(usize),
}

/// Why a body is not what an endpoint takes.
#[derive(Debug)]
pub(crate) enum BodyFault {
    TooLarge(Limit),
    /// It did not come in time.
    TooSlow,
    /// The content type is not `application/json`, or not said.
    MediaType,
    /// The bytes are said to be in this charset, and not in UTF-8.
    Charset(String),
    /// The bytes are no UTF-8, or break the grammar (RFC 8259 §2 and §8.1), at the error's line and column.
    Syntax(serde_json::Error),
    /// Something stands behind the value, at the error's line and column.
    Trailing(serde_json::Error),
    NoObject,
}

/// The members of a request's body.
///
/// # Errors
/// [`BodyFault`]
pub(crate) async fn object(
    request: Request,
    limit: Limit,
) -> Result<Map<String, Value>, BodyFault> {
    let (head, body) = request.into_parts();
    check_media_type(&head.headers)?;
    parse_object(&bytes(body, limit).await?)
}

/// All of a body.
///
/// # Errors
/// [`BodyFault::TooLarge`], [`BodyFault::TooSlow`]
pub(crate) async fn bytes(body: Body, limit: Limit) -> Result<Bytes, BodyFault> {
    let read = to_bytes(body, limit.bytes()).await;
    read.map_err(|error| match TooSlow::is(&error) {
        true => BodyFault::TooSlow,
        false => BodyFault::TooLarge(limit),
    })
}

/// # Errors
/// [`BodyFault::MediaType`], [`BodyFault::Charset`]
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), BodyFault> {
    match MediaType::of(headers) {
        Some(found) if found.is_one_of(&[media_type::JSON]) => check_charset(&found),
        _ => Err(BodyFault::MediaType),
    }
}

/// # Errors
/// [`BodyFault::Charset`]
pub(crate) fn check_charset(sent: &MediaType<'_>) -> Result<(), BodyFault> {
    let foreign = sent.foreign_charset().map(str::to_owned);
    foreign.map_or(Ok(()), |charset| Err(BodyFault::Charset(charset)))
}

/// As [`check_charset`], for faces that AM has: it takes what is said to be in ISO 8859 or Windows-125x, in which ASCII is
/// what it is in UTF-8.
///
/// # Errors
/// [`BodyFault::Charset`]
pub(crate) fn check_charset_of(sent: &MediaType<'_>, body: &[u8]) -> Result<(), BodyFault> {
    const KEEP_ASCII: [&str; 2] = ["iso-8859-", "windows-125"];
    let keeps = |charset: &str| {
        let charset = charset.to_ascii_lowercase();
        KEEP_ASCII.iter().any(|family| charset.starts_with(family))
    };
    if body.is_ascii() && sent.foreign_charset().is_some_and(keeps) {
        return Ok(());
    }
    check_charset(sent)
}

/// The one value that a body is.
///
/// # Errors
/// [`BodyFault::Syntax`], [`BodyFault::Trailing`]
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyFault> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = T::deserialize(&mut reader).map_err(BodyFault::Syntax)?;
    reader.end().map_err(BodyFault::Trailing)?;
    Ok(value)
}

/// The members of a body that is an object.
///
/// # Errors
/// As [`parse`], and [`BodyFault::NoObject`]
pub(crate) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, BodyFault> {
    match parse(body)? {
        Value::Object(members) => Ok(members),
        _ => Err(BodyFault::NoObject),
    }
}

/// Whether a body says nothing.
pub(crate) fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

/// Why a body ended before its end: its client took longer than `body_seconds`.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl TooSlow {
    /// Whether it is what an error comes from.
    pub(crate) fn is(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|cause| cause.is::<Self>())
    }
}

impl std::fmt::Display for TooSlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("The body took too long to come (body_seconds)")
    }
}

impl std::error::Error for TooSlow {}

impl Limit {
    fn bytes(self) -> usize {
        match self {
            Limit::Setting(bytes) | Limit::Constant(bytes) => bytes,
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::Setting(bytes) => write!(f, "{bytes} bytes (body_bytes)"),
            Limit::Constant(bytes) => write!(f, "{bytes} bytes"),
        }
    }
}

impl BodyFault {
    /// The status that HTTP gives it (RFC 9110 §15.5).
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            BodyFault::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyFault::MediaType | BodyFault::Charset(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyFault::Syntax(_) | BodyFault::Trailing(_) | BodyFault::NoObject => {
                StatusCode::BAD_REQUEST
            }
        }
    }
}

impl std::fmt::Display for BodyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BodyFault::TooLarge(limit) => write!(f, "The body is larger than {limit}"),
            BodyFault::TooSlow => TooSlow.fmt(f),
            BodyFault::MediaType => f.write_str("The content type must be application/json"),
            BodyFault::Charset(charset) => {
                write!(
                    f,
                    "The body must be in UTF-8, and not in the charset {charset:?}"
                )
            }
            BodyFault::Syntax(error) | BodyFault::Trailing(error) => {
                write!(f, "The body is no JSON: {error}")
            }
            BodyFault::NoObject => f.write_str("The body must be a JSON object"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_body_is_one_object_and_nothing_else() {
        assert_eq!(parse_object(b" {\"a\": 1}\n").unwrap().len(), 1);
        for (body, told) in [
            (
                &b""[..],
                "no JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                b"{\"a\":\n x}",
                "no JSON: expected value at line 2 column 2",
            ),
            (b"{\"a\": \"\xff\"}", "no JSON: invalid unicode code point"),
            (b"{}\n{}", "no JSON: trailing characters at line 2 column 1"),
            (b"[]", "must be a JSON object"),
            (b"null", "must be a JSON object"),
        ] {
            let fault = parse_object(body).unwrap_err();
            assert_eq!(fault.status(), StatusCode::BAD_REQUEST);
            assert!(fault.to_string().contains(told), "{fault}");
        }
    }

    #[tokio::test]
    async fn type_and_size_come_before_the_content() {
        let request = |media_type: &str, body: &'static str| {
            let request = Request::builder().header("content-type", media_type);
            request.body(Body::from(body)).unwrap()
        };
        let limit = Limit::Setting(7);
        let read = async |media_type, body| object(request(media_type, body), limit).await;
        assert!(
            read("application/json; charset=utf-8", "{\"a\":1}")
                .await
                .is_ok()
        );
        for (media_type, body, status, told) in [
            (
                "text/plain",
                "x",
                415,
                "The content type must be application/json",
            ),
            (
                "application/json; charset=utf-16",
                "{}",
                415,
                "The body must be in UTF-8, and not in the charset \"utf-16\"",
            ),
            (
                "application/json",
                "{\"a\":12}",
                413,
                "The body is larger than 7 bytes (body_bytes)",
            ),
        ] {
            let fault = read(media_type, body).await.unwrap_err();
            assert_eq!(
                (fault.status().as_u16(), fault.to_string().as_str()),
                (status, told)
            );
        }
        let fault = bytes(Body::from("long"), Limit::Constant(3))
            .await
            .unwrap_err();
        assert_eq!(fault.to_string(), "The body is larger than 3 bytes");
    }
}
