//! Authentication modules and chains: AM's JSON → checked → stored, and back.
//!
//! Every module here checks a name and a password against the users of the realm (AM's `datastore`); what modules
//! differ in is the authentication level that they give a session. A chain lists modules.

use assize_engine::{Fault, FaultCode};
use serde_json::{Value, json};

use super::{Members, given};
use crate::documents::identity::is_name;
use crate::limits::CHAIN_MODULES;
use crate::store::{Draft, Kind};

/// The module and the chain that every realm has without their being made.
pub(crate) const MODULE: &str = "DataStore";
pub(crate) const CHAIN: &str = "ldapService";

/// How a module's result counts in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Criteria {
    Required,
    Requisite,
    /// Where it succeeds, no module after it is asked.
    Sufficient,
    Optional,
}

impl Criteria {
    const ALL: [(Criteria, &'static str); 4] = [
        (Criteria::Required, "REQUIRED"),
        (Criteria::Requisite, "REQUISITE"),
        (Criteria::Sufficient, "SUFFICIENT"),
        (Criteria::Optional, "OPTIONAL"),
    ];

    fn named(name: &str) -> Option<Criteria> {
        Self::ALL
            .into_iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(criteria, _)| criteria)
    }

    fn name(self) -> &'static str {
        let row = Self::ALL.into_iter().find(|(known, _)| *known == self);
        row.map_or("", |(_, name)| name)
    }
}

/// One place of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) module: String,
    pub(crate) criteria: Criteria,
}

/// Reads the level of a module.
///
/// # Errors
/// A level that is no whole number from 0 on; members that a module does not have.
pub(crate) fn module(json: &Members) -> Result<i64, Vec<Fault>> {
    let mut faults = Vec::new();
    unknown_members(json, &["authenticationLevel"], &mut faults);
    let level = match given(json, "authenticationLevel") {
        None => 0,
        Some(value) => whole(value).unwrap_or(-1),
    };
    if level < 0 {
        faults.push(fault(
            "/authenticationLevel",
            "must be a whole number that is not negative",
        ));
    }
    if faults.is_empty() {
        Ok(level)
    } else {
        Err(faults)
    }
}

/// Reads the modules of a chain, in order, and what else of it is kept.
///
/// # Errors
/// No modules or too many, a criteria that nobody knows, members that a chain does not have, and wrong types.
pub(crate) fn chain(json: &Members) -> Result<(Vec<Link>, Members), Vec<Fault>> {
    const LISTS: [&str; 3] = [
        "loginSuccessUrl",
        "loginFailureUrl",
        "loginPostProcessClass",
    ];
    let mut faults = Vec::new();
    unknown_members(
        json,
        &[&["authChainConfiguration"], LISTS.as_slice()].concat(),
        &mut faults,
    );
    let mut links = Vec::new();
    let mut kept = Vec::new();
    let listed = json.get("authChainConfiguration").and_then(Value::as_array);
    for (n, row) in listed.into_iter().flatten().enumerate() {
        let path = format!("/authChainConfiguration/{n}");
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let criteria = Criteria::named(text("criteria"));
        let options = row.get("options").cloned().unwrap_or_else(|| json!({}));
        match criteria {
            _ if text("module").is_empty() => {
                faults.push(fault(&format!("{path}/module"), "must name a module"));
            }
            None => faults.push(fault(
                &format!("{path}/criteria"),
                "must be REQUIRED, REQUISITE, SUFFICIENT or OPTIONAL",
            )),
            Some(_) if !options.is_object() => {
                faults.push(fault(&format!("{path}/options"), "must be an object"));
            }
            Some(criteria) => {
                let module = text("module").to_owned();
                kept.push(
                    json!({"module": module, "criteria": criteria.name(), "options": options}),
                );
                links.push(Link { module, criteria });
            }
        }
    }
    if !(1..=CHAIN_MODULES).contains(&listed.map_or(0, Vec::len)) {
        faults.push(fault(
            "/authChainConfiguration",
            &format!("must be an array of 1 to {CHAIN_MODULES} modules"),
        ));
    }
    let mut members = Members::new();
    members.insert("authChainConfiguration".into(), kept.into());
    for name in LISTS {
        let list = given(json, name).cloned().unwrap_or_else(|| json!([]));
        let texts = list
            .as_array()
            .is_some_and(|list| list.iter().all(Value::is_string));
        if !texts {
            faults.push(fault(&format!("/{name}"), "must be an array of strings"));
        }
        members.insert(name.into(), list);
    }
    if faults.is_empty() {
        Ok((links, members))
    } else {
        Err(faults)
    }
}

/// The document of a module or a chain.
///
/// # Errors
/// A name that cannot be part of a session's properties.
pub(crate) fn draft(
    kind: Kind,
    realm_key: &str,
    name: &str,
    body: Members,
) -> Result<Draft, Vec<Fault>> {
    // The names of several modules become one property, each perhaps behind its realm.
    if !is_name(name) || name.contains(['|', ':']) {
        return Err(vec![fault(
            "/_id",
            "cannot contain | : , = + \" \\ < > ; / nor characters that nobody sees, nor surrounding blanks",
        )]);
    }
    let key = name.to_lowercase();
    Ok(Draft {
        kind,
        realm: realm_key.to_owned(),
        name_key: key.clone(),
        key,
        name: name.to_owned(),
        owner: String::new(),
        body: Value::Object(body).to_string(),
        secret: None,
        members: Vec::new(),
        stamp: None,
    })
}

/// AM's description of what kind of thing an object of a configuration is.
pub(crate) fn add_type(shown: &mut Members, id: &str, name: &str) {
    shown.insert(
        "_type".into(),
        json!({"_id": id, "name": name, "collection": true}),
    );
}

fn unknown_members(json: &Members, known: &[&str], faults: &mut Vec<Fault>) {
    for name in json.keys() {
        let ours = known.contains(&name.as_str());
        if !ours && !matches!(name.as_str(), "_id" | "_rev" | "_type") {
            let message = format!("is no member of this; there are {}", known.join(", "));
            faults.push(fault(&format!("/{name}"), &message));
        }
    }
}

/// A whole number, which may have come as text.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

fn fault(path: &str, what: &str) -> Fault {
    Fault {
        code: FaultCode::Invalid,
        path: path.to_owned(),
        message: format!("Invalid value: {path} {what}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn members(json: Value) -> Members {
        json.as_object().unwrap().clone()
    }

    #[test]
    fn levels() {
        for (json, level) in [
            (json!({}), 0),
            (
                json!({"authenticationLevel": 5, "_id": "High", "_type": {}}),
                5,
            ),
            (json!({"authenticationLevel": "7"}), 7),
        ] {
            assert_eq!(module(&members(json)).unwrap(), level);
        }
        for (json, path) in [
            (json!({"authenticationLevel": -1}), "/authenticationLevel"),
            (json!({"authenticationLevel": 1.5}), "/authenticationLevel"),
            (json!({"authenticationLevel": []}), "/authenticationLevel"),
            (json!({"level": 1}), "/level"),
        ] {
            assert_eq!(module(&members(json)).unwrap_err()[0].path, path);
        }
    }

    #[test]
    fn chains() {
        let row = json!({"module": "High", "criteria": "required"});
        let (links, kept) = chain(&members(json!({"authChainConfiguration": [row]}))).unwrap();
        let link = Link {
            module: "High".into(),
            criteria: Criteria::Required,
        };
        assert_eq!(links, [link]);
        assert_eq!(
            kept["authChainConfiguration"][0],
            json!({"module": "High", "criteria": "REQUIRED", "options": {}})
        );
        let many = |n: usize| json!({"authChainConfiguration": vec![row.clone(); n]});
        assert!(chain(&members(many(CHAIN_MODULES))).is_ok());
        for (json, path) in [
            (many(CHAIN_MODULES + 1), "/authChainConfiguration"),
            (many(0), "/authChainConfiguration"),
            (json!({}), "/authChainConfiguration"),
            (
                json!({"authChainConfiguration": [{"criteria": "REQUIRED"}]}),
                "/authChainConfiguration/0/module",
            ),
            (
                json!({"authChainConfiguration": [{"module": "x", "criteria": "MAYBE"}]}),
                "/authChainConfiguration/0/criteria",
            ),
            (
                json!({"authChainConfiguration": [row], "loginSuccessUrl": "x"}),
                "/loginSuccessUrl",
            ),
            (json!({"authChainConfiguration": [row], "x": 1}), "/x"),
        ] {
            assert_eq!(chain(&members(json)).unwrap_err()[0].path, path);
        }
    }

    #[test]
    fn names() {
        assert!(draft(Kind::AuthModule, "/", "High", Members::new()).is_ok());
        for name in ["a|b", "a:b", "", " a"] {
            assert!(draft(Kind::AuthModule, "/", name, Members::new()).is_err());
        }
    }
}
