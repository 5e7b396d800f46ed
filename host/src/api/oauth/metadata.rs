//! What clients read before anything else: both metadata documents (RFC 8414, OpenID Connect Discovery 1.0) and the keys.
//!
//! No grant uses an authorization endpoint, so RFC 8414's document names none; OpenID Connect's must, and names one that
//! says so. `response_types_supported` is required and would be empty, which RFC 8414 §2 forbids: `none` stands for it
//! (OAuth 2.0 Multiple Response Types, §4).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::authorize;
use super::error::OauthError;
use crate::app::App;
use crate::oauth::client::{AuthMethod, Grant};
use crate::oauth::jws::ALGORITHMS;
use crate::oauth::permission::{Audience, PERMISSIONS};

const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=300");
const EVERYBODY: HeaderValue = HeaderValue::from_static("*");

/// `GET /.well-known/oauth-authorization-server`
pub(crate) async fn authorization_server(State(app): State<Arc<App>>) -> Response<Body> {
    public("application/json", &document(&app))
}

/// `GET /.well-known/openid-configuration`: the same, and what OpenID Connect requires beside it.
pub(crate) async fn openid_configuration(State(app): State<Arc<App>>) -> Response<Body> {
    let mut document = document(&app);
    let issuer = app.oauth.issuer();
    document["authorization_endpoint"] = format!("{issuer}/connect/authorize").into();
    document["subject_types_supported"] = json!(["public"]);
    document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    public("application/json", &document)
}

/// `GET /.well-known/jwks`: the public keys of access tokens.
///
/// # Errors
/// There are none, which the start has seen to.
pub(crate) async fn jwks(State(app): State<Arc<App>>) -> Result<Response<Body>, OauthError> {
    let keys = app.oauth.jwks().map_err(OauthError::internal)?;
    Ok(public("application/jwk-set+json", &keys))
}

fn document(app: &App) -> Value {
    let issuer = app.oauth.issuer();
    let methods = AuthMethod::ALL.map(AuthMethod::name);
    let names = &app.oauth.audience_names;
    let mut scopes = vec![
        names.name(Audience::Management),
        names.name(Audience::Runtime),
    ];
    scopes.extend(PERMISSIONS.iter().map(|row| row.codename));
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/connect/token"),
        "introspection_endpoint": format!("{issuer}/connect/introspect"),
        "revocation_endpoint": format!("{issuer}/connect/revocation"),
        "registration_endpoint": format!("{issuer}/connect/register"),
        "jwks_uri": format!("{issuer}/.well-known/jwks"),
        "scopes_supported": scopes,
        "response_types_supported": [authorize::NONE],
        "grant_types_supported": [Grant::ClientCredentials.name()],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
    })
}

/// A document for everybody, scripts of other origins too.
fn public(media_type: &'static str, document: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(document.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, PUBLIC);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, EVERYBODY);
    response
}
