//! Who the caller is, and what answers: what the official clients ask for first.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use super::caller::Authenticated;
use super::error::Refusal;
use crate::app::App;
use crate::oauth::token::User;

/// The realm of users: those of the root realm, which are kept here.
pub(super) const REALM: &str = "native";

/// What Elasticsearch calls all nodes together.
pub(super) const CLUSTER: &str = "assize";

/// How somebody was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By password.
    Realm,
    Token,
}

/// `GET /`: clients of version 7 ask it with their credentials before anything else, and go on where the version is high
/// enough. The version is that of the API that is spoken, not of this server.
pub(super) async fn product(
    _: Authenticated,
    State(app): State<Arc<App>>,
) -> Result<Response<Body>, Refusal> {
    let body = json!({
        "name": "assize",
        "cluster_name": CLUSTER,
        "cluster_uuid": app.oauth.issuer(),
        "version": {
            "number": "8.19.0",
            "build_flavor": "default",
            "build_type": "assize",
            "build_snapshot": false,
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    });
    Ok(answer(StatusCode::OK, &body))
}

/// `GET /_security/_authenticate`
pub(super) async fn authenticate(caller: Authenticated) -> Result<Response<Body>, Refusal> {
    Ok(answer(StatusCode::OK, &shown(&caller)))
}

/// The caller as it is shown.
pub(super) fn shown(caller: &Authenticated) -> Value {
    let way = if caller.has_token() {
        Way::Token
    } else {
        Way::Realm
    };
    let roles = caller.roles();
    let realm = match caller.user() {
        Some(_) => REALM,
        // A client of this server is no user of any realm.
        None => "oauth2",
    };
    object(&caller.name(), &roles, realm, way)
}

/// A user as it is shown.
///
/// # Errors
/// The store did not answer.
pub(super) async fn of_user(app: &App, user: &User, way: Way) -> Result<Value, Refusal> {
    let revision = app.publisher.live().revision;
    let registry = app.oauth.registries.at(revision).await?;
    let permissions = app.oauth.user_permissions(&registry, user).await?;
    let roles = permissions.unwrap_or_default().codenames();
    Ok(object(&user.name, &roles, REALM, way))
}

/// A user of whom no more is known at this moment.
pub(super) fn unknown(name: &str, way: Way) -> Value {
    object(name, &[], REALM, way)
}

fn object(name: &str, roles: &[&str], realm: &str, way: Way) -> Value {
    let realm = json!({"name": realm, "type": realm});
    json!({
        "username": name,
        "roles": roles,
        "full_name": null,
        "email": null,
        "metadata": {},
        "enabled": true,
        "authentication_realm": realm,
        "lookup_realm": realm,
        "authentication_type": match way {
            Way::Realm => "realm",
            Way::Token => "token",
        },
    })
}
