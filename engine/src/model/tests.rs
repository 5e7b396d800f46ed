#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::{FaultCode, Policy, PolicySet, ResourceType, is_credential};
use crate::limits::{MAX_PATTERNS, MAX_TREE_DEPTH, MAX_TREE_NODES};

fn policy(change: Value) -> Value {
    let mut policy = json!({"name": "p", "resources": ["http://h/*"], "actionValues": {"GET": true}, "subject": {"type": "AuthenticatedUsers"}});
    for (name, value) in change.as_object().unwrap() {
        policy
            .as_object_mut()
            .unwrap()
            .insert(name.clone(), value.clone());
    }
    policy
}

fn faults(change: Value) -> Vec<(FaultCode, String)> {
    let faults = Policy::parse(&policy(change)).unwrap_err();
    faults
        .into_iter()
        .map(|fault| (fault.code, fault.path))
        .collect()
}

#[test]
fn every_fault_is_reported_with_its_path() {
    let found = faults(json!({
        "name": "a=b",
        "resources": ["http://u@h/", "http://h:x/", 5],
        "actionValues": {"GET": "true"},
        "subject": {"type": "OR", "subjects": [{"type": "Nobody"}, {"type": "NOT"}]},
        "condition": {"type": "AND", "conditions": [{"type": "AuthLevel", "authLevel": -1}, {"type": "SimpleTime", "startTime": "9"}, {"type": "IPv4", "startIp": "10.0.0.1", "oops": 1}]},
    }));
    let expected = [
        (FaultCode::BadName, "/name"),
        (FaultCode::WrongType, "/resources/2"),
        (FaultCode::BadResource, "/resources/0"),
        (FaultCode::BadResource, "/resources/1"),
        (FaultCode::UnknownType, "/subject/subjects/0/type"),
        (FaultCode::Missing, "/subject/subjects/1/subject"),
        (FaultCode::Invalid, "/condition/conditions/0/authLevel"),
        (FaultCode::Invalid, "/condition/conditions/1/startTime"),
        (FaultCode::UnknownMember, "/condition/conditions/2/oops"),
        (FaultCode::Invalid, "/condition/conditions/2/endIp"),
        (FaultCode::WrongType, "/actionValues/GET"),
    ];
    for (code, path) in expected {
        assert!(
            found.contains(&(code, path.to_owned())),
            "{code:?} {path} not in {found:?}"
        );
    }
}

#[test]
fn plumbing_is_swallowed_where_am_swallows_it_and_labels_are_texts() {
    let level = json!({"type": "AuthLevel", "authLevel": 1, "state": "s", "displayType": "d"});
    let user = json!({"type": "AuthenticatedUsers", "state": "s"});
    let well = json!({"subject": {"type": "OR", "subjects": [user], "state": "s"},
        "condition": {"type": "NOT", "condition": level, "name": "n", "displayType": "d"}});
    assert!(Policy::parse(&policy(well)).is_ok());
    let found = faults(json!({
        "subject": {"type": "OR", "subjects": [{"type": "NONE", "displayType": "d"}]},
        "condition": {"type": "AND", "conditions": [{"type": "NOT", "condition": level, "name": []}], "name": 5},
        "resourceAttributes": [{"type": "Static", "propertyName": "a", "displayType": "d"}],
    }));
    let expected = [
        (FaultCode::UnknownMember, "/subject/subjects/0/displayType"),
        (FaultCode::WrongType, "/condition/name"),
        (FaultCode::WrongType, "/condition/conditions/0/name"),
        (
            FaultCode::UnknownMember,
            "/resourceAttributes/0/displayType",
        ),
    ];
    for (code, path) in expected {
        assert!(
            found.contains(&(code, path.to_owned())),
            "{code:?} {path} not in {found:?}"
        );
    }
}

#[test]
fn whole_numbers_may_come_as_text_and_nothing_else_is_coerced() {
    let session = |minutes: Value| {
        Policy::parse(&policy(
            json!({"condition": {"type": "Session", "maxSessionTime": minutes}}),
        ))
    };
    assert!(session(json!("10")).is_ok());
    assert!(session(json!(10)).is_ok());
    for wrong in [
        json!(1.5),
        json!("1.5"),
        json!(true),
        json!(0),
        json!(-1),
        Value::Null,
    ] {
        assert!(session(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn bounds_hold_at_the_bound_and_fail_past_it() {
    let resources = |count: usize| json!({"resources": (0..count).map(|i| format!("http://h/{i}")).collect::<Vec<_>>()});
    assert!(Policy::parse(&policy(resources(MAX_PATTERNS))).is_ok());
    assert_eq!(
        faults(resources(MAX_PATTERNS + 1)),
        [(FaultCode::Limit, "/resources".to_owned())]
    );
    let nested = |depth: usize| {
        let leaf = json!({"type": "AuthLevel", "authLevel": 1});
        (1..depth).fold(leaf, |inner, _| json!({"type": "NOT", "condition": inner}))
    };
    assert!(Policy::parse(&policy(json!({"condition": nested(MAX_TREE_DEPTH)}))).is_ok());
    assert!(
        faults(json!({"condition": nested(MAX_TREE_DEPTH + 1)}))
            .iter()
            .any(|(code, _)| *code == FaultCode::Limit)
    );
    let wide = |nodes: usize| json!({"condition": {"type": "OR", "conditions": vec![json!({"type": "AuthLevel", "authLevel": 1}); nodes - 1]}});
    assert!(Policy::parse(&policy(wide(MAX_TREE_NODES))).is_ok());
    assert!(Policy::parse(&policy(wide(MAX_TREE_NODES + 1))).is_err());
    let wildcards =
        |count: usize| json!({"resources": [format!("http://h/{}", "*a".repeat(count))]});
    assert!(Policy::parse(&policy(wildcards(32))).is_ok());
    assert_eq!(
        faults(wildcards(33)),
        [(FaultCode::Limit, "/resources/0".to_owned())]
    );
}

#[test]
fn a_policy_is_checked_against_its_set_and_type() {
    let set = PolicySet::parse(&json!({"name": "s", "resourceTypeUuids": ["t"], "conditions": ["AuthLevel"], "subjects": ["AuthenticatedUsers"]})).unwrap();
    let kind = ResourceType::parse(
        &json!({"uuid": "t", "name": "T", "patterns": ["http://h:80/*"], "actions": {"GET": true}}),
    )
    .unwrap();
    let check = |change: Value| {
        let policy = Policy::parse(&policy(change)).unwrap();
        let faults = policy.check_against(&set, std::slice::from_ref(&kind));
        faults
            .into_iter()
            .map(|fault| (fault.code, fault.path))
            .collect::<Vec<_>>()
    };
    assert_eq!(check(json!({"resourceTypeUuid": "t"})), []);
    assert_eq!(
        check(json!({})),
        [(FaultCode::UnknownReference, "/resourceTypeUuid".to_owned())]
    );
    assert_eq!(
        check(json!({"resourceTypeUuid": "t", "actionValues": {"PUT": true}})),
        [(FaultCode::Invalid, "/actionValues/PUT".to_owned())]
    );
    assert_eq!(
        check(json!({"resourceTypeUuid": "t", "resources": ["http://other/a"]})),
        [(FaultCode::BadResource, "/resources/0".to_owned())]
    );
    assert_eq!(
        check(
            json!({"resourceTypeUuid": "t", "condition": {"type": "NOT", "condition": {"type": "AuthLevel", "authLevel": 1}}})
        ),
        [(FaultCode::NotAllowed, "/condition".to_owned())]
    );
}

#[test]
fn credentials_are_known_in_every_spelling() {
    for name in [
        "userPassword",
        "USERPASSWORD",
        "userPassword;x-old",
        "sambaNTPassword",
        "sshPrivateKey",
    ] {
        assert!(is_credential(name), "{name}");
    }
    for name in ["mail", "cn", "passport"] {
        assert!(!is_credential(name), "{name}");
    }
}
