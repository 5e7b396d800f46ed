//! Role mappings: who is an administrator by what another authority says of them. Pexip's sources are `LDAP` (a group of
//! the user who logs in) and `OIDC` (a role in the token of the other issuer); `SUB`, a token's subject, is ours.

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
use super::{clients, roles};
use crate::oauth::permission::{Permission, Permissions};
use crate::oauth::registry::Registry;
use crate::oauth::role::{RoleId, RoleMapping, Source};
use crate::realm::RealmPath;
use crate::store::{Expect, Kind, Write};

type Answered = Result<Response<Body>, Refusal>;

const SOURCES: [(&str, Source); 3] = [
    ("LDAP", Source::Group),
    ("OIDC", Source::Role),
    ("SUB", Source::Sub),
];

/// `GET …/role_mapping/`
pub(super) async fn list(user: ApiUser, RawQuery(query): RawQuery) -> Answered {
    let administrator = user.with(Permission::ViewAuthentication).await?;
    let objects = administrator.registry.mappings().iter().map(object);
    page(
        &Resource::RoleMapping.list(),
        objects.collect(),
        query.as_deref(),
    )
}

/// `GET …/role_mapping/{id}/`
pub(super) async fn read(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ViewAuthentication).await?;
    let mapping = find(&administrator.registry, &id)?;
    Ok(answer(StatusCode::OK, &object(mapping)))
}

/// `POST …/role_mapping/`
pub(super) async fn create(user: ApiUser, fields: Fields) -> Answered {
    let administrator = user.with(Permission::ChangeAuthentication).await?;
    let mapping = RoleMapping {
        id: administrator.registry.next_mapping(),
        name: String::new(),
        source: Source::Group,
        value: String::new(),
        roles: Vec::new(),
    };
    let mapping = said(&administrator, mapping, fields, Change::Whole)?;
    let write = Write::Put(Expect::Absent, mapping.draft());
    let id = mapping.id.to_string();
    administrator
        .commit("role_mapping.created", &id, vec![write])
        .await?;
    Ok(clients::created(object(&mapping)))
}

/// `PUT …/role_mapping/{id}/`
pub(super) async fn replace(user: ApiUser, Path(id): Path<String>, fields: Fields) -> Answered {
    update(user, &id, fields, Change::Whole).await
}

/// `PATCH …/role_mapping/{id}/`
pub(super) async fn change(user: ApiUser, Path(id): Path<String>, fields: Fields) -> Answered {
    update(user, &id, fields, Change::Part).await
}

async fn update(user: ApiUser, id: &str, fields: Fields, change: Change) -> Answered {
    let administrator = user.with(Permission::ChangeAuthentication).await?;
    let mapping = find(&administrator.registry, id)?.clone();
    administrator.gives(given(&administrator.registry, &mapping.roles))?;
    let mapping = said(&administrator, mapping, fields, change)?;
    let write = Write::Put(Expect::Present, mapping.draft());
    administrator
        .commit("role_mapping.changed", id, vec![write])
        .await?;
    Ok(answer(clients::changed(change), &object(&mapping)))
}

/// `DELETE …/role_mapping/{id}/`
pub(super) async fn delete(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ChangeAuthentication).await?;
    let mapping = find(&administrator.registry, &id)?;
    administrator.gives(given(&administrator.registry, &mapping.roles))?;
    let write = Write::Delete {
        kind: Kind::RoleMapping,
        realm: RealmPath::root().key(),
        key: mapping.id.to_string(),
    };
    administrator
        .commit("role_mapping.deleted", &id, vec![write])
        .await?;
    Ok(clients::gone())
}

/// A mapping as a body has it.
fn said(
    administrator: &Administrator,
    before: RoleMapping,
    mut fields: Fields,
    change: Change,
) -> Result<RoleMapping, Refusal> {
    let registry = &administrator.registry;
    let name = fields.text("name", change, &before.name);
    let folded = name.to_lowercase();
    let mut others = registry
        .mappings()
        .iter()
        .filter(|other| other.id != before.id);
    if others.any(|other| other.name.to_lowercase() == folded) {
        fields.fault("name", "A role mapping of this name is there already");
    }
    let source = fields.text("source", change, source_name(before.source));
    let source = SOURCES.into_iter().find(|(name, _)| *name == source);
    if source.is_none() {
        fields.fault("source", "LDAP, OIDC or SUB is needed");
    }
    let value = fields.text("value", change, &before.value);
    let roles: Vec<RoleId> = fields.references("roles", change, before.roles, |uri| {
        roles::named(registry, uri)
    });
    fields.close(Resource::RoleMapping)?;
    administrator.gives(given(registry, &roles))?;
    Ok(RoleMapping {
        id: before.id,
        name,
        source: source.map_or(before.source, |(_, source)| source),
        value,
        roles,
    })
}

/// What roles permit together.
fn given(registry: &Registry, roles: &[RoleId]) -> Permissions {
    let roles = roles.iter().filter_map(|id| registry.role(*id));
    roles.fold(Permissions::NONE, |sum, role| sum.or(role.permissions))
}

fn source_name(source: Source) -> &'static str {
    let found = SOURCES.iter().find(|(_, known)| *known == source);
    found.map_or("", |(name, _)| name)
}

/// A mapping as it is shown.
fn object(mapping: &RoleMapping) -> Value {
    let roles = mapping.roles.iter().map(|role| Resource::Role.uri(role.0));
    json!({
        "id": mapping.id,
        "name": mapping.name,
        "source": source_name(mapping.source),
        "value": mapping.value,
        "roles": roles.collect::<Vec<_>>(),
        "resource_uri": Resource::RoleMapping.uri(mapping.id),
    })
}

fn find<'a>(registry: &'a Registry, id: &str) -> Result<&'a RoleMapping, Refusal> {
    let mut mappings = registry.mappings().iter();
    let mapping = mappings.find(|mapping| mapping.id.to_string() == id);
    mapping.ok_or_else(|| Refusal::not_found(Resource::RoleMapping, id))
}
