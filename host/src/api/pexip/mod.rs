//! Pexip Infinity's management API for OAuth 2 (seed 003): clients that prove themselves with a private key, the roles
//! that bound them, and the settings and tokens of both.
//!
//! Every resource is a list (`{"meta", "objects"}`) and objects with a `resource_uri`; addresses end with a slash.
//! Members that a resource does not have are ignored, as Pexip's own clients send whole structures.

mod authentication;
mod caller;
mod clients;
mod error;
mod fields;
mod list;
mod mappings;
mod permissions;
mod registered;
mod resource;
mod roles;
mod schema;
mod tokens;

use std::sync::Arc;

use axum::routing::{MethodRouter, get, post};

use super::oauth::{self, token};
use super::routes::Routes;
use crate::app::App;
use crate::oauth::client::Client;
use crate::oauth::role::{Role, RoleMapping};
use error::Refusal;
use resource::Resource;

/// All routes of this API.
pub(crate) fn routes() -> Routes {
    let routes = Routes::new()
        .route_either_way("/oauth/token/", || oauth::only(post(token::issue_at_pexip)))
        .route(
            "/api/admin/configuration/v1/",
            only(get(schema::configuration)),
        )
        .route("/api/admin/status/v1/", only(get(schema::status)))
        .route(
            "/api/admin/status/v1/worker_vm/",
            only(get(list::worker_vms)),
        )
        .merge(registered::routes::<Client>())
        .merge(registered::routes::<Role>())
        .merge(registered::routes::<RoleMapping>())
        .route(&Resource::Permission.list(), only(get(permissions::list)))
        .route(&Resource::Permission.detail(), only(get(permissions::read)))
        .route(
            &Resource::Authentication.list(),
            only(get(authentication::list)),
        )
        .route(
            &Resource::Authentication.detail(),
            only(get(authentication::read).patch(authentication::change)),
        )
        .route(&Resource::Token.list(), only(get(tokens::list)))
        .route(
            &Resource::Token.detail(),
            only(get(tokens::read).delete(tokens::revoke)),
        );
    Resource::ALL.into_iter().fold(routes, |routes, resource| {
        let path = format!("{}schema/", resource.list());
        let answer = move |caller| schema::of(resource, caller);
        routes.route(&path, only(get(answer)))
    })
}

/// Refuses other methods in the shape of all refusals.
fn only(route: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    route.fallback(async || Refusal::method_not_allowed())
}
