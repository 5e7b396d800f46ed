//! Decisions while policies change: each by one set of policies, with all that these ask about its subject.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use support::{PASSWORD, TestServer};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const RESOURCE: &str = "http://www.example.com:80/vault";

fn vault(condition: &Value) -> Value {
    json!({
        "name": "vault",
        "resources": [RESOURCE],
        "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"},
        "condition": condition,
        "resourceTypeUuid": URL_TYPE,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_is_made_with_a_subject_that_was_resolved_for_other_policies() {
    const CHANGES: usize = 80;
    let server = TestServer::start().await;
    let mut author = server.client();
    let user = json!({"username": "amy", "userpassword": PASSWORD, "mail": ["amy@example.com"]});
    author.admin("POST", "/users?_action=create", &user);
    // Both deny amy. The second would allow whoever has no mail, or whose mail was not looked up.
    let conditions = [
        json!({"type": "AuthLevel", "authLevel": 7}),
        json!({"type": "NOT", "condition": {"type": "LDAPFilter", "ldapFilter": "(mail=amy@example.com)"}}),
    ];
    let [first, second] = conditions.each_ref().map(vault);
    author.admin("POST", "/policies?_action=create", &first);
    let token = author.token("amy");
    let administrator = author.token("amadmin");

    let done = AtomicBool::new(false);
    let decisions = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..3 {
            let client = server.client();
            let (token, administrator) = (&token, &administrator);
            let (done, decisions) = (&done, &decisions);
            threads.spawn(move || {
                let body = json!({"resources": [RESOURCE], "subject": {"ssoToken": token}});
                let caller = [("iPlanetDirectoryPro", administrator.as_str())];
                while !done.load(Ordering::SeqCst) {
                    let path = "/am/json/policies?_action=evaluate";
                    let reply = client.post(path, &caller, &body);
                    assert_eq!(reply.json()[0]["actions"], json!({}), "{reply:?}");
                    decisions.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for change in 0..CHANGES {
            let policy = if change % 2 == 0 { &second } else { &first };
            author.admin("PUT", "/policies/vault", policy);
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(decisions.into_inner() > CHANGES, "nobody asked meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_the_bundle_that_decided() {
    let server = TestServer::start().await;
    let mut author = server.client();
    let administrator = author.token("amadmin");
    let ask = |subject: &Value| {
        let body = json!({"resources": [RESOURCE], "subject": subject});
        let caller = [("iPlanetDirectoryPro", administrator.as_str())];
        let reply = server
            .client()
            .post("/am/json/policies?_action=evaluate", &caller, &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.header("Assize-Bundle").map(str::to_owned)
    };
    let known = json!({"ssoToken": administrator});
    let before = ask(&known);
    let ready = || server.client().ready()["digest"].clone();
    assert_eq!(before.as_deref(), ready().as_str());
    let level = |level: u8| vault(&json!({"type": "AuthLevel", "authLevel": level}));
    author.admin("POST", "/policies?_action=create", &level(1));
    let after = ask(&known);
    assert_eq!(after.as_deref(), ready().as_str());
    assert!(after.is_some() && after != before, "{before:?} {after:?}");
    // The same for a token that is nobody's, which else could be told from one that is.
    assert_eq!(ask(&json!({"ssoToken": "nobody's"})), after);
}
