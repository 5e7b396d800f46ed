//! The way from a document to a decision, as seed 001 shows it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use assize_engine::document::Document;
use assize_engine::{Bundle, answer};
use serde_json::{Value, json};

fn bundle(document: &Value) -> Bundle {
    let (document, warnings) = Document::parse(document.to_string().as_bytes()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let checked = document.check();
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    Bundle::load(checked.bundle()).unwrap()
}

fn ask(bundle: &Bundle, request: &Value) -> Value {
    serde_json::from_slice(&answer(bundle, request.to_string().as_bytes())).unwrap()
}

fn seed() -> Bundle {
    bundle(&json!({"policies": [
        {"name": "page", "resources": ["http://www.example.com/index.html"], "actionValues": {"GET": true, "POST": false},
         "subject": {"type": "AuthenticatedUsers"}, "resourceAttributes": [{"type": "User", "propertyName": "cn"}]},
        {"name": "do", "resources": ["http://www.example.com/do?*"], "actionValues": {"GET": true},
         "subject": {"type": "AuthenticatedUsers"}, "condition": {"type": "AuthLevel", "authLevel": 3}},
    ]}))
}

#[test]
fn the_first_example_of_the_seed() {
    let answer = ask(
        &seed(),
        &json!({
            "resources": ["http://www.example.com/index.html", "http://www.example.com/do?action=run"],
            "subject": {"principals": ["id=demo,ou=user,dc=example"], "session": {"AuthLevel": "0"}, "profile": {"cn": ["demo"]}},
            "now": 0,
        }),
    );
    assert_eq!(
        answer["decisions"],
        json!([
            {"resource": "http://www.example.com/index.html", "actions": {"GET": true, "POST": false}, "attributes": {"cn": ["demo"]}, "advices": {}, "ttl": i64::MAX},
            {"resource": "http://www.example.com/do?action=run", "actions": {}, "attributes": {}, "advices": {"AuthLevelConditionAdvice": ["3"]}, "ttl": i64::MAX},
        ])
    );
}

#[test]
fn nobody_is_denied() {
    let answer = ask(
        &seed(),
        &json!({"resources": ["http://www.example.com/index.html"], "now": 0}),
    );
    assert_eq!(answer["decisions"][0]["actions"], json!({}));
}

#[test]
fn a_tree_lists_the_root_and_what_lies_beneath() {
    let subject = json!({"principals": ["id=demo,ou=user,dc=example"], "session": {"AuthLevel": "5"}, "profile": {}});
    let answer = ask(
        &seed(),
        &json!({"tree": "http://www.example.com/", "subject": subject, "now": 0}),
    );
    let rows: Vec<&str> = answer["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["resource"].as_str().unwrap())
        .collect();
    assert_eq!(
        rows,
        [
            "http://www.example.com/",
            "http://www.example.com:80/do?*",
            "http://www.example.com:80/index.html"
        ]
    );
}

#[test]
fn an_unknown_member_is_named() {
    let answer = ask(
        &seed(),
        &json!({"resources": ["http://a/"], "now": 0, "subject": {"pricipals": []}}),
    );
    assert_eq!(answer["error"]["code"], "badRequest");
    assert_eq!(answer["error"]["path"], "/subject/pricipals");
}

#[test]
fn objects_are_found_where_they_were_written() {
    let parse = |document: Value| Document::parse(document.to_string().as_bytes()).unwrap();
    let (plain, warnings) = parse(json!({"policies": [{}, 1], "users": null, "clients": [7]}));
    assert_eq!(plain.place("policies", 1), "/policies/1");
    assert!(plain.holds("policies") && !plain.holds("users") && !plain.holds("clients"));
    assert_eq!(plain.others["clients"], json!([7]));
    let paths: Vec<&str> = warnings.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["/clients"]);
    let checked = plain.check();
    let paths: Vec<&str> = checked
        .faults
        .iter()
        .map(|fault| fault.path.as_str())
        .collect();
    assert!(paths.contains(&"/policies/1"), "{paths:?}");
    let (frodo, _) = parse(json!({"policy": {"a": {}, "b/c~d": {}}, "policyset": {}}));
    assert_eq!(frodo.place("policies", 1), "/policy/b~1c~0d");
    assert!(frodo.holds("applications") && !frodo.holds("scripts"));
    for wrong in [
        json!([]),
        json!({"policies": 1}),
        json!({"policy": "x"}),
        json!({"realm": 1}),
    ] {
        assert!(
            Document::parse(wrong.to_string().as_bytes()).is_err(),
            "{wrong}"
        );
    }
}
