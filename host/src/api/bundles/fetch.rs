//! `GET …/bundles/NAME`: a line with the seal, then the bundle's bytes.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::{SEALED_BUNDLE, access, seal};
use crate::api::Call;
use crate::api::error::ApiError;
use crate::app::App;
use crate::publish::PublishedBundle;

/// How much of the digest stands in the entity tag.
const TAG_DIGITS: usize = 16;

/// The sealed bundle, or 304 for a holder that has it.
///
/// # Errors
/// As [`access::reader`].
pub(super) async fn answer(app: &App, call: &Call, name: &str) -> Result<Response<Body>, ApiError> {
    let reader = access::reader(app, &call.headers, &call.realm, name, call.now).await?;
    let bundle = reader.bundle;
    let tag = tag(&bundle);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    // Every use asks whether there is a newer one, and no shared cache keeps what only readers may have.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    if is_held(&call.headers, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let mut line = seal::of_bundle(app, &bundle)?;
    line.push('\n');
    let length = line.len() + bundle.bytes.len();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(SEALED_BUNDLE));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if call.method != Method::HEAD {
        // Two parts, so that the bytes are not copied for every holder.
        let parts = [Bytes::from(line), bundle.bytes.clone()].map(Ok::<_, Infallible>);
        *response.body_mut() = Body::from_stream(futures_util::stream::iter(parts));
    }
    Ok(response)
}

/// `"<revision>-<first digits of the digest>"`
fn tag(bundle: &PublishedBundle) -> String {
    let digits = bundle.digest.get(..TAG_DIGITS).unwrap_or(&bundle.digest);
    format!("\"{}-{digits}\"", bundle.revision)
}

/// Whether `If-None-Match` names the tag (RFC 9110 §13.1.2, where weak tags compare like strong ones).
fn is_held(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).into_iter();
    let mut tags = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim);
    tags.any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_any_list() {
        for (sent, held) in [
            ("\"1-ab\"", true),
            ("W/\"1-ab\"", true),
            ("\"0-ab\", \"1-ab\"", true),
            ("*", true),
            ("1-ab", false),
            ("\"1-abc\"", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(sent));
            assert_eq!(is_held(&headers, "\"1-ab\""), held, "{sent}");
        }
        assert!(!is_held(&HeaderMap::new(), "\"1-ab\""));
    }
}
