//! How the server is, as Elasticsearch says it: what seed 004 shows a token being used for, and what monitors ask.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::super::oauth::error::answer;
use super::caller::Authenticated;
use super::error::Refusal;
use super::identity::CLUSTER;
use crate::app::App;
use crate::clock;
use crate::freshness::Knowledge;

const ACTION: &str = "cluster:monitor/health";

/// `GET /_cluster/health`: of this node alone, as nodes do not know each other. Green while it decides and hears from its
/// database, yellow while it decides without, red when it does not decide. There are no shards.
pub(super) async fn health(
    caller: Authenticated,
    State(app): State<Arc<App>>,
) -> Result<Response<Body>, Refusal> {
    caller.monitors(ACTION)?;
    let status = match app.freshness.knowledge(clock::moment()) {
        _ if !app.publisher.live().is_published() => "red",
        Knowledge::Current => "green",
        Knowledge::CutOff { .. } => "yellow",
        Knowledge::Stale { .. } => "red",
    };
    let body = json!({
        "cluster_name": CLUSTER,
        "status": status,
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 0,
        "active_shards": 0,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    });
    Ok(answer(StatusCode::OK, &body))
}
