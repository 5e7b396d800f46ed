//! Transaction conditions: asked for, confirmed by a log-in, used once; nothing else ever allows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use support::{Client, PASSWORD, Reply, TestServer, fits};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const PAGE: &str = "http://www.example.com/transfer";

async fn started(more: &[(&'static str, toml::Value)]) -> (TestServer, Client) {
    let server = TestServer::with(more).await;
    let mut client = server.client();
    prepare(&mut client);
    (server, client)
}

fn prepare(client: &mut Client) {
    for name in ["ann", "bob"] {
        let user = json!({"username": name, "userpassword": PASSWORD});
        client.admin("POST", "/users?_action=create", &user);
    }
    let policy = json!({
        "name": "transfer",
        "resources": ["http://www.example.com/*"],
        "actionValues": {"POST": true},
        "subject": {"type": "AuthenticatedUsers"},
        "condition": {
            "type": "Transaction",
            "authenticationStrategy": "AuthenticateToServiceConditionAdvice",
            "strategySpecifier": "ldapService",
        },
        "resourceTypeUuid": URL_TYPE,
    });
    client.admin("POST", "/policies?_action=create", &policy);
}

/// What is said of a resource to a user who brings a transaction.
fn decide(client: &mut Client, user: &str, resource: &str, id: Option<&str>) -> Value {
    let mut body = json!({"resources": [resource], "subject": {"ssoToken": client.token(user)}});
    if let Some(id) = id {
        body["environment"] = json!({"TxId": [id]});
    }
    client.admin("POST", "/policies?_action=evaluate", &body)[0].clone()
}

/// The id that a refusal asks to confirm.
fn asked(decision: &Value) -> String {
    let want =
        json!({"actions": {}, "ttl": 0, "advices": {"TransactionConditionAdvice": ["<string>"]}});
    fits(&want, decision).unwrap();
    let id = decision["advices"]["TransactionConditionAdvice"][0].as_str();
    id.unwrap().to_owned()
}

fn allowed(decision: &Value) {
    let want = json!({"actions": {"POST": true}, "advices": {}, "ttl": 0});
    fits(&want, decision).unwrap();
}

fn advices(id: &str) -> String {
    let xml = format!(
        "<Advices><AttributeValuePair><Attribute name=\"TransactionConditionAdvice\"/><Value>{id}</Value>\
         </AttributeValuePair></Advices>"
    );
    xml.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Begins the log-in that confirms a transaction.
fn begin(client: &Client, id: &str) -> Reply {
    let path = format!(
        "/am/json/authenticate?authIndexType=composite_advice&authIndexValue={}",
        advices(id)
    );
    client.send("POST", &path, &[], None)
}

/// Goes on with what [`begin`] answered, as a user.
fn go_on(client: &Client, begun: &Reply, user: &str, password: &str) -> Reply {
    assert_eq!(begun.status, 200, "{begun:?}");
    let mut step = begun.json();
    step["callbacks"][0]["input"][0]["value"] = user.into();
    step["callbacks"][1]["input"][0]["value"] = password.into();
    client.post("/am/json/authenticate", &[], &step)
}

fn confirm(client: &Client, id: &str, user: &str) {
    let done = go_on(client, &begin(client, id), user, PASSWORD);
    assert_eq!(done.status, 200, "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_transaction_allows_once() {
    let (_server, mut client) = started(&[]).await;
    let id = asked(&decide(&mut client, "ann", PAGE, None));
    assert_ne!(
        asked(&decide(&mut client, "ann", PAGE, None)),
        id,
        "each is fresh"
    );
    let token = client.token("ann");
    let begun = begin(&client, &id);
    assert!(begun.json()["authId"].is_string(), "{begun:?}");
    // Pending is not confirmed, and asking with it gives another one.
    assert_ne!(asked(&decide(&mut client, "ann", PAGE, Some(&id))), id);
    let wrong = go_on(&client, &begun, "ann", "Wrong.password1");
    assert_eq!(wrong.status, 401, "{wrong:?}");
    asked(&decide(&mut client, "ann", PAGE, Some(&id)));
    let done = go_on(&client, &begin(&client, &id), "ann", PASSWORD);
    assert_eq!(done.status, 200, "{done:?}");
    // No session is made, and the one that is there stays as it is.
    assert_eq!(done.header("set-cookie"), None);
    assert_eq!(client.token("ann"), token);
    let again = begin(&client, &id);
    assert_eq!(again.status, 401, "confirmed already: {again:?}");
    allowed(&decide(&mut client, "ann", PAGE, Some(&id)));
    let replayed = asked(&decide(&mut client, "ann", PAGE, Some(&id)));
    assert_ne!(replayed, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_good_for_what_it_was_asked_for() {
    let (_server, mut client) = started(&[]).await;
    let id = asked(&decide(&mut client, "ann", PAGE, None));
    // Somebody else cannot confirm it, and what somebody confirmed is nobody else's.
    let other = go_on(&client, &begin(&client, &id), "bob", PASSWORD);
    assert_eq!(
        (other.status, &other.json()["message"]),
        (401, &json!("Unable to read transaction."))
    );
    confirm(&client, &id, "ann");
    asked(&decide(&mut client, "bob", PAGE, Some(&id)));
    asked(&decide(
        &mut client,
        "ann",
        "http://www.example.com/other",
        Some(&id),
    ));
    // Another session of the same user is another one.
    let first = client.token("ann");
    let second = client.log_in("", "ann", PASSWORD).json()["tokenId"].clone();
    let body = json!({"resources": [PAGE], "subject": {"ssoToken": second}, "environment": {"TxId": [&id]}});
    asked(&client.admin("POST", "/policies?_action=evaluate", &body)[0]);
    // Another policy set that says the same is another one.
    let set = json!({
        "name": "other", "applicationType": "iPlanetAMWebAgentService", "resourceTypeUuids": [URL_TYPE],
        "subjects": [], "conditions": [], "entitlementCombiner": "DenyOverride",
    });
    client.admin("POST", "/applications?_action=create", &set);
    let mut policy = client.get_json("/policies/transfer");
    for name in ["_id", "_rev"] {
        policy.as_object_mut().unwrap().remove(name);
    }
    policy["name"] = "transfer-too".into();
    policy["applicationName"] = "other".into();
    client.admin("POST", "/policies?_action=create", &policy);
    let body = json!({
        "resources": [PAGE], "application": "other", "subject": {"ssoToken": first}, "environment": {"TxId": [&id]},
    });
    asked(&client.admin("POST", "/policies?_action=evaluate", &body)[0]);
    // After all of that it still does what it was confirmed for.
    allowed(&decide(&mut client, "ann", PAGE, Some(&id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_transaction_opens_nothing() {
    let (_server, mut client) = started(&[]).await;
    for id in ["", "0a1b2c3d", "' OR 1=1 --", "%00"] {
        asked(&decide(&mut client, "ann", PAGE, Some(id)));
        let begun = begin(&client, id);
        assert_eq!(begun.status, 401, "{id}: {begun:?}");
    }
    let direct = client.send(
        "POST",
        "/am/json/authenticate?authIndexType=transaction&authIndexValue=none",
        &[],
        None,
    );
    assert_eq!(direct.status, 401, "{direct:?}");
    // Without a session there is nobody who could confirm.
    let body = json!({"resources": [PAGE], "subject": {"claims": {"sub": "ann"}}});
    let decision = client.admin("POST", "/policies?_action=evaluate", &body);
    fits(&json!([{"actions": {}, "advices": {}}]), &decision).unwrap();
    // Directly by its type, as AM 7 documents it.
    let id = asked(&decide(&mut client, "ann", PAGE, None));
    let path = format!("/am/json/authenticate?authIndexType=transaction&authIndexValue={id}");
    let begun = client.send("POST", &path, &[], None);
    let done = go_on(&client, &begun, "ann", PASSWORD);
    assert_eq!(done.status, 200, "{done:?}");
    allowed(&decide(&mut client, "ann", PAGE, Some(&id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_over_after_its_time() {
    let (_server, mut client) = started(&[("transaction_seconds", 4.into())]).await;
    let (pending, confirmed) = (
        asked(&decide(&mut client, "ann", PAGE, None)),
        asked(&decide(&mut client, "ann", PAGE, None)),
    );
    confirm(&client, &confirmed, "ann");
    tokio::time::sleep(std::time::Duration::from_millis(4100)).await;
    asked(&decide(&mut client, "ann", PAGE, Some(&confirmed)));
    let late = begin(&client, &pending);
    assert_eq!(late.status, 401, "{late:?}");
}

/// A confirmation is used up when it is looked up, and the decision may have to be made again after that.
#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_counts_while_policies_change() {
    const CONFIRMED: usize = 40;
    let (server, mut client) = started(&[]).await;
    let mut author = server.client();
    let other = |condition: Value| {
        json!({
            "name": "other", "resources": ["http://www.example.com/other"],
            "actionValues": {"GET": true}, "subject": {"type": "AuthenticatedUsers"},
            "condition": condition, "resourceTypeUuid": URL_TYPE,
        })
    };
    // Each asks for something else about a subject.
    let [first, second] = [
        json!({"type": "AuthLevel", "authLevel": 7}),
        json!({"type": "LDAPFilter", "ldapFilter": "(mail=ann@example.com)"}),
    ]
    .map(other);
    author.admin("POST", "/policies?_action=create", &first);
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for policy in [&second, &first].into_iter().cycle() {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                author.admin("PUT", "/policies/other", policy);
            }
        });
        let end = EndsWhenDropped(&done);
        for _ in 0..CONFIRMED {
            let id = asked(&decide(&mut client, "ann", PAGE, None));
            confirm(&client, &id, "ann");
            allowed(&decide(&mut client, "ann", PAGE, Some(&id)));
        }
        drop(end);
    });
}

/// Ends another thread's work, also where a test fails.
struct EndsWhenDropped<'a>(&'a AtomicBool);

impl Drop for EndsWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Two servers on one store: asked for here, confirmed there, used by one of them.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_agree() {
    let (server, mut here) = started(&[]).await;
    let other = TestServer::on(server.folder.path(), &[]).await;
    let mut there = other.client();
    let id = asked(&decide(&mut here, "ann", PAGE, None));
    confirm(&there, &id, "ann");
    let token = here.token("ann");
    let body = json!({"resources": [PAGE], "subject": {"ssoToken": token}, "environment": {"TxId": [&id]}});
    allowed(&there.admin("POST", "/policies?_action=evaluate", &body)[0]);
    asked(&decide(&mut here, "ann", PAGE, Some(&id)));
}
