//! Roles: requests name permissions by their addresses, answers show them whole.

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use super::caller::{Administrator, ApiUser};
use super::error::Refusal;
use super::fields::{Change, Fields};
use super::list::page;
use super::resource::Resource;
use super::{clients, permissions};
use crate::oauth::permission::{PERMISSIONS, Permission, Permissions};
use crate::oauth::registry::Registry;
use crate::oauth::role::{Role, RoleId};
use crate::realm::RealmPath;
use crate::store::{Expect, Kind, Write};

type Answered = Result<Response<Body>, Refusal>;

/// `GET …/role/`
pub(super) async fn list(user: ApiUser, RawQuery(query): RawQuery) -> Answered {
    let administrator = user.with(Permission::ViewClients).await?;
    let objects = administrator.registry.roles().map(object).collect();
    page(&Resource::Role.list(), objects, query.as_deref())
}

/// `GET …/role/{id}/`
pub(super) async fn read(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ViewClients).await?;
    let role = find(&administrator.registry, &id)?;
    Ok(answer(StatusCode::OK, &object(role)))
}

/// `POST …/role/`
pub(super) async fn create(user: ApiUser, fields: Fields) -> Answered {
    let administrator = user.with(Permission::ChangeClients).await?;
    let role = Role {
        id: administrator.registry.next_role(),
        name: String::new(),
        permissions: Permissions::NONE,
    };
    let role = said(&administrator, role, fields, Change::Whole)?;
    let write = Write::Put(Expect::Absent, role.draft());
    let id = role.id.key();
    administrator
        .commit("role.created", &id, vec![write])
        .await?;
    Ok(clients::created(object(&role)))
}

/// `PUT …/role/{id}/`
pub(super) async fn replace(user: ApiUser, Path(id): Path<String>, fields: Fields) -> Answered {
    update(user, &id, fields, Change::Whole).await
}

/// `PATCH …/role/{id}/`
pub(super) async fn change(user: ApiUser, Path(id): Path<String>, fields: Fields) -> Answered {
    update(user, &id, fields, Change::Part).await
}

async fn update(user: ApiUser, id: &str, fields: Fields, change: Change) -> Answered {
    let administrator = user.with(Permission::ChangeClients).await?;
    let role = find(&administrator.registry, id)?.clone();
    // Nor does anybody change what they could not have given.
    administrator.gives(role.permissions)?;
    let role = said(&administrator, role, fields, change)?;
    let write = Write::Put(Expect::Present, role.draft());
    administrator
        .commit("role.changed", id, vec![write])
        .await?;
    Ok(answer(clients::changed(change), &object(&role)))
}

/// `DELETE …/role/{id}/`
pub(super) async fn delete(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ChangeClients).await?;
    let role = find(&administrator.registry, &id)?;
    administrator.gives(role.permissions)?;
    let users = administrator.registry.users_of(role.id);
    if !users.is_empty() {
        let users = users.join(", ");
        return Err(Refusal::conflict(format!("The role is used by {users}")));
    }
    let write = Write::Delete {
        kind: Kind::Role,
        realm: RealmPath::root().key(),
        key: role.id.key(),
    };
    administrator
        .commit("role.deleted", &id, vec![write])
        .await?;
    Ok(clients::gone())
}

/// A role as a body has it.
fn said(
    administrator: &Administrator,
    before: Role,
    mut fields: Fields,
    change: Change,
) -> Result<Role, Refusal> {
    let name = fields.text("name", change, &before.name);
    let same = administrator.registry.role_named(&name);
    if same.is_some_and(|role| role.id != before.id) {
        fields.fault("name", "A role of this name is there already");
    }
    let had: Vec<Permission> = before.permissions.iter().collect();
    let has = fields.references("permissions", change, had, permissions::named);
    fields.close(Resource::Role)?;
    let permissions: Permissions = has.into_iter().collect();
    administrator.gives(permissions)?;
    Ok(Role {
        id: before.id,
        name,
        permissions,
    })
}

/// A role as it is shown.
fn object(role: &Role) -> Value {
    let shown = PERMISSIONS
        .iter()
        .filter(|row| role.permissions.contains(row.permission));
    json!({
        "id": role.id.0,
        "name": role.name,
        "permissions": shown.map(permissions::object).collect::<Vec<_>>(),
        "resource_uri": Resource::Role.uri(role.id.0),
    })
}

fn find<'a>(registry: &'a Registry, id: &str) -> Result<&'a Role, Refusal> {
    let number = id.parse().ok().map(RoleId);
    let role = number.and_then(|id| registry.role(id));
    role.ok_or_else(|| Refusal::not_found(Resource::Role, id))
}

/// The role that an address names.
pub(super) fn named(registry: &Registry, uri: &str) -> Option<RoleId> {
    let id = RoleId(Resource::Role.id_in(uri)?.parse().ok()?);
    registry.role(id).map(|role| role.id)
}
