//! What a realm begins with: AM's two built-in resource types, and its default policy sets (`management-rest.md` §1.5, §6).

use serde_json::{Value, json};

use super::catalogue;
use crate::clock;
use crate::realm::RealmPath;
use crate::store::{Draft, Expect, Store, StoreError, Write};

/// Who made what is built in.
pub(crate) const BUILT_IN_AUTHOR: &str = "id=dsameuser,ou=user,ou=am-config";
/// The types that built-in policy sets allow, in the order in which AM shows them.
const CONDITIONS: [&str; 19] = [
    "Script",
    "AMIdentityMembership",
    "IPv6",
    "SimpleTime",
    "IPv4",
    "LEAuthLevel",
    "LDAPFilter",
    "AuthScheme",
    "Session",
    "AND",
    "AuthenticateToRealm",
    "ResourceEnvIP",
    "SessionProperty",
    "OAuth2Scope",
    "OR",
    "Transaction",
    "NOT",
    "AuthLevel",
    "AuthenticateToService",
];
const SUBJECTS: [&str; 7] = [
    "AuthenticatedUsers",
    "NOT",
    "Identity",
    "OR",
    "AND",
    "NONE",
    "JwtClaim",
];
const URL: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const OAUTH2_SCOPE: &str = "d60b7a71-1dc6-44a5-8e48-e4b9d92dee8b";
/// The set that evaluation takes where a request names none.
pub(crate) const DEFAULT_SET: &str = "iPlanetAMWebAgentService";

/// The setting that says that the root realm was given what it begins with.
pub(crate) const DONE: &str = "defaults.root";

/// Whether a resource type is one of those that every realm begins with.
pub(crate) fn is_built_in(uuid: &str) -> bool {
    [URL, OAUTH2_SCOPE]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(uuid))
}

/// The built-in documents of a realm; the default policy set is the root's only, as in AM.
pub(crate) fn of_realm(path: &RealmPath) -> Vec<Draft> {
    let key = path.key();
    let mut drafts = Vec::new();
    for json in [url_type(), oauth2_type()] {
        let uuid = json
            .get("uuid")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if let Ok((parsed, kept)) = catalogue::resource_type(&json, &uuid) {
            drafts.push(catalogue::resource_type_draft(&key, &parsed, kept));
        }
    }
    let mut sets = vec![oauth2_set()];
    if path.is_root() {
        sets.insert(0, default_set());
    }
    for json in sets {
        if let Ok((parsed, kept)) = catalogue::policy_set(&json) {
            drafts.push(catalogue::policy_set_draft(&key, &parsed, kept));
        }
    }
    drafts
}

/// Gives a new store what the root realm begins with. What was deleted later is not made again.
///
/// # Errors
/// The store did not take it.
pub(crate) async fn ensure(store: &dyn Store) -> Result<(), StoreError> {
    if store.setting(DONE).await?.is_some() {
        return Ok(());
    }
    let writes: Vec<Write> = of_realm(&RealmPath::root())
        .into_iter()
        .map(|draft| Write::Put(Expect::Absent, draft))
        .collect();
    match store
        .apply(
            BUILT_IN_AUTHOR,
            clock::now(),
            "what every store begins with",
            &writes,
        )
        .await
    {
        // Another process was faster.
        Ok(_) | Err(StoreError::Exists { .. }) => store.put_setting(DONE, "1").await,
        Err(error) => Err(error),
    }
}

fn url_type() -> Value {
    json!({
        "uuid": URL,
        "name": "URL",
        "description": "The built-in URL Resource Type available to OpenAM Policies.",
        "patterns": ["*://*:*/*", "*://*:*/*?*"],
        "actions": {"GET": true, "POST": true, "PUT": true, "DELETE": true, "HEAD": true, "OPTIONS": true, "PATCH": true},
    })
}

fn oauth2_type() -> Value {
    json!({
        "uuid": OAUTH2_SCOPE,
        "name": "OAuth2 Scope",
        "description": "The built-in OAuth2 Scope Resource Type for OAuth2 policy-provided scope.",
        "patterns": ["*://*:*/*", "*://*:*/*?*", "*"],
        "actions": {"GRANT": true},
    })
}

fn default_set() -> Value {
    set(
        DEFAULT_SET,
        "Default Policy Set",
        "The built-in Application used by OpenAM Policy Agents.",
        URL,
    )
}

fn oauth2_set() -> Value {
    let description = "The built-in Application used by the OAuth2 scope authorization process.";
    set(
        "oauth2Scopes",
        "Default OAuth2 Scopes Policy Set",
        description,
        OAUTH2_SCOPE,
    )
}

fn set(name: &str, display_name: &str, description: &str, resource_type: &str) -> Value {
    json!({
        "name": name,
        "displayName": display_name,
        "description": description,
        "applicationType": DEFAULT_SET,
        "conditions": CONDITIONS,
        "subjects": SUBJECTS,
        "resourceTypeUuids": [resource_type],
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use assize_engine::model::{CONDITION_TYPES, SUBJECT_TYPES};

    use super::*;
    use crate::store::Kind;

    #[test]
    fn built_in_sets_allow_every_type_but_the_legacy_ones() {
        let sorted = |types: &[&str]| {
            let kept = types.iter().filter(|kind| **kind != "Policy");
            let mut kept: Vec<String> = kept.map(|kind| (*kind).to_owned()).collect();
            kept.sort();
            kept
        };
        assert_eq!(sorted(&CONDITIONS), sorted(&CONDITION_TYPES));
        assert_eq!(sorted(&SUBJECTS), sorted(&SUBJECT_TYPES));
    }

    #[test]
    fn every_realm_begins_with_two_types_and_the_root_with_two_sets() {
        let count = |path: &RealmPath, kind| {
            of_realm(path)
                .iter()
                .filter(|draft| draft.kind == kind)
                .count()
        };
        let (root, sub) = (RealmPath::root(), RealmPath::parse("/a").unwrap());
        assert_eq!(
            (
                count(&root, Kind::ResourceType),
                count(&root, Kind::PolicySet)
            ),
            (2, 2)
        );
        assert_eq!(
            (
                count(&sub, Kind::ResourceType),
                count(&sub, Kind::PolicySet)
            ),
            (2, 1)
        );
    }
}
