//! `_action=copy` and `move`: one policy, or all policies of a set, within a realm or to another.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::collection::Collection;
use super::{Asked, Policies, Purpose};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::error::ApiError;
use crate::auth::caller::Authorized;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::documents::{Members, policy};
use crate::limits::REWRITE_ATTEMPTS;
use crate::publish::LiveRealm;
use crate::realm::RealmPath;
use crate::store::{Expect, Kind, Object, Write};

/// Where policies go; what is not said stays as it is.
struct Destination {
    realm: Arc<LiveRealm>,
    application: Option<String>,
}

/// Copies or moves one policy; answers with the new one.
pub(super) async fn one(asked: &Asked<'_>, action: &str, name: &str) -> Result<Answer, ApiError> {
    let body = body(asked)?;
    let to = body
        .get("to")
        .filter(|to| !to.is_null())
        .ok_or_else(|| ApiError::bad_request("to definition is missing"))?;
    let source = asked.there(name).await?;
    let empty = Map::new();
    let to = to.as_object().unwrap_or(&empty);
    let destination = destination(asked, to).await?;
    let new_name = text(to, "name")?.unwrap_or_else(|| source.name.clone());
    if destination.realm.key == asked.call.realm.key && new_name == source.name {
        return Err(ApiError::bad_request(
            "policy name already exists within the realm",
        ));
    }
    let resource_type = text(to, "resourceType")?;
    let becomes = |_: &Object| {
        let (name, resource_type) = (new_name.clone(), resource_type.clone());
        Some(Becomes {
            name,
            resource_type,
        })
    };
    let copied = transfer(asked, action, source, &destination, &becomes).await?;
    let copied = copied.ok_or_else(|| Policies::missing(asked, name, &Operation::Read))?;
    Ok(Answer::value(asked.served, Value::Object(copied)))
}

/// Copies or moves all policies of a set, one after the other; answers with the new ones.
pub(super) async fn many(asked: &Asked<'_>, action: &str) -> Result<Answer, ApiError> {
    let body = body(asked)?;
    let part = |name: &str| body.get(name).and_then(Value::as_object);
    if body.get("from").is_none_or(Value::is_null) {
        return Err(ApiError::bad_request("from definition is missing"));
    }
    let from = part("from").map(|from| text(from, "application"));
    let from = from.transpose()?.flatten();
    let from =
        from.ok_or_else(|| ApiError::bad_request("from application definition is missing"))?;
    let to = part("to").ok_or_else(|| ApiError::bad_request("to definition is missing"))?;
    let destination = destination(asked, to).await?;
    let postfix = text(to, "namePostfix")?.unwrap_or_default();
    if destination.realm.key == asked.call.realm.key && postfix.is_empty() {
        return Err(ApiError::bad_request(
            "policy name already exists within the realm",
        ));
    }
    let mapping = part("resourceTypeMapping").cloned().unwrap_or_default();
    let mut copies = Vec::new();
    let becomes = |source: &Object| {
        let source_members = crate::documents::members(source);
        let uuid = source_members.get("resourceTypeUuid");
        let mapped = uuid.and_then(|uuid| mapping.get(uuid.as_str()?)?.as_str());
        let becomes = Becomes {
            name: format!("{}{postfix}", source.name),
            resource_type: mapped.map(str::to_owned),
        };
        (source.owner == from.to_lowercase()).then_some(becomes)
    };
    for source in asked.objects(Kind::Policy).await? {
        let copied = transfer(asked, action, source, &destination, &becomes).await?;
        copies.extend(copied.map(Value::Object));
    }
    Ok(Answer::value(asked.served, Value::Array(copies)))
}

fn body(asked: &Asked<'_>) -> Result<Members, ApiError> {
    match asked.call.json()? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

async fn destination(asked: &Asked<'_>, to: &Members) -> Result<Destination, ApiError> {
    let realm = match text(to, "realm")? {
        None => Arc::clone(&asked.call.realm),
        Some(named) => {
            let path = Some(&named).filter(|named| named.is_empty() || named.starts_with('/'));
            let found = path.and_then(|named| asked.call.live.realm(&RealmPath::parse(named)?));
            found.ok_or_else(|| {
                ApiError::bad_request(format!("Invalid destination realm: {named}"))
            })?
        }
    };
    // Writing into another realm takes the privilege there.
    Authorized::check(
        asked.call.caller(asked.app).await?,
        Permission::new(Endpoint::Policies, Verb::Modify),
        &realm.path,
    )?;
    Ok(Destination {
        realm,
        application: text(to, "application")?,
    })
}

/// What is another about the new policy: its name, and where it is said its resource type.
struct Becomes {
    name: String,
    resource_type: Option<String>,
}

/// Copies or moves a policy as it is when that is done: what somebody else makes of it meanwhile is taken along. `None`
/// where it is gone by then, or is none of those that are meant.
///
/// # Errors
/// 409 for a name that is taken, and where others do not stop changing the policy.
async fn transfer(
    asked: &Asked<'_>,
    action: &str,
    mut source: Object,
    destination: &Destination,
    becomes: &impl Fn(&Object) -> Option<Becomes>,
) -> Result<Option<Members>, ApiError> {
    for _ in 0..REWRITE_ATTEMPTS {
        let Some(becomes) = becomes(&source) else {
            return Ok(None);
        };
        match transfer_unchanged(asked, action, &source, destination, becomes).await {
            // Here, as those policies that were copied before this one are not to be copied again.
            Err(error) if error.is_overtaken() => {
                match asked.object(Kind::Policy, &source.key).await? {
                    Some(now) => source = now,
                    None => return Ok(None),
                }
            }
            other => return other.map(Some),
        }
    }
    Err(ApiError::contended())
}

async fn transfer_unchanged(
    asked: &Asked<'_>,
    action: &str,
    source: &Object,
    destination: &Destination,
    Becomes {
        name,
        resource_type,
    }: Becomes,
) -> Result<Members, ApiError> {
    let mut json = crate::documents::members(source);
    json.insert("name".into(), name.as_str().into());
    if let Some(application) = &destination.application {
        json.insert("applicationName".into(), application.as_str().into());
    }
    if let Some(uuid) = resource_type {
        json.insert("resourceTypeUuid".into(), uuid.into());
    }
    let realm = &destination.realm;
    let (checked, fit) = asked.checked(json, realm, Purpose::Create).await?;
    let draft = checked.draft(&realm.key, &fit.set);
    let key = draft.key.clone();
    let mut writes = fit.then([asked.unchanged(Kind::Policy, source)]);
    if action == "move" {
        let realm = asked.call.realm.key.clone();
        writes.push(Write::Delete {
            kind: Kind::Policy,
            realm,
            key: source.key.clone(),
        });
    }
    writes.push(Write::Put(Expect::Absent, draft));
    if asked
        .app
        .store
        .object(Kind::Policy, &destination.realm.key, &key)
        .await?
        .is_some()
    {
        return Err(ApiError::conflict("Policy already exists"));
    }
    asked.commit(&format!("policy {action}"), writes).await?;
    let object = asked
        .app
        .store
        .object(Kind::Policy, &destination.realm.key, &key)
        .await?;
    let object = object.ok_or_else(ApiError::vanished)?;
    Ok(policy::shown(&object))
}

fn text(members: &Members, name: &str) -> Result<Option<String>, ApiError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::bad_request(format!(
            "Invalid value {name}: must be a string"
        ))),
    }
}
