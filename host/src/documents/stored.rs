//! What the store knows of a document beside its JSON, as exports carry it.
//!
//! Policies, policy sets, resource types and scripts tell their authors and dates as AM does, in members of their own.
//! Every other document tells them in `_store`, with its secret where an export is to hold credentials; those that have
//! no form of their own also tell there what the store finds them by.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Members, given, members};
use crate::clock::{self, Millis};
use crate::store::{Draft, Kind, Object, Stamp};

/// The member that holds it.
const MEMBER: &str = "_store";
/// AM's members for authors and dates.
const AUTHORS_AND_DATES: [&str; 4] = [
    "createdBy",
    "creationDate",
    "lastModifiedBy",
    "lastModifiedDate",
];

/// Whether password hashes and other secrets are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Included,
    LeftOut,
}

/// The member's JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The name in lower case, unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The key, unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// Told, and empty, by what lives in no realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    realm: Option<String>,
    created_by: String,
    creation_date: Millis,
    last_modified_by: String,
    last_modified_date: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

impl Stored {
    fn of(object: &Object, credentials: Credentials) -> Stored {
        let secret = object.secret.clone();
        Stored {
            created_by: object.stamp.created_by.clone(),
            creation_date: object.stamp.created_at,
            last_modified_by: object.stamp.modified_by.clone(),
            last_modified_date: object.stamp.modified_at,
            secret: secret.filter(|_| credentials == Credentials::Included),
            ..Stored::default()
        }
    }

    /// Adds the member to a document that has a form of its own.
    pub(super) fn add(shown: &mut Members, object: &Object, credentials: Credentials) {
        // Texts and numbers always serialise.
        let stored = serde_json::to_value(Stored::of(object, credentials)).unwrap_or_default();
        shown.insert(MEMBER.into(), stored);
    }

    /// A document that has none: its body as it is, and the member.
    pub(super) fn whole(realm: &str, object: &Object, credentials: Credentials) -> Value {
        let unlike = |text: &str, usual: &str| (text != usual).then(|| text.to_owned());
        let stored = Stored {
            name: Some(object.name.clone()),
            key: unlike(&object.key, &object.name.to_lowercase()),
            second_key: unlike(&object.name_key, &object.key),
            owner: unlike(&object.owner, ""),
            realm: realm.is_empty().then(String::new),
            ..Stored::of(object, credentials)
        };
        let mut shown = members(object);
        shown.insert(
            MEMBER.into(),
            serde_json::to_value(stored).unwrap_or_default(),
        );
        Value::Object(shown)
    }

    /// Reads the member; `None` where there is none.
    ///
    /// # Errors
    /// The path, and what is wrong there.
    pub(super) fn parse(json: &Value) -> Result<Option<Stored>, (String, String)> {
        let Some(member) = json.get(MEMBER) else {
            return Ok(None);
        };
        let stored = Stored::deserialize(member);
        stored
            .map(Some)
            .map_err(|error| (format!("/{MEMBER}"), error.to_string()))
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp {
            created_by: self.created_by.clone(),
            created_at: self.creation_date,
            modified_by: self.last_modified_by.clone(),
            modified_at: self.last_modified_date,
        }
    }

    /// The document that [`Stored::whole`] was made from.
    ///
    /// # Errors
    /// The path, and what is wrong there.
    pub(super) fn draft(
        kind: Kind,
        realm_key: &str,
        json: &Value,
    ) -> Result<Draft, (String, String)> {
        let Some(body) = json.as_object() else {
            return Err((String::new(), "must be an object".into()));
        };
        let Some(stored) = Stored::parse(json)? else {
            let message = "is missing: such a document comes back from an export only";
            return Err((format!("/{MEMBER}"), message.into()));
        };
        let stamp = stored.stamp();
        let Some(name) = stored.name else {
            return Err((format!("/{MEMBER}/name"), "is missing".into()));
        };
        let realm = match stored.realm.as_deref() {
            None => realm_key.to_owned(),
            Some("") => String::new(),
            Some(_) => {
                let message = "can only be empty: the document's realm is that of the file";
                return Err((format!("/{MEMBER}/realm"), message.into()));
            }
        };
        let mut body = body.clone();
        body.shift_remove(MEMBER);
        let key = stored.key.unwrap_or_else(|| name.to_lowercase());
        Ok(Draft {
            kind,
            realm,
            name_key: stored.second_key.unwrap_or_else(|| key.clone()),
            key,
            name,
            owner: stored.owner.unwrap_or_default(),
            body: Value::Object(body).to_string(),
            secret: stored.secret,
            members: Vec::new(),
            stamp: Some(stamp),
        })
    }
}

/// Authors and dates as AM's members tell them. Who made an object and when stands for who changed it last where that is
/// not told, and the other way round; `None` unless an author and a date can be read.
pub(super) fn am_stamp(json: &Value) -> Option<Stamp> {
    let json = json.as_object()?;
    let text = |name| given(json, name)?.as_str().map(str::to_owned);
    let instant = |name| match given(json, name)? {
        Value::Number(millis) => millis.as_i64(),
        Value::String(text) => clock::parse(text),
        _ => None,
    };
    let [created_by, created_at, modified_by, modified_at] = AUTHORS_AND_DATES;
    let (created_by, modified_by) = both(text(created_by), text(modified_by))?;
    let (created_at, modified_at) = both(instant(created_at), instant(modified_at))?;
    Some(Stamp {
        created_by,
        created_at,
        modified_by,
        modified_at,
    })
}

/// Each stands for the other where that is missing.
fn both<T: Clone>(first: Option<T>, second: Option<T>) -> Option<(T, T)> {
    match (first, second) {
        (Some(first), Some(second)) => Some((first, second)),
        (Some(one), None) | (None, Some(one)) => Some((one.clone(), one)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_authors_and_dates_stands_for_what_is_not() {
        let told =
            serde_json::json!({"createdBy": "ann", "creationDate": 7, "lastModifiedBy": null});
        let stamp = Stamp {
            created_by: "ann".to_owned(),
            created_at: 7,
            modified_by: "ann".to_owned(),
            modified_at: 7,
        };
        assert_eq!(am_stamp(&told), Some(stamp));
        assert_eq!(am_stamp(&serde_json::json!({"createdBy": "ann"})), None);
    }
}
