//! Bundle definitions: which policy sets of a realm make a bundle, how old it may get, and who may fetch it.

use std::collections::BTreeSet;

use assize_engine::{Fault, FaultCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Members, add_stamp, members};
use crate::limits::{
    BUNDLE_AGE_SECONDS, BUNDLE_AGE_SECONDS_DEFAULT, BUNDLE_POLICY_SETS, BUNDLE_READERS, TOKEN_BYTES,
};
use crate::naming::is_dot_segment;
use crate::store::{Draft, Kind, Object};

/// A definition that may be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundleDefinition {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Names of policy sets, found without regard to case.
    pub(crate) policy_sets: Vec<String>,
    /// Seconds past which a holder denies everything.
    pub(crate) max_age: u64,
    /// Universal ids of users and groups, and ids of clients.
    readers: Vec<String>,
}

/// Members that an answer has and that are not read: so a definition that was read can be written again.
const COMPUTED: [&str; 6] = [
    "_id",
    "_rev",
    "createdBy",
    "creationDate",
    "lastModifiedBy",
    "lastModifiedDate",
];

impl BundleDefinition {
    /// Reads the JSON of a definition. Whether its policy sets exist is for the caller to find out.
    ///
    /// # Errors
    /// Everything that is wrong, each with the path of the member.
    pub(crate) fn parse(json: &Members) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader {
            json,
            faults: Vec::new(),
        };
        reader.refuse_unknown_members();
        let definition = BundleDefinition {
            name: reader.name(),
            description: reader.text("description"),
            policy_sets: reader.policy_sets(),
            max_age: reader.max_age(),
            readers: reader.readers(),
        };
        if reader.faults.is_empty() {
            Ok(definition)
        } else {
            Err(reader.faults)
        }
    }

    /// A stored definition.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        serde_json::from_str(&object.body).ok()
    }

    /// The document of a definition.
    pub(crate) fn draft(&self, realm_key: &str) -> Draft {
        let key = self.name.to_lowercase();
        Draft {
            kind: Kind::BundleDefinition,
            realm: realm_key.to_owned(),
            name_key: key.clone(),
            key,
            name: self.name.clone(),
            owner: String::new(),
            // Texts and numbers always serialise.
            body: serde_json::to_string(self).unwrap_or_default(),
            secret: None,
            members: Vec::new(),
            stamp: None,
        }
    }

    /// Whether somebody who is known by any of these ids may fetch the bundle. Universal ids are compared without
    /// regard to case, as everywhere; ids of clients exactly.
    pub(crate) fn is_for<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> bool {
        ids.into_iter().any(|id| {
            self.readers.iter().any(|reader| {
                reader == id
                    || (is_universal_id(reader) && reader.to_lowercase() == id.to_lowercase())
            })
        })
    }
}

/// A stored definition as it is shown, without `_id` and `_rev`.
pub(crate) fn shown(object: &Object) -> Members {
    let mut shown = members(object);
    add_stamp(&mut shown, &object.stamp);
    shown
}

fn is_universal_id(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.starts_with("id=") && (lower.contains(",ou=user,") || lower.contains(",ou=group,"))
}

struct Reader<'a> {
    json: &'a Members,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, code: FaultCode, path: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault {
            code,
            path: path.into(),
            message: message.into(),
        });
    }

    fn refuse_unknown_members(&mut self) {
        const KNOWN: [&str; 5] = ["name", "description", "policySets", "maxAge", "readers"];
        let known = |name: &str| KNOWN.contains(&name) || COMPUTED.contains(&name);
        let unknown = self.json.keys().filter(|name| !known(name));
        for name in unknown.cloned().collect::<Vec<_>>() {
            let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            self.fault(
                FaultCode::UnknownMember,
                path,
                format!("A bundle definition has no member {name}"),
            );
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.json.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                let message = format!("{name} must be a string");
                self.fault(FaultCode::WrongType, format!("/{name}"), message);
                None
            }
        }
    }

    fn name(&mut self) -> String {
        let known = self.faults.len();
        let name = self.text("name").unwrap_or_default();
        if self.faults.len() > known {
            return name;
        }
        if name.is_empty() {
            self.fault(FaultCode::Missing, "/name", "A bundle needs a name");
        } else if name.len() > TOKEN_BYTES
            || !super::catalogue::is_name(&name)
            || is_dot_segment(&name)
        {
            let message = format!(
                "A bundle's name has at most {TOKEN_BYTES} bytes, no blank at either end, none of \" + , ; < > = \\ /, and \
                 is not . or .."
            );
            self.fault(FaultCode::BadName, "/name", message);
        }
        name
    }

    fn max_age(&mut self) -> u64 {
        match self.json.get("maxAge") {
            None | Some(Value::Null) => BUNDLE_AGE_SECONDS_DEFAULT,
            Some(value) => {
                let age = value.as_u64();
                if let Some(age) = age.filter(|age| (1..=BUNDLE_AGE_SECONDS).contains(age)) {
                    return age;
                }
                let message = format!(
                    "maxAge must be a whole number of seconds from 1 to {BUNDLE_AGE_SECONDS}"
                );
                self.fault(FaultCode::Invalid, "/maxAge", message);
                BUNDLE_AGE_SECONDS_DEFAULT
            }
        }
    }

    fn policy_sets(&mut self) -> Vec<String> {
        let sets = self.texts("policySets", BUNDLE_POLICY_SETS);
        if sets.is_empty()
            && self
                .faults
                .iter()
                .all(|f| !f.path.starts_with("/policySets"))
        {
            let message = "A bundle needs the name of at least one policy set";
            self.fault(FaultCode::Missing, "/policySets", message);
        }
        sets
    }

    fn readers(&mut self) -> Vec<String> {
        let readers = self.texts("readers", BUNDLE_READERS);
        for (n, reader) in readers.iter().enumerate() {
            let names_directory = reader.contains('=') || reader.contains(',');
            if reader.trim() != reader || (names_directory && !is_universal_id(reader)) {
                let message = format!(
                    "{reader:?} is neither the universal id of a user or group (id=NAME,ou=user,… or id=NAME,ou=group,…) \
                     nor the id of a client"
                );
                self.fault(FaultCode::Invalid, format!("/readers/{n}"), message);
            }
        }
        readers
    }

    /// Distinct texts of an array; none where it is missing.
    fn texts(&mut self, name: &str, most: usize) -> Vec<String> {
        let items = match self.json.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                let message = format!("{name} must be an array of strings");
                self.fault(FaultCode::WrongType, format!("/{name}"), message);
                return Vec::new();
            }
        };
        if items.len() > most {
            let message = format!("{name} may have {most} items");
            self.fault(FaultCode::Limit, format!("/{name}"), message);
            return Vec::new();
        }
        let (mut texts, mut seen) = (Vec::new(), BTreeSet::new());
        for (n, item) in items.iter().enumerate() {
            let path = format!("/{name}/{n}");
            match item.as_str() {
                None => self.fault(FaultCode::WrongType, path, "must be a string"),
                Some(text) if text.is_empty() || text.len() > TOKEN_BYTES => {
                    let message = format!("must have 1 to {TOKEN_BYTES} bytes");
                    self.fault(FaultCode::Invalid, path, message);
                }
                Some(text) if !seen.insert(text.to_lowercase()) => {
                    self.fault(FaultCode::Duplicate, path, format!("{text} is there twice"));
                }
                Some(text) => texts.push(text.to_owned()),
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use serde_json::json;

    use super::*;

    fn parse(json: Value) -> Result<BundleDefinition, Vec<(String, FaultCode)>> {
        let Value::Object(members) = json else {
            unreachable!("tests give objects")
        };
        BundleDefinition::parse(&members)
            .map_err(|faults| faults.into_iter().map(|f| (f.path, f.code)).collect())
    }

    #[test]
    fn what_is_left_out_has_a_default_and_what_was_read_can_be_written() {
        let least = parse(json!({"name": "edge", "policySets": ["a"]})).unwrap();
        assert_eq!((least.max_age, least.readers.len()), (3600, 0));
        let full = json!({
            "_id": "edge", "_rev": "1", "name": "edge", "description": "d", "policySets": ["a", "B"], "maxAge": 60,
            "readers": ["id=ann,ou=user,dc=x", "client-1"], "createdBy": "x", "creationDate": 1,
            "lastModifiedBy": "x", "lastModifiedDate": 1,
        });
        let full = parse(full).unwrap();
        let again: BundleDefinition = serde_json::from_str(&full.draft("/").body).unwrap();
        assert_eq!(again, full);
    }

    #[test]
    fn everything_wrong_is_named_with_its_path() {
        use FaultCode::*;
        let long = vec!["x"; BUNDLE_POLICY_SETS + 1];
        for (json, faults) in [
            (
                json!({}),
                vec![("/name", Missing), ("/policySets", Missing)],
            ),
            (
                json!({"name": "a/b", "policySets": ["a", "A", 1, ""], "reader": []}),
                vec![
                    ("/reader", UnknownMember),
                    ("/name", BadName),
                    ("/policySets/1", Duplicate),
                    ("/policySets/2", WrongType),
                    ("/policySets/3", Invalid),
                ],
            ),
            (
                json!({"name": 1, "policySets": "a", "maxAge": "60", "readers": ["uid=x,ou=people", " c"]}),
                vec![
                    ("/name", WrongType),
                    ("/policySets", WrongType),
                    ("/maxAge", Invalid),
                    ("/readers/0", Invalid),
                    ("/readers/1", Invalid),
                ],
            ),
            (
                json!({"name": "e", "policySets": long, "maxAge": BUNDLE_AGE_SECONDS + 1}),
                vec![("/policySets", Limit), ("/maxAge", Invalid)],
            ),
        ] {
            let found = parse(json.clone()).unwrap_err();
            let want: Vec<_> = faults.iter().map(|(p, c)| (p.to_string(), *c)).collect();
            assert_eq!(found, want, "{json}");
        }
        let most = parse(json!({"name": "e", "policySets": ["s"], "maxAge": BUNDLE_AGE_SECONDS}));
        assert_eq!(most.unwrap().max_age, BUNDLE_AGE_SECONDS);
    }

    #[test]
    fn readers_are_found_by_any_of_their_ids() {
        let readers = json!(["id=staff,ou=group,dc=x", "Client-1"]);
        let json = json!({"name": "e", "policySets": ["s"], "readers": readers});
        let definition = parse(json).unwrap();
        assert!(definition.is_for(["id=ann,ou=user,dc=x", "id=STAFF,ou=group,dc=x"]));
        assert!(definition.is_for(["Client-1"]));
        for other in ["client-1", "id=staff,ou=user,dc=x", "staff", ""] {
            assert!(!definition.is_for([other]), "{other}");
        }
        assert!(!definition.is_for([]));
    }
}
