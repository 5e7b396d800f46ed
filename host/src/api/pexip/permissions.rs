//! What roles may permit.

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use super::caller::ApiUser;
use super::error::Refusal;
use super::list::page;
use super::resource::Resource;
use crate::oauth::permission::{PERMISSIONS, Permission, Row};

/// `GET …/permission/`
pub(super) async fn list(
    user: ApiUser,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, Refusal> {
    user.with(Permission::ViewClients).await?;
    let objects = PERMISSIONS.iter().map(object).collect();
    page(&Resource::Permission.list(), objects, query.as_deref())
}

/// `GET …/permission/{id}/`
pub(super) async fn read(user: ApiUser, Path(id): Path<String>) -> Result<Response<Body>, Refusal> {
    user.with(Permission::ViewClients).await?;
    let row = PERMISSIONS
        .iter()
        .find(|row| row.permission.id().to_string() == id);
    let row = row.ok_or_else(|| Refusal::not_found(Resource::Permission, &id))?;
    Ok(answer(StatusCode::OK, &object(row)))
}

/// A permission as it is shown, here and in roles.
pub(super) fn object(row: &Row) -> Value {
    json!({
        "id": row.permission.id(),
        "name": row.name,
        "codename": row.codename,
        // How other APIs of this server call it.
        "am_privileges": row.am.iter().map(|privilege| privilege.name()).collect::<Vec<_>>(),
        "elasticsearch_privilege": row.elasticsearch,
        "resource_uri": Resource::Permission.uri(row.permission.id()),
    })
}

/// The permission that an address names.
pub(super) fn named(uri: &str) -> Option<Permission> {
    let id = Resource::Permission.id_in(uri)?;
    Permission::with_id(id.parse().ok()?)
}
