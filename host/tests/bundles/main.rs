//! Bundles on the server: definitions, sealed bundles, readers, keys, notices, nodes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod content;
mod definitions;
mod keys;
mod nodes;
mod notices;
mod readers;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Client, PASSWORD, TestServer};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const EDGE: &str = "/am/json/bundles/edge";
/// Nothing that is waited for here takes long; this is when a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

fn policy(set: &str, name: &str, resource: &str) -> Value {
    json!({
        "name": name,
        "description": "written by a person who has a name",
        "applicationName": set,
        "resources": [resource],
        "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"},
        "resourceTypeUuid": URL_TYPE,
    })
}

/// Policy sets `a` and `b` with a policy each, and a bundle `edge` of `a` for the user `ann`.
fn set_up(client: &mut Client) {
    for set in ["a", "b"] {
        let body = json!({
            "name": set, "applicationType": "iPlanetAMWebAgentService", "entitlementCombiner": "DenyOverride",
            "resourceTypeUuids": [URL_TYPE], "conditions": ["AND", "IPv4"], "subjects": ["AuthenticatedUsers"],
        });
        client.admin("POST", "/applications?_action=create", &body);
        let resource = format!("https://{set}.example.com/*");
        let body = policy(set, &format!("policy of {set}"), &resource);
        client.admin("POST", "/policies?_action=create", &body);
    }
    for user in ["ann", "bob"] {
        let body = json!({"username": user, "userpassword": PASSWORD});
        client.admin("POST", "/users?_action=create", &body);
    }
    let readers = json!(["id=ann,ou=user,dc=openam,dc=example,dc=org"]);
    let body = json!({"name": "edge", "policySets": ["a"], "maxAge": 60, "readers": readers});
    client.admin("POST", "/bundles?_action=create", &body);
}

async fn started() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let mut client = server.client();
    set_up(&mut client);
    (server, client)
}

fn allows(answer: &Value) -> bool {
    answer["decisions"][0]["actions"]["GET"] == json!(true)
}

/// A policy that differs in what it decides.
fn change(client: &mut Client, resource: &str) {
    let body = policy("a", "policy of a", resource);
    client.admin("PUT", "/policies/policy%20of%20a", &body);
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap()
}
