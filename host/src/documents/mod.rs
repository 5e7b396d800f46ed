//! What is administered, between its JSON and the store: checks what people write, and says what is kept of it.
//!
//! REST and import go through the same functions, so neither can write what the other would refuse.

pub(crate) mod authentication;
pub(crate) mod bundle;
pub(crate) mod catalogue;
pub(crate) mod defaults;
pub(crate) mod export;
pub(crate) mod identity;
pub(crate) mod import;
pub(crate) mod policy;
pub(crate) mod realm;
pub(crate) mod realm_settings;
pub(crate) mod script;
mod script_text;
mod shape;
pub(crate) mod stored;

use serde_json::{Map, Value};

use crate::store::{Object, Stamp};

/// Members of a document.
pub(crate) type Members = Map<String, Value>;

/// The members of a stored document; none where the store holds no object, which it never should.
pub(crate) fn members(object: &Object) -> Members {
    match serde_json::from_str(&object.body) {
        Ok(Value::Object(members)) => members,
        _ => Members::new(),
    }
}

/// Author and dates in milliseconds, as policy sets and resource types show them.
pub(crate) fn add_stamp(members: &mut Members, stamp: &Stamp) {
    members.insert("createdBy".into(), stamp.created_by.as_str().into());
    members.insert("creationDate".into(), stamp.created_at.into());
    members.insert("lastModifiedBy".into(), stamp.modified_by.as_str().into());
    members.insert("lastModifiedDate".into(), stamp.modified_at.into());
}

/// A member that is not null.
pub(crate) fn given<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}
