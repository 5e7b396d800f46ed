//! The token service's endpoints, at the server's root (RFC 6749, 7009, 7591, 7662, 8414).

mod authorize;
pub(crate) mod caller;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod form;
mod introspect;
mod metadata;
mod register;
pub(crate) mod registration;
mod revocation;
pub(crate) mod spelling;
pub(crate) mod token;

use std::sync::Arc;

use axum::routing::{MethodRouter, get, post};

use super::routes::Routes;
use crate::app::App;
use error::OauthError;

/// All routes of the token service.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .route_either_way("/connect/token", || only(post(token::issue)))
        .route_either_way("/token", || only(post(token::issue)))
        .route("/connect/authorize", only(get(authorize::refuse)))
        .route("/connect/introspect", only(post(introspect::introspect)))
        .route("/connect/revocation", only(post(revocation::revoke)))
        .route("/connect/register", only(post(register::register)))
        .route("/.well-known/jwks", only(get(metadata::jwks)))
        .route(
            "/.well-known/oauth-authorization-server",
            only(get(metadata::authorization_server)),
        )
        .route(
            "/.well-known/openid-configuration",
            only(get(metadata::openid_configuration)),
        )
}

/// Refuses other methods in the shape of all errors, with the `Allow` that the router knows (RFC 6749 §3.2: POST only).
pub(crate) fn only(route: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    route.fallback(async || OauthError::method_not_allowed())
}
