//! `…/global-config/rolemappings`: who, known by another issuer or by a group, is an administrator of which kind.

use serde_json::{Value, json};

use super::super::collection::{self, Collection, Put, Route};
use super::super::rows::{self, Remaining, Row};
use super::super::scripts::compare;
use super::super::{created, deleted};
use super::{Form, array, ids_are_generated, name, refused, text};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::privilege::Endpoint;
use crate::documents::Members;
use crate::oauth::audit;
use crate::oauth::role::{RoleId, RoleMapping, Source};
use crate::store::{Expect, Kind, Object, Write};

type Asked<'a> = collection::Asked<'a, Form>;

pub(in crate::api::manage) struct Mappings;

impl Collection for Mappings {
    type Form = Form;
    type Found = Object;

    // As Pexip's API has it: who is an administrator is authentication configuration.
    const ENDPOINT: Endpoint = Endpoint::Authentication;
    const PATH: &'static str = "global-config/rolemappings";
    const ROUTES: &'static [Route<Form>] = &[(Version(1, 0), (Form, "resource=1.0"))];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::RoleMapping, id).await
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!("There is no role mapping {id}"))
    }

    fn revision(found: &Object) -> String {
        found.revision.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        let filter = rows::filter(asked.call)?;
        let mut found = Vec::new();
        for object in asked.objects(Kind::RoleMapping).await? {
            let row = Row {
                id: object.key.clone(),
                revision: Some(Self::revision(&object)),
                members: written(&read(&object)?),
            };
            if rows::holds(&filter, &row, &|row, name, operator, value| {
                Ok(compare(&row.members, name, operator, value))
            })? {
                found.push(row);
            }
        }
        rows::answer(asked.call, asked.served, found, Remaining::Counted)
    }

    async fn read(asked: &Asked<'_>, _: &str, found: Object) -> Result<Answer, ApiError> {
        shown(asked, &found)
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        if id.is_some() {
            return Err(ids_are_generated());
        }
        let id = asked.registry().await?.next_mapping();
        let mapping = checked(asked, id).await?;
        let write = Write::Put(Expect::Absent, mapping.draft());
        asked.commit("role mapping created", vec![write]).await?;
        let id = mapping.id.to_string();
        audit::administered("role_mapping.created", &asked.author(), &id);
        let answer = shown(asked, &there(asked, mapping.id).await?)?;
        Ok(created(asked.app, asked.call, Self::PATH, &id, answer))
    }

    async fn update(asked: &Asked<'_>, _: &str, found: Object, _: Put) -> Result<Answer, ApiError> {
        let before = read(&found)?;
        may_change(asked, &before).await?;
        let mapping = checked(asked, before.id).await?;
        let write = Write::Put(Expect::Present, mapping.draft());
        asked
            .commit_to(
                Kind::RoleMapping,
                &found,
                "role mapping changed",
                vec![write],
            )
            .await?;
        let id = mapping.id.to_string();
        audit::administered("role_mapping.changed", &asked.author(), &id);
        shown(asked, &there(asked, mapping.id).await?)
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        may_change(asked, &read(&found)?).await?;
        let write = Write::Delete {
            kind: Kind::RoleMapping,
            realm: asked.call.realm.key.clone(),
            key: found.key.clone(),
        };
        asked
            .commit_to(
                Kind::RoleMapping,
                &found,
                "role mapping deleted",
                vec![write],
            )
            .await?;
        audit::administered("role_mapping.deleted", &asked.author(), &found.key);
        Ok(deleted(asked.call, asked.served, id))
    }
}

/// Nobody takes away what they could not give.
async fn may_change(asked: &Asked<'_>, mapping: &RoleMapping) -> Result<(), ApiError> {
    let registry = asked.registry().await?;
    asked.may_give(&registry, Asked::permitted(&registry, &mapping.roles))
}

async fn checked(asked: &Asked<'_>, id: u32) -> Result<RoleMapping, ApiError> {
    let body = asked.call.members()?;
    let source = match text(&body, "source")? {
        "sub" => Source::Sub,
        "role" => Source::Role,
        "group" => Source::Group,
        _ => return Err(refused("source", "must be sub, role or group")),
    };
    let value = text(&body, "value")?.to_owned();
    if value.is_empty() {
        return Err(refused("value", "must not be empty"));
    }
    let registry = asked.registry().await?;
    let mut roles: Vec<RoleId> = Vec::new();
    for (n, wanted) in array(&body, "roles")?.iter().enumerate() {
        let found = match wanted {
            Value::String(name) => registry.role_named(name),
            number => {
                let number = number.as_u64().and_then(|n| u32::try_from(n).ok());
                number.and_then(|number| registry.role(RoleId(number)))
            }
        };
        let path = format!("roles/{n}");
        let role = found.ok_or_else(|| refused(&path, "names no role, by number or by name"))?;
        roles.push(role.id);
    }
    asked.may_give(&registry, Asked::permitted(&registry, &roles))?;
    Ok(RoleMapping {
        id,
        name: name(&body)?,
        source,
        value,
        roles,
    })
}

async fn there(asked: &Asked<'_>, id: u32) -> Result<Object, ApiError> {
    let found = asked.object(Kind::RoleMapping, &id.to_string()).await?;
    found.ok_or_else(|| ApiError::internal("a role mapping vanished as it was written"))
}

fn read(object: &Object) -> Result<RoleMapping, ApiError> {
    RoleMapping::read(object)
        .ok_or_else(|| ApiError::internal(format!("the mapping {} cannot be read", object.key)))
}

fn written(mapping: &RoleMapping) -> Members {
    let roles: Vec<u32> = mapping.roles.iter().map(|role| role.0).collect();
    let mut members = Members::new();
    members.insert("name".into(), mapping.name.as_str().into());
    members.insert("source".into(), json!(mapping.source));
    members.insert("value".into(), mapping.value.as_str().into());
    members.insert("roles".into(), roles.into());
    members
}

fn shown(asked: &Asked<'_>, object: &Object) -> Result<Answer, ApiError> {
    let revision = Some(object.revision.to_string());
    Ok(asked.single(&object.key, revision, written(&read(object)?)))
}
