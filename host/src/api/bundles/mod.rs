//! Bundles for enforcement points: sealed, scoped, and told about when they change (DESIGN §4).
//!
//! | Request | Answer |
//! |---|---|
//! | `GET …/bundles/NAME` | the sealed bundle; `If-None-Match` saves its transfer |
//! | `GET …/bundles/NAME/notice` | a signed notice of the latest revision; `after` and `wait` make it a long poll |
//! | `GET …/bundles/NAME/events` | the same as a stream of server-sent events |
//! | `GET /.well-known/assize-bundle-keys` | the public keys that verify all of these |
//!
//! The definitions of bundles are administered beside the policies (`manage::bundles`): the same address answers a
//! definition where the client accepts `application/json` and does not name the bundle's own media type.

mod access;
mod events;
mod fetch;
pub(crate) mod keys;
mod notice;
mod seal;
mod watch;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, header};
use axum::response::IntoResponse;

use super::Call;
use super::error::ApiError;
use crate::app::App;

/// The media type of a sealed bundle.
const SEALED_BUNDLE: &str = "application/vnd.assize.bundle";

/// What a request of a holder asks for.
pub(crate) enum Asked<'a> {
    Bundle(&'a str),
    Notice(&'a str),
    Events(&'a str),
}

/// Whether a request is one of a holder; all others below `bundles` administer definitions.
pub(crate) fn asked<'a>(call: &Call, endpoint: &'a [String]) -> Option<Asked<'a>> {
    match endpoint {
        [bundles, name] if bundles == "bundles" => {
            let fetch = call.method == Method::HEAD || call.method == Method::GET;
            let plain = call.parameters.names().all(|name| !name.starts_with('_'));
            (fetch && plain && !wants_definition(&call.headers)).then_some(Asked::Bundle(name))
        }
        [bundles, name, what] if bundles == "bundles" => match what.as_str() {
            "notice" => Some(Asked::Notice(name)),
            "events" => Some(Asked::Events(name)),
            _ => None,
        },
        _ => None,
    }
}

/// Answers a holder.
pub(crate) async fn handle(app: &Arc<App>, call: &Call, asked: Asked<'_>) -> Response<Body> {
    let answered = match asked {
        Asked::Bundle(name) => fetch::answer(app, call, name).await,
        _ if call.method != Method::GET => Err(ApiError::not_implemented(format!(
            "Method {} not supported",
            call.method
        ))),
        Asked::Notice(name) => notice::answer(app, call, name).await,
        Asked::Events(name) => events::answer(app, call, name).await,
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

/// True for clients that ask for JSON by name and not for a bundle.
fn wants_definition(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let types: Vec<&str> = accepted
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .collect();
    let names = |wanted: &str| types.iter().any(|range| range.eq_ignore_ascii_case(wanted));
    names("application/json") && !names(SEALED_BUNDLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_for_who_asks_for_json_by_name() {
        for (accept, definition) in [
            (None, false),
            (Some("*/*"), false),
            (Some("application/vnd.assize.bundle"), false),
            (Some("application/json"), true),
            (Some("Application/JSON;q=0.9, */*"), true),
            (
                Some("application/vnd.assize.bundle, application/json"),
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(
                accept.map(|text| (header::ACCEPT, header::HeaderValue::from_static(text))),
            );
            assert_eq!(wants_definition(&headers), definition, "{accept:?}");
        }
    }
}
