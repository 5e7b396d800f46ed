//! Tokens that are good now: whose they are, what they may do, when they end. Pexip shows them on a page (seed 003); this
//! resource is ours.

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use super::caller::{Administrator, ApiUser};
use super::error::Refusal;
use super::list::page;
use super::permissions;
use super::resource::{Resource, gone};
use crate::clock;
use crate::limits::TOKENS_LISTED;
use crate::oauth::permission::{PERMISSIONS, Permission, Permissions};
use crate::oauth::scope::Scope;
use crate::oauth::token::TokenBody;
use crate::store::tokens::{AccessRow, Revoke};

type Answered = Result<Response<Body>, Refusal>;

/// `GET /api/admin/status/v1/oauth2_token/`
pub(super) async fn list(user: ApiUser, RawQuery(query): RawQuery) -> Answered {
    let administrator = user.with(Permission::ViewClients).await?;
    let store = &administrator.app.store;
    let rows = store
        .active_tokens(administrator.now, "", TOKENS_LISTED)
        .await?;
    let objects = rows.iter().map(|row| object(&administrator, row)).collect();
    page(&Resource::Token.list(), objects, query.as_deref())
}

/// `GET /api/admin/status/v1/oauth2_token/{jti}/`
pub(super) async fn read(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ViewClients).await?;
    let row = find(&administrator, &id).await?;
    Ok(answer(StatusCode::OK, &object(&administrator, &row)))
}

/// `DELETE /api/admin/status/v1/oauth2_token/{jti}/`: revokes it.
pub(super) async fn revoke(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ChangeClients).await?;
    find(&administrator, &id).await?;
    administrator.revoke(Revoke::Access(&id)).await?;
    Ok(gone())
}

async fn find(administrator: &Administrator, id: &str) -> Result<AccessRow, Refusal> {
    let found = administrator.app.store.access_token(id).await?;
    found
        .filter(|row| row.revoked.is_none() && row.expires > administrator.now)
        .ok_or_else(|| Refusal::not_found(Resource::Token, id))
}

/// A token as it is shown: not the token itself, which nobody keeps.
fn object(administrator: &Administrator, row: &AccessRow) -> Value {
    let body: Option<TokenBody> = serde_json::from_str(&row.body).ok();
    let client = administrator.registry.client(&row.client);
    let bound = body.as_ref().map_or(Permissions::NONE, |body| {
        let names = &administrator.app.oauth.audience_names;
        let audiences: Vec<_> = body
            .audiences
            .iter()
            .filter_map(|name| names.named(name))
            .collect();
        let scopes = Scope::list(&body.scope, names).unwrap_or_default();
        scopes
            .permissions()
            .and(Permissions::of_audiences(&audiences))
    });
    let role = client.and_then(|client| client.role);
    let permitted = match client {
        Some(_) => administrator.registry.permissions(role).and(bound),
        // A user's own token: what the user may do is looked up at each use.
        None => bound,
    };
    let permitted = PERMISSIONS
        .iter()
        .filter(|row| permitted.contains(row.permission));
    json!({
        "id": row.jti,
        "client_id": client.map(|client| &client.id),
        "client_name": client.map(|client| &client.name),
        "user": body.as_ref().map(|body| &body.user).filter(|user| !user.is_empty()),
        "role": role.map(|role| Resource::Role.uri(role.0)),
        "permissions": permitted.map(permissions::object).collect::<Vec<_>>(),
        "scope": body.as_ref().map(|body| &body.scope),
        "audiences": body.as_ref().map(|body| &body.audiences),
        "issued": clock::seconds_text(row.issued),
        "expires": clock::seconds_text(row.expires),
        "resource_uri": Resource::Token.uri(&row.jti),
    })
}
