//! Successful answers, and the headers that all answers share.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, WARNING};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const CONTENT_API_VERSION: HeaderName = HeaderName::from_static("content-api-version");
/// Which policies decided: the digest of the realm's bundle, as the engine's own answers name it (DESIGN, invariant 4).
const BUNDLE: HeaderName = HeaderName::from_static("assize-bundle");

/// A `Warning` header's value. A header holds no other characters than these.
fn warning(text: &str) -> Option<HeaderValue> {
    let quoted: String = text
        .chars()
        .map(|c| {
            if c == '"' || c == '\\' || !(' '..='~').contains(&c) {
                '\''
            } else {
                c
            }
        })
        .collect();
    HeaderValue::from_str(&format!("299 assize \"{quoted}\"")).ok()
}

/// What a handler answers when all went well.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content: Content,
    /// `resource=N.N` of the route that answered.
    pub(crate) served: &'static str,
    pub(crate) revision: Option<String>,
    pub(crate) location: Option<String>,
    /// What the client should know though all went well: the text of a `Warning` header (RFC 7234 §5.5, code 299).
    pub(crate) warning: Option<String>,
    /// The protocol version that rows were written in: queries with rows say it.
    pub(crate) protocol: Option<&'static str>,
    /// The digest of the bundle that decided.
    pub(crate) bundle: Option<HeaderValue>,
}

/// JSON as text that is passed on, or as a value that is still to be written.
pub(crate) enum Content {
    Text(Vec<u8>),
    Value(Value),
}

impl Answer {
    pub(crate) fn value(served: &'static str, value: Value) -> Self {
        Answer {
            status: StatusCode::OK,
            content: Content::Value(value),
            served,
            revision: None,
            location: None,
            warning: None,
            protocol: None,
            bundle: None,
        }
    }

    pub(crate) fn text(served: &'static str, text: Vec<u8>) -> Self {
        Answer {
            status: StatusCode::OK,
            content: Content::Text(text),
            served,
            revision: None,
            location: None,
            warning: None,
            protocol: None,
            bundle: None,
        }
    }

    /// The response; `pretty` lays the JSON out as Jackson does.
    pub(crate) fn into_response(self, layout: Layout) -> Response<Body> {
        let text = match (self.content, layout) {
            (Content::Text(text), Layout::Compact) => text,
            (Content::Value(value), Layout::Compact) => value.to_string().into_bytes(),
            (Content::Value(value), Layout::Pretty) => {
                super::crest::pretty::text(&value).into_bytes()
            }
            (Content::Text(text), Layout::Pretty) => match serde_json::from_slice::<Value>(&text) {
                Ok(value) => super::crest::pretty::text(&value).into_bytes(),
                Err(_) => text,
            },
        };
        let mut response = json_response(self.status, text, Some(self.served));
        let headers = response.headers_mut();
        if let Some(protocol) = self.protocol {
            // AM says it twice on queries with rows: once with the protocol, once without.
            if let Ok(both) = HeaderValue::from_str(&format!("{protocol},{}", self.served)) {
                headers.insert(CONTENT_API_VERSION, both);
            }
            headers.append(CONTENT_API_VERSION, HeaderValue::from_static(self.served));
        }
        if let Some(bundle) = self.bundle {
            headers.insert(BUNDLE, bundle);
        }
        if let Some(warning) = self.warning.and_then(|text| warning(&text)) {
            headers.insert(WARNING, warning);
        }
        if let Some(etag) = self
            .revision
            .and_then(|r| HeaderValue::from_str(&format!("\"{r}\"")).ok())
        {
            headers.insert(ETAG, etag);
        }
        if let Some(location) = self.location.and_then(|l| HeaderValue::from_str(&l).ok()) {
            headers.insert(LOCATION, location);
        }
        response
    }
}

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Compact,
    Pretty,
}

/// A JSON response with the headers that every answer has.
pub(crate) fn json_response(
    status: StatusCode,
    body: Vec<u8>,
    served: Option<&'static str>,
) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(4);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_CACHE);
    if let Some(served) = served {
        headers.insert(CONTENT_API_VERSION, HeaderValue::from_static(served));
    }
    response
}
