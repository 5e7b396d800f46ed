//! Health: is the process there, and can it decide.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::answer::json_response;
use crate::app::App;

/// The process serves requests.
pub(crate) async fn live() -> Response<Body> {
    json_response(StatusCode::OK, br#"{"status":"live"}"#.to_vec(), None)
}

/// Decisions can be made: 503 until then. Names the root realm's bundle, and the store's revision that is live.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response<Body> {
    let live = app.publisher.live();
    let ready = live.is_published();
    let root = live.root();
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "revision": live.revision,
        "digest": root.digest,
        "realms": live.realms().count(),
    });
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json_response(status, body.to_string().into_bytes(), None)
}

/// The page that load balancers in front of AM ask for.
pub(crate) async fn alive_page() -> &'static str {
    "Server is ALIVE: "
}
