//! What the objects of a document refer to: checked where it is written, filled in where it goes without saying.

use assize_engine::model::{PolicySet, ResourceType};
use assize_engine::{Fault, FaultCode};
use serde_json::Value;

use crate::documents::{Members, given};

/// A policy set as it was read.
///
/// # Errors
/// The resource types that are not there: where one is, not even the list of policy sets could be read under version 1.0.
pub(super) fn types_exist(
    (set, kept): (PolicySet, Members),
    types: &[ResourceType],
) -> Result<(PolicySet, Members), Vec<Fault>> {
    let known = |uuid: &String| types.iter().any(|known| known.uuid == *uuid);
    let unknown = set
        .resource_types
        .iter()
        .enumerate()
        .filter(|(_, uuid)| !known(uuid));
    let faults: Vec<Fault> = unknown
        .map(|(index, uuid)| Fault {
            code: FaultCode::UnknownReference,
            path: format!("/resourceTypeUuids/{index}"),
            message: format!("there is no resource type {uuid:?}"),
        })
        .collect();
    if faults.is_empty() {
        Ok((set, kept))
    } else {
        Err(faults)
    }
}

/// A policy that names no resource type is of its policy set's, where that has only one (as under version 1.0).
pub(super) fn with_only_type(json: &Value, sets: &[PolicySet]) -> Value {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut()
        && given(members, "resourceTypeUuid").is_none()
    {
        let name = given(members, "applicationName").and_then(Value::as_str);
        let name = name.unwrap_or(PolicySet::DEFAULT).to_lowercase();
        let set = sets.iter().find(|set| set.name.to_lowercase() == name);
        if let Some([only]) = set.map(|set| set.resource_types.as_slice()) {
            members.insert("resourceTypeUuid".into(), only.as_str().into());
        }
    }
    json
}

/// A policy set whose application type nobody wrote is of the ordinary one.
pub(super) fn with_application_type(json: &Value) -> Value {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut()
        && given(members, "applicationType").is_none()
    {
        members.insert("applicationType".into(), PolicySet::DEFAULT.into());
    }
    json
}
