//! `GET /.well-known/assize-bundle-keys`: what verifies bundles and the notices about them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;

use crate::api::error::ApiError;
use crate::app::App;
use crate::keys::Purpose;

/// The public keys as a JWK set (RFC 7517): the current one, the next and those retired. A key is here long before it
/// signs, so a copy may be some minutes old.
pub(crate) async fn published(State(app): State<Arc<App>>) -> Response<Body> {
    match app.keys.ring(Purpose::Bundles) {
        Ok(ring) => {
            let mut response = Response::new(Body::from(ring.jwks().to_string()));
            let headers = response.headers_mut();
            let jwk_set = HeaderValue::from_static("application/jwk-set+json");
            headers.insert(CONTENT_TYPE, jwk_set);
            let minutes = HeaderValue::from_static("public, max-age=300");
            headers.insert(CACHE_CONTROL, minutes);
            response
        }
        Err(error) => ApiError::internal(error).into_response(),
    }
}
