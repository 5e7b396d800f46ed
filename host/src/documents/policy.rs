//! Policies: AM's JSON → checked → stored, and back.

use assize_engine::Fault;
use assize_engine::model::Policy;
use serde_json::Value;

use super::{Members, given, members, shape};
use crate::clock::millis_text;
use crate::store::{Draft, Kind, Object};

/// A policy that may be stored, and what is stored of it.
pub(crate) struct Checked {
    pub(crate) policy: Policy,
    members: Members,
}

/// Reads a policy of either resource version.
///
/// # Errors
/// Everything that is wrong with it, as the engine says it.
pub(crate) fn check(json: &Value) -> Result<Checked, Vec<Fault>> {
    let policy = Policy::parse(json)?;
    let empty = Members::new();
    let source = json.as_object().unwrap_or(&empty);
    let mut kept = Members::new();
    kept.insert("name".into(), policy.name.as_str().into());
    kept.insert("active".into(), policy.active.into());
    if let Some(description) = given(source, "description") {
        kept.insert("description".into(), description.clone());
    }
    kept.insert("resources".into(), policy.resources.clone().into());
    kept.insert("applicationName".into(), policy.policy_set.as_str().into());
    let actions = policy
        .actions
        .iter()
        .map(|(name, allowed)| (name.clone(), Value::from(*allowed)));
    kept.insert("actionValues".into(), Value::Object(actions.collect()));
    let shaped = [
        ("subject", given(source, "subject").map(shape::subject)),
        (
            "condition",
            given(source, "condition").map(shape::condition),
        ),
        (
            "resourceTypeUuid",
            given(source, "resourceTypeUuid").cloned(),
        ),
        (
            "resourceAttributes",
            given(source, "resourceAttributes").map(shape::attributes),
        ),
    ];
    for (name, value) in shaped {
        if let Some(value) = value {
            kept.insert(name.into(), value);
        }
    }
    Ok(Checked {
        policy,
        members: kept,
    })
}

impl Checked {
    /// The document to be stored; `set` is the policy set's own spelling.
    pub(crate) fn draft(&self, realm_key: &str, set: &str) -> Draft {
        let mut kept = self.members.clone();
        kept.insert("applicationName".into(), set.into());
        let key = self.policy.name.to_lowercase();
        Draft {
            kind: Kind::Policy,
            realm: realm_key.to_owned(),
            name_key: key.clone(),
            key,
            name: self.policy.name.clone(),
            owner: set.to_lowercase(),
            body: Value::Object(kept).to_string(),
            secret: None,
            members: Vec::new(),
            stamp: None,
        }
    }
}

/// A stored policy as AM's reads show it under version 2.1, without `_id` and `_rev`: what was left out is filled in.
pub(crate) fn shown(object: &Object) -> Members {
    let mut shown = written(object);
    // A write echoes an empty list; a read leaves it out.
    shown.retain(|name, value| {
        name != "resourceAttributes" || value.as_array().is_none_or(|list| !list.is_empty())
    });
    shown.entry("description").or_insert_with(|| "".into());
    shown
        .entry("subject")
        .or_insert_with(|| serde_json::json!({"type": "NONE"}));
    shown
}

/// A stored policy as the answers of writes show it.
pub(crate) fn written(object: &Object) -> Members {
    let mut shown = members(object);
    shown.insert(
        "lastModifiedBy".into(),
        object.stamp.modified_by.as_str().into(),
    );
    shown.insert(
        "lastModifiedDate".into(),
        millis_text(object.stamp.modified_at).into(),
    );
    shown.insert("createdBy".into(), object.stamp.created_by.as_str().into());
    shown.insert(
        "creationDate".into(),
        millis_text(object.stamp.created_at).into(),
    );
    shown
}
