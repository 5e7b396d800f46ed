//! `…/global-config/roles`

use serde_json::json;

use super::super::collection::{self, Collection, Put, Route};
use super::super::rows::{self, Remaining, Row};
use super::super::scripts::compare;
use super::super::{created, deleted};
use super::{Form, array, ids_are_generated, name, refused};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::privilege::Endpoint;
use crate::documents::Members;
use crate::oauth::audit;
use crate::oauth::permission::{Permission, Permissions};
use crate::oauth::role::{Role, RoleId};
use crate::store::{Expect, Kind, Object, Write};

type Asked<'a> = collection::Asked<'a, Form>;

pub(in crate::api::manage) struct Roles;

impl Collection for Roles {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = Endpoint::Clients;
    const PATH: &'static str = "global-config/roles";
    const ROUTES: &'static [Route<Form>] = &[(Version(1, 0), (Form, "resource=1.0"))];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::Role, id).await
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!("There is no role {id}"))
    }

    fn revision(found: &Object) -> String {
        found.revision.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        let filter = rows::filter(asked.call)?;
        let mut found = Vec::new();
        for object in asked.objects(Kind::Role).await? {
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
        let id = asked.registry().await?.next_role();
        let role = checked(asked, id).await?;
        let write = Write::Put(Expect::Absent, role.draft());
        asked.commit("role created", vec![write]).await?;
        audit::administered("role.created", &asked.author(), &role.id.key());
        let answer = shown(asked, &there(asked, role.id).await?)?;
        Ok(created(
            asked.app,
            asked.call,
            Self::PATH,
            &role.id.key(),
            answer,
        ))
    }

    async fn update(asked: &Asked<'_>, _: &str, found: Object, _: Put) -> Result<Answer, ApiError> {
        let before = read(&found)?;
        let registry = asked.registry().await?;
        asked.may_give(&registry, before.permissions)?;
        let role = checked(asked, before.id).await?;
        let write = Write::Put(Expect::Present, role.draft());
        asked
            .commit_to(Kind::Role, &found, "role changed", vec![write])
            .await?;
        audit::administered("role.changed", &asked.author(), &role.id.key());
        shown(asked, &there(asked, role.id).await?)
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        let role = read(&found)?;
        let registry = asked.registry().await?;
        asked.may_give(&registry, role.permissions)?;
        let users = registry.users_of(role.id);
        if !users.is_empty() {
            return Err(ApiError::conflict(format!(
                "The role is in use: {}",
                users.join(", ")
            )));
        }
        let write = Write::Delete {
            kind: Kind::Role,
            realm: asked.call.realm.key.clone(),
            key: found.key.clone(),
        };
        asked
            .commit_to(Kind::Role, &found, "role deleted", vec![write])
            .await?;
        audit::administered("role.deleted", &asked.author(), &found.key);
        Ok(deleted(asked.call, asked.served, id))
    }
}

async fn checked(asked: &Asked<'_>, id: RoleId) -> Result<Role, ApiError> {
    let body = asked.call.members()?;
    let mut permissions = Permissions::NONE;
    for (n, codename) in array(&body, "permissions")?.iter().enumerate() {
        let known = codename.as_str().and_then(Permission::with_codename);
        let path = format!("permissions/{n}");
        permissions = permissions
            .with(known.ok_or_else(|| refused(&path, "is the codename of no permission"))?);
    }
    asked.may_give(&*asked.registry().await?, permissions)?;
    Ok(Role {
        id,
        name: name(&body)?,
        permissions,
    })
}

async fn there(asked: &Asked<'_>, id: RoleId) -> Result<Object, ApiError> {
    let found = asked.object(Kind::Role, &id.key()).await?;
    found.ok_or_else(|| ApiError::internal("a role vanished as it was written"))
}

fn read(object: &Object) -> Result<Role, ApiError> {
    Role::read(object)
        .ok_or_else(|| ApiError::internal(format!("the role {} cannot be read", object.key)))
}

fn written(role: &Role) -> Members {
    let mut members = Members::new();
    members.insert("name".into(), role.name.as_str().into());
    members.insert("permissions".into(), json!(role.permissions.codenames()));
    members
}

fn shown(asked: &Asked<'_>, object: &Object) -> Result<Answer, ApiError> {
    let revision = Some(object.revision.to_string());
    Ok(asked.single(&object.key, revision, written(&read(object)?)))
}
