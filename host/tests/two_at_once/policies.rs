//! Policies, their policy sets, resource types.

use serde_json::{Value, json};

use super::{Caller, Nodes};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const POLICIES: &str = "/am/json/policies";
const SETS: &str = "/am/json/applications";
const TYPES: &str = "/am/json/resourcetypes";

fn policy(name: &str, set: &str, uuid: &str, allows: bool) -> Value {
    json!({
        "name": name, "applicationName": set, "resourceTypeUuid": uuid,
        "resources": ["http://www.example.com/x"], "actionValues": {"GET": allows},
        "subject": {"type": "AuthenticatedUsers"},
    })
}

fn set(name: &str, types: &[&str]) -> Value {
    json!({
        "name": name, "applicationType": "iPlanetAMWebAgentService", "resourceTypeUuids": types,
        "subjects": ["AuthenticatedUsers"], "conditions": [], "entitlementCombiner": "DenyOverride",
    })
}

fn made(path: &str) -> String {
    format!("{path}?_action=create")
}

fn make_type(here: &Caller, name: &str) -> String {
    let body = json!({"name": name, "patterns": ["*://*:*/*"], "actions": {"GET": true}});
    let made = here.does("POST", made(TYPES), body);
    made["uuid"].as_str().unwrap().to_owned()
}

pub(super) async fn a_denial_survives_a_move(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let old = |allows| policy("moved", "iPlanetAMWebAgentService", URL_TYPE, allows);
    here.does("POST", made(POLICIES), old(true));
    let path = format!("{POLICIES}/moved");
    let denial = here.asks("PUT", &path, old(false)).with("If-Match", "*");
    let moving = json!({"to": {"name": "moved-on"}});
    let moving = there.asks("POST", format!("{path}?_action=move"), moving);
    let (put, moved) = nodes.race(&denial, &moving).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    // Either the denial moves on, or there was nothing left to deny.
    let now = here.reads(format!("{POLICIES}/moved-on"));
    match put.status {
        200 => assert_eq!(now["actionValues"]["GET"], false, "{now}"),
        status => assert_eq!(status, 404, "{put:?}"),
    }
}

pub(super) async fn a_copy_is_of_what_was_there(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let old = policy("copied", "iPlanetAMWebAgentService", URL_TYPE, true);
    here.does("POST", made(POLICIES), old);
    let path = format!("{POLICIES}/copied");
    let delete = here.asks("DELETE", &path, Value::Null);
    let copy = json!({"to": {"name": "copy"}});
    let copy = there.asks("POST", format!("{path}?_action=copy"), copy);
    let (deleted, copied) = nodes.race(&delete, &copy).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert!([200, 404].contains(&copied.status), "{copied:?}");
}

pub(super) async fn a_policy_has_its_set(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    here.does("POST", made(SETS), set("fleeting", &[URL_TYPE]));
    let create = policy("orphan", "fleeting", URL_TYPE, true);
    let create = here.asks("POST", made(POLICIES), create);
    let delete = there.asks("DELETE", format!("{SETS}/fleeting"), Value::Null);
    let law = "a policy is made while its set is deleted";
    let (created, deleted) = nodes.only_one(law, &create, &delete).await;
    // The answers are those of one after the other.
    match created.status {
        201 => assert_eq!(deleted.status, 409, "{deleted:?}"),
        _ => assert_eq!(created.status, 400, "{created:?}"),
    }

    // A policy may come into a set by being changed or moved, too.
    here.does("POST", made(SETS), set("brief", &[URL_TYPE]));
    let ordinary = policy("wanders", "iPlanetAMWebAgentService", URL_TYPE, true);
    here.does("POST", made(POLICIES), ordinary);
    let change = policy("wanders", "brief", URL_TYPE, true);
    let change = here.asks("PUT", format!("{POLICIES}/wanders"), change);
    let delete = there.asks("DELETE", format!("{SETS}/brief"), Value::Null);
    let law = "a policy is put into a set that is deleted";
    nodes.only_one(law, &change, &delete).await;
}

pub(super) async fn a_set_keeps_the_types_of_its_policies(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let own = make_type(&here, "own type");
    here.does("POST", made(SETS), set("narrowed", &[URL_TYPE, &own]));
    let create = policy("of that type", "narrowed", &own, true);
    let create = here.asks("POST", made(POLICIES), create);
    let narrow = set("narrowed", &[URL_TYPE]);
    let narrow = there.asks("PUT", format!("{SETS}/narrowed"), narrow);
    let law = "a policy is of a type that its set loses";
    nodes
        .only_one(law, &create, &narrow.with("If-Match", "*"))
        .await;
}

pub(super) async fn a_set_has_its_types(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let own = make_type(&here, "fleeting type");
    let create = here.asks("POST", made(SETS), set("of a type", &[&own]));
    let delete = there.asks("DELETE", format!("{TYPES}/{own}"), Value::Null);
    let law = "a set is made while its type is deleted";
    let (created, deleted) = nodes.only_one(law, &create, &delete).await;
    match created.status {
        201 => assert_eq!(deleted.status, 409, "{deleted:?}"),
        _ => assert_eq!(created.status, 400, "{created:?}"),
    }
}

pub(super) async fn policies_of_one_set_are_made_together(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    here.does("POST", made(SETS), set("shared", &[URL_TYPE]));
    let create = |caller: &Caller, name: &str| {
        let body = policy(name, "shared", URL_TYPE, true);
        caller.asks("POST", made(POLICIES), body)
    };
    let (one, other) = nodes.race(&create(&here, "a"), &create(&there, "b")).await;
    assert_eq!((one.status, other.status), (201, 201), "{one:?} {other:?}");
}

/// Version 1.0 changes a set's type through the set, and keeps what it does not know.
pub(super) async fn a_set_keeps_what_another_writes(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let own = make_type(&here, "of both versions");
    here.does("POST", made(SETS), set("both versions", &[&own]));
    let path = format!("{SETS}/both%20versions");
    let mut later = set("both versions", &[&own]);
    later["displayName"] = "Shown".into();
    let mut first = set("both versions", &[]);
    first["actions"] = json!({"GET": true});
    first["resources"] = json!(["*://*:*/*"]);
    first["realm"] = "/".into();
    first["description"] = "from version 1.0".into();
    let first = here.asks("PUT", &path, first).with("If-Match", "*");
    let first = first.with("Accept-API-Version", "resource=1.0");
    let later = there.asks("PUT", &path, later).with("If-Match", "*");
    let (one, other) = nodes.race(&first, &later).await;
    assert_eq!((one.status, other.status), (200, 200), "{one:?} {other:?}");
    let now = here.asks("GET", &path, Value::Null).send().json();
    assert_eq!(now["displayName"], "Shown", "{now}");
}
