//! Version 1.0 of policy sets, in which a set has actions and resources itself instead of resource types
//! (`management-rest.md` §4.5).

use serde_json::{Map, Value};

use super::{Asked, lists_type};
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::random_uuid;
use crate::documents::{Members, catalogue, defaults, members};
use crate::publish::LiveRealm;
use crate::store::{Expect, Kind, Object, Unreferred, Write};

/// A set as version 1.0 shows it: with the actions and patterns of its resource types, and its realm.
///
/// # Errors
/// 404 where one of its types does not exist.
pub(super) async fn shown(
    app: &App,
    realm: &LiveRealm,
    mut set: Members,
) -> Result<Members, ApiError> {
    let uuids = set.shift_remove("resourceTypeUuids").unwrap_or_default();
    set.shift_remove("displayName");
    let (mut actions, mut patterns) = (Map::new(), Vec::new());
    for uuid in uuids
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let found = app
            .store
            .object(Kind::ResourceType, &realm.key, &uuid.to_lowercase())
            .await?;
        let found = found.ok_or_else(|| {
            ApiError::not_found(format!(
                "Resource Type {uuid} does not exist in realm {}",
                realm.path
            ))
        })?;
        let found = members(&found);
        actions.extend(
            found
                .get("actions")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
        );
        for pattern in found
            .get("patterns")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if !patterns.contains(pattern) {
                patterns.push(pattern.clone());
            }
        }
    }
    set.insert("actions".into(), actions.into());
    set.insert("resources".into(), patterns.into());
    set.insert("realm".into(), realm.path.as_str().into());
    Ok(set)
}

/// Actions and resources that a body of version 1.0 gives.
struct Given {
    actions: Map<String, Value>,
    resources: Vec<Value>,
}

impl Given {
    /// # Errors
    /// 400 in AM's words, first fault first.
    fn of(asked: &Asked<'_>, body: &Members) -> Result<Self, ApiError> {
        let actions = match body.get("actions") {
            Some(Value::Object(actions)) if actions.values().all(Value::is_boolean) => {
                actions.clone()
            }
            _ => return Err(ApiError::bad_request("Invalid actions defined in request")),
        };
        let resources = match body.get("resources") {
            Some(Value::Array(resources)) if resources.iter().all(Value::is_string) => {
                resources.clone()
            }
            _ => {
                return Err(ApiError::bad_request(
                    "Invalid resources defined in request",
                ));
            }
        };
        let realm = body.get("realm").and_then(Value::as_str);
        if realm != Some(asked.call.realm.path.as_str()) {
            return Err(ApiError::bad_request(format!(
                "Attempted to create Application in realm {}, but request originated from {}.",
                realm.unwrap_or("null"),
                asked.call.realm.path
            )));
        }
        Ok(Given { actions, resources })
    }

    fn is_covered_by(&self, resource_type: &Members) -> bool {
        let empty = Map::new();
        let actions = resource_type
            .get("actions")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let patterns = resource_type.get("patterns").and_then(Value::as_array);
        self.actions
            .iter()
            .all(|(name, value)| actions.get(name) == Some(value))
            && self
                .resources
                .iter()
                .all(|wanted| patterns.is_some_and(|patterns| patterns.contains(wanted)))
    }

    fn is(&self, resource_type: &Members) -> bool {
        let count = |name: &str| match resource_type.get(name) {
            Some(Value::Object(members)) => members.len(),
            Some(Value::Array(items)) => items.len(),
            _ => 0,
        };
        let distinct = self
            .resources
            .iter()
            .enumerate()
            .filter(|(n, r)| !self.resources.iter().take(*n).any(|o| o == *r));
        self.is_covered_by(resource_type)
            && count("actions") == self.actions.len()
            && count("patterns") == distinct.count()
    }
}

/// What a body of version 1.0 needs before anything else is looked at.
///
/// # Errors
/// 400 in AM's words.
pub(super) fn check(asked: &Asked<'_>) -> Result<(), ApiError> {
    Given::of(asked, &asked.call.members()?).map(drop)
}

/// The type for a new set: one of the realm that has all that is given, or else a generated one.
///
/// # Errors
/// 400 for a body that version 1.0 does not take, or without a name where a type would be made and named after it.
pub(super) async fn type_for_new_set(
    asked: &Asked<'_>,
    id: Option<&str>,
    body: &Members,
    writes: &mut Vec<Write>,
) -> Result<String, ApiError> {
    let given = Given::of(asked, body)?;
    for object in asked.objects(Kind::ResourceType).await? {
        if given.is_covered_by(&members(&object)) {
            writes.push(asked.unchanged(Kind::ResourceType, &object));
            return Ok(object.name);
        }
    }
    let name = match (id, body.get("name")) {
        (None, None) => return Err(ApiError::bad_request("Invalid value name")),
        (Some(id), _) => Some(id),
        (None, Some(name)) => name.as_str(),
    };
    let mut set = body.clone();
    set.insert("name".into(), name.into());
    set.insert("resourceTypeUuids".into(), Value::Array(Vec::new()));
    match name {
        Some(name) if catalogue::policy_set(&Value::Object(set)).is_ok() => {
            generated(asked, name, &given, writes)
        }
        // There will be no such set, as is found out next: no type is named after it.
        _ => random_uuid().map_err(ApiError::internal),
    }
}

/// The type for a changed set. Where what is given differs from the set's type, the type is changed in place if no other
/// set has it and it is not built in; else the set gets one of its own.
///
/// # Errors
/// 400 for a body that version 1.0 does not take, or a set that has not exactly one type.
pub(super) async fn type_for_changed_set(
    asked: &Asked<'_>,
    body: &Members,
    there: &Object,
    writes: &mut Vec<Write>,
) -> Result<String, ApiError> {
    let given = Given::of(asked, body)?;
    let set = members(there);
    let uuids: Vec<&str> = set
        .get("resourceTypeUuids")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let &[uuid] = uuids.as_slice() else {
        return Err(ApiError::bad_request(
            "Cannot modify application with more than one resource type using version 1.0 of this endpoint",
        ));
    };
    let since = asked.app.store.revision().await?;
    let found = asked.object(Kind::ResourceType, uuid).await?;
    let Some(found) = found else {
        return generated(asked, &there.name, &given, writes);
    };
    let kind = members(&found);
    if given.is(&kind) {
        writes.push(asked.unchanged(Kind::ResourceType, &found));
        return Ok(uuid.to_owned());
    }
    let mut shared = defaults::is_built_in(uuid);
    for other in asked.objects(Kind::PolicySet).await? {
        shared |= other.key != there.key && lists_type(&other, uuid);
    }
    if shared {
        return generated(asked, &there.name, &given, writes);
    }
    writes.push(asked.unchanged(Kind::ResourceType, &found));
    writes.push(Write::RequireUnreferred(Unreferred {
        kind: Kind::PolicySet,
        realm: asked.call.realm.key.clone(),
        since,
        to: uuid.to_owned(),
        refers: lists_type,
    }));
    let mut changed = kind;
    changed.insert("actions".into(), given.actions.clone().into());
    changed.insert("patterns".into(), given.resources.clone().into());
    put_type(asked, Value::Object(changed), uuid, Expect::Present, writes)?;
    Ok(uuid.to_owned())
}

fn generated(
    asked: &Asked<'_>,
    name: &str,
    given: &Given,
    writes: &mut Vec<Write>,
) -> Result<String, ApiError> {
    let uuid = random_uuid().map_err(ApiError::internal)?;
    let digits: String = uuid
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(char::from)
        .take(4)
        .collect();
    let json = serde_json::json!({
        "name": format!("{name}ResourceType{digits:0>4}"),
        "description": "Generated resource type",
        "patterns": given.resources,
        "actions": given.actions,
    });
    put_type(asked, json, &uuid, Expect::Absent, writes)?;
    Ok(uuid)
}

fn put_type(
    asked: &Asked<'_>,
    json: Value,
    uuid: &str,
    expect: Expect,
    writes: &mut Vec<Write>,
) -> Result<(), ApiError> {
    let (parsed, kept) = catalogue::resource_type(&json, uuid)
        .map_err(|faults| crate::api::manage::policies::refused(&faults))?;
    writes.push(Write::Put(
        expect,
        catalogue::resource_type_draft(&asked.call.realm.key, &parsed, kept),
    ));
    Ok(())
}
