//! What policies are made against: policy sets and resource types.

use assize_engine::model::{PolicySet, ResourceType};
use assize_engine::{Fault, FaultCode};
use serde_json::{Value, json};

use super::{Members, add_stamp, given, members};
use crate::store::{Draft, Kind, Object};

/// Application types that AM knows; the first is that of web policies.
pub(crate) const APPLICATION_TYPES: [&str; 3] = [
    "iPlanetAMWebAgentService",
    "sunAMDelegationService",
    "umaApplicationType",
];

/// A resource type as it is stored: all members present.
pub(crate) fn resource_type(
    json: &Value,
    uuid: &str,
) -> Result<(ResourceType, Members), Vec<Fault>> {
    let mut parsed = ResourceType::parse(json)?;
    parsed.uuid = uuid.to_owned();
    if !is_name(&parsed.name) {
        return Err(vec![fault("/name", "Invalid Resource Type Name")]);
    }
    let empty = Members::new();
    let source = json.as_object().unwrap_or(&empty);
    let mut kept = Members::new();
    kept.insert("uuid".into(), uuid.into());
    kept.insert("name".into(), parsed.name.as_str().into());
    kept.insert(
        "description".into(),
        given(source, "description").cloned().unwrap_or_default(),
    );
    kept.insert("patterns".into(), distinct(source.get("patterns")));
    kept.insert(
        "actions".into(),
        source.get("actions").cloned().unwrap_or_else(|| json!({})),
    );
    Ok((parsed, kept))
}

/// The document of a resource type.
pub(crate) fn resource_type_draft(realm_key: &str, parsed: &ResourceType, kept: Members) -> Draft {
    Draft {
        kind: Kind::ResourceType,
        realm: realm_key.to_owned(),
        key: parsed.uuid.to_lowercase(),
        name_key: parsed.name.to_lowercase(),
        name: parsed.uuid.clone(),
        owner: String::new(),
        body: Value::Object(kept).to_string(),
        secret: None,
        members: Vec::new(),
        stamp: None,
    }
}

/// A stored resource type as AM shows it, without `_id` and `_rev`.
pub(crate) fn resource_type_shown(object: &Object) -> Members {
    let mut shown = members(object);
    add_stamp(&mut shown, &object.stamp);
    shown
}

/// The engine's view of a stored resource type.
pub(crate) fn resource_type_of(object: &Object) -> Option<ResourceType> {
    let json: Value = serde_json::from_str(&object.body).ok()?;
    ResourceType::parse(&json).ok()
}

/// A policy set as it is stored: all members of version 2.1 present, lists without repetitions.
pub(crate) fn policy_set(json: &Value) -> Result<(PolicySet, Members), Vec<Fault>> {
    let parsed = PolicySet::parse(json)?;
    let empty = Members::new();
    let source = json.as_object().unwrap_or(&empty);
    let mut faults = Vec::new();
    let mut kept = Members::new();
    kept.insert("name".into(), parsed.name.as_str().into());
    for name in ["displayName", "description"] {
        kept.insert(name.into(), text_or_null(source, name, &mut faults));
    }
    match source.get("applicationType").and_then(Value::as_str) {
        Some(kind) if APPLICATION_TYPES.contains(&kind) => {
            kept.insert("applicationType".into(), kind.into())
        }
        _ => {
            faults.push(fault(
                "/applicationType",
                "Invalid application type defined in request.",
            ));
            None
        }
    };
    for name in [
        "conditions",
        "subjects",
        "resourceTypeUuids",
        "attributeNames",
    ] {
        if name == "attributeNames" && !is_list_of_texts(source.get(name)) {
            faults.push(fault(
                "/attributeNames",
                "Invalid value attributeNames: must be an array of strings",
            ));
        }
        kept.insert(name.into(), distinct(source.get(name)));
    }
    kept.insert("entitlementCombiner".into(), "DenyOverride".into());
    for name in ["saveIndex", "searchIndex", "resourceComparator"] {
        let class = text_or_null(source, name, &mut faults);
        if class.as_str().is_some_and(|class| !is_class(class)) {
            let text = class.as_str().unwrap_or_default();
            let message = format!("Unable to instantiate class {text}.");
            faults.push(fault(&format!("/{name}"), &message));
        }
        kept.insert(name.into(), if class == "" { Value::Null } else { class });
    }
    if faults.is_empty() {
        Ok((parsed, kept))
    } else {
        Err(faults)
    }
}

/// Whether AM could have a class of that name: of its own packages, or none. No class is ever loaded here.
fn is_class(name: &str) -> bool {
    const PACKAGES: [&str; 3] = [
        "com.sun.identity.",
        "org.forgerock.",
        "org.openidentityplatform.",
    ];
    name.is_empty() || PACKAGES.iter().any(|package| name.starts_with(package))
}

/// The document of a policy set.
pub(crate) fn policy_set_draft(realm_key: &str, parsed: &PolicySet, kept: Members) -> Draft {
    let key = parsed.name.to_lowercase();
    Draft {
        kind: Kind::PolicySet,
        realm: realm_key.to_owned(),
        name_key: key.clone(),
        key,
        name: parsed.name.clone(),
        owner: String::new(),
        body: Value::Object(kept).to_string(),
        secret: None,
        members: Vec::new(),
        stamp: None,
    }
}

/// A stored policy set as AM shows it under version 2.1, without `_id` and `_rev`, its members in the order that AM's
/// documentation shows.
pub(crate) fn policy_set_shown(object: &Object) -> Members {
    const ORDER: [&str; 17] = [
        "name",
        "displayName",
        "description",
        "attributeNames",
        "createdBy",
        "conditions",
        "lastModifiedBy",
        "creationDate",
        "lastModifiedDate",
        "subjects",
        "saveIndex",
        "searchIndex",
        "entitlementCombiner",
        "resourceComparator",
        "editable",
        "applicationType",
        "resourceTypeUuids",
    ];
    let mut stored = members(object);
    stored.insert("editable".into(), true.into());
    add_stamp(&mut stored, &object.stamp);
    let mut shown = Members::new();
    for name in ORDER {
        shown.extend(
            stored
                .shift_remove(name)
                .map(|value| (name.to_owned(), value)),
        );
    }
    shown.extend(stored);
    shown
}

/// The engine's view of a stored policy set.
pub(crate) fn policy_set_of(object: &Object) -> Option<PolicySet> {
    let json: Value = serde_json::from_str(&object.body).ok()?;
    PolicySet::parse(&json).ok()
}

/// Whether a policy set, resource type or bundle may be called that: the names that AM's directory can hold, and no
/// slash.
pub(super) fn is_name(name: &str) -> bool {
    !name.starts_with([' ', '#'])
        && !name.ends_with(' ')
        && !name
            .chars()
            .any(|c| c.is_control() || "\"+,;<>=\\/".contains(c))
}

fn fault(path: &str, message: &str) -> Fault {
    Fault {
        code: FaultCode::Invalid,
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

fn text_or_null(source: &Members, name: &str, faults: &mut Vec<Fault>) -> Value {
    match given(source, name) {
        None => Value::Null,
        Some(Value::String(text)) => text.as_str().into(),
        Some(_) => {
            faults.push(fault(
                &format!("/{name}"),
                &format!("Invalid value {name}: must be a string"),
            ));
            Value::Null
        }
    }
}

fn is_list_of_texts(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.iter().all(Value::is_string),
        Some(_) => false,
    }
}

/// The items of an array in their order, each once; an empty array where there is none.
fn distinct(value: Option<&Value>) -> Value {
    let mut items: Vec<Value> = Vec::new();
    for item in value.and_then(Value::as_array).into_iter().flatten() {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    Value::Array(items)
}
