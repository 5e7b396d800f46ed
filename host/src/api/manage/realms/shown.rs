//! A realm as answers show it.

use serde_json::{Map, Value, json};

use super::super::single;
use crate::api::Call;
use crate::api::answer::Answer;
use crate::documents::Members;
use crate::publish::LiveRealm;
use crate::realm::RealmPath;

/// One realm.
pub(super) fn answer(call: &Call, served: &'static str, realm: &LiveRealm) -> Answer {
    single(
        call,
        served,
        &realm.path.id(),
        Some(revision_of(realm)),
        members(&realm.path, realm.active, &realm.aliases),
    )
}

pub(super) fn members(path: &RealmPath, active: bool, aliases: &[String]) -> Members {
    let mut members = Map::new();
    // A member like the others: protocol 1.0, which adds none, shows it too.
    members.insert("_id".into(), path.id().into());
    members.insert(
        "parentPath".into(),
        path.parent().map(|parent| parent.to_string()).into(),
    );
    members.insert("active".into(), active.into());
    members.insert("name".into(), path.name().into());
    members.insert("aliases".into(), aliases.to_vec().into());
    members
}

pub(super) fn revision_of(realm: &LiveRealm) -> String {
    revision(&realm.path, realm.active, &realm.aliases)
}

/// Changes with what this endpoint shows of a realm, and with nothing else.
pub(super) fn revision(path: &RealmPath, active: bool, aliases: &[String]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (path.as_str(), active, aliases).hash(&mut hasher);
    // Never so small that it could be a placeholder in `If-Match`.
    (hasher.finish() >> 32 | 1 << 31).to_string()
}

/// What the action `schema` answers.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": "Name", "required": true},
            "active": {"type": "boolean", "title": "Active", "required": true},
            "parentPath": {"type": "string", "title": "Parent", "required": true},
            "aliases": {"type": "array", "items": {"type": "string"}, "title": "Realm Aliases", "required": true},
        },
    })
}
