//! `_action=copy` and `move`: one policy, or all policies of a set, within a realm or to another.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Asked, Purpose};
use crate::api::answer::Answer;
use crate::api::error::ApiError;
use crate::auth::caller::Authorized;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::documents::{Members, policy};
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
    let copied = transfer(
        asked,
        action,
        &source,
        &destination,
        new_name,
        resource_type,
    )
    .await?;
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
    for source in asked.objects(Kind::Policy).await? {
        if source.owner != from.to_lowercase() {
            continue;
        }
        let uuid = crate::documents::members(&source)
            .get("resourceTypeUuid")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let mapped = uuid.and_then(|uuid| mapping.get(&uuid)?.as_str().map(str::to_owned));
        let name = format!("{}{postfix}", source.name);
        copies.push(Value::Object(
            transfer(asked, action, &source, &destination, name, mapped).await?,
        ));
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

async fn transfer(
    asked: &Asked<'_>,
    action: &str,
    source: &Object,
    destination: &Destination,
    name: String,
    resource_type: Option<String>,
) -> Result<Members, ApiError> {
    let mut json = crate::documents::members(source);
    json.insert("name".into(), name.as_str().into());
    if let Some(application) = &destination.application {
        json.insert("applicationName".into(), application.as_str().into());
    }
    if let Some(uuid) = resource_type {
        json.insert("resourceTypeUuid".into(), uuid.into());
    }
    let (checked, set) = asked
        .checked(json, &destination.realm, Purpose::Create)
        .await?;
    let draft = checked.draft(&destination.realm.key, &set);
    let key = draft.key.clone();
    let mut writes = Vec::new();
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
    let object = object.ok_or_else(|| ApiError::internal("a policy vanished as it was written"))?;
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
