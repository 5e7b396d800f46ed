//! `GET /openapi.json`: this API described for people and programs (OpenAPI 3.1).

use axum::http::{HeaderName, header};

const DOCUMENT: &str = include_str!("../../openapi.json");

/// The description, the same for everybody.
pub(crate) async fn document() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}
