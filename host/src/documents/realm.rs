//! Realms as documents.

use crate::publish::RealmBody;
use crate::realm::RealmPath;
use crate::store::{Draft, Expect, Kind, Write};

/// The document of a realm.
pub(crate) fn draft(path: &RealmPath, body: &RealmBody) -> Draft {
    Draft {
        kind: Kind::Realm,
        realm: String::new(),
        key: path.key(),
        name_key: path.key(),
        name: path.as_str().to_owned(),
        owner: String::new(),
        // Booleans and strings always serialise.
        body: serde_json::to_string(body).unwrap_or_default(),
        secret: None,
        members: Vec::new(),
        stamp: None,
    }
}

/// All writes that make a realm: its document, and what every realm begins with.
pub(crate) fn creation(path: &RealmPath, body: &RealmBody) -> Vec<Write> {
    let mut writes = vec![Write::Put(Expect::Absent, draft(path, body))];
    writes.extend(
        super::defaults::of_realm(path)
            .into_iter()
            .map(|draft| Write::Put(Expect::Absent, draft)),
    );
    writes
}
