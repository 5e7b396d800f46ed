//! Health: is the process there, can it decide, and does it know what happens elsewhere.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::answer::json_response;
use crate::app::App;
use crate::clock;
use crate::freshness::Knowledge;

/// The process serves requests.
pub(crate) async fn live() -> Response<Body> {
    json_response(StatusCode::OK, br#"{"status":"live"}"#.to_vec(), None)
}

/// Decisions can be made: 503 until then, and again when the node has been cut off from its database for too long. Names
/// the root realm's bundle and the store's revision that is live; `cutOff` says since when nothing new is known, and until
/// when the node decides nevertheless.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response<Body> {
    let live = app.publisher.live();
    let knowledge = app.freshness.knowledge(clock::moment());
    let (status, ready) = match knowledge {
        _ if !live.is_published() => ("not ready", StatusCode::SERVICE_UNAVAILABLE),
        Knowledge::Current => ("ready", StatusCode::OK),
        Knowledge::CutOff { .. } => ("cut off", StatusCode::OK),
        Knowledge::Stale { .. } => ("stale", StatusCode::SERVICE_UNAVAILABLE),
    };
    let mut body = json!({
        "status": status,
        "revision": live.revision,
        "digest": live.root().digest,
        "realms": live.realms().count(),
    });
    let cut_off = match knowledge {
        Knowledge::Current => None,
        Knowledge::CutOff { since, until } => Some((since, Some(until))),
        Knowledge::Stale { since } => Some((since, None)),
    };
    if let (Some((since, until)), Some(members)) = (cut_off, body.as_object_mut()) {
        let cut_off = json!({
            "since": clock::millis_text(since),
            "decidesUntil": until.map(clock::millis_text),
        });
        members.insert("cutOff".into(), cut_off);
    }
    json_response(ready, body.to_string().into_bytes(), None)
}

/// The page that load balancers in front of AM ask for.
pub(crate) async fn alive_page() -> &'static str {
    "Server is ALIVE: "
}
