//! Bundles on the server: definitions, sealed bundles, readers, keys, notices, nodes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use serde_json::{Value, json};
use support::holder::{self, Holder};
use support::{Client, PASSWORD, TestServer, fits};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const EDGE: &str = "/am/json/bundles/edge";

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

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_sealed_and_holds_its_policy_sets_alone() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let edge = ann.fetch(EDGE).await;
    assert_eq!(edge.header["typ"], "assize-bundle+jwt");
    let seal = json!({
        "iss": "<string>", "realm": "/", "name": "edge", "revision": "<number>", "digest": "<string>",
        "bytes_sha256": "<string>", "issuedAt": "<number>", "maxAge": 60,
    });
    fits(&seal, &edge.seal).unwrap();
    assert!(allows(&edge.decide("a", "https://a.example.com/x")));
    assert!(!allows(&edge.decide("a", "https://b.example.com/x")));
    assert_eq!(
        edge.decide("b", "https://b.example.com/x")["error"]["code"],
        "unknownPolicySet"
    );
    for secret in ["policy of b", "b.example.com", "person", "amadmin"] {
        let found = edge
            .bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{secret} is in the bundle");
    }
    // The same address tells who administers what the bundle is made of.
    let shown = client.get_json("/bundles/edge");
    let want = json!({
        "_id": "edge", "_rev": "<string>", "name": "edge", "policySets": ["a"], "maxAge": 60,
        "readers": ["id=ann,ou=user,dc=openam,dc=example,dc=org"],
        "createdBy": "id=amadmin,ou=user,dc=openam,dc=example,dc=org", "lastModifiedDate": "<number>",
    });
    fits(&want, &shown).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_stands_for_one_content() {
    let (mut server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let first = ann.fetch(EDGE).await;
    assert!(ann.is_current(EDGE, &first).await);
    let head = reqwest::Client::new()
        .head(format!("http://{}{EDGE}", server.address))
        .header("iPlanetDirectoryPro", client.token("ann"));
    let head = head.send().await.unwrap();
    assert_eq!(head.headers()["etag"].to_str().unwrap(), first.tag);
    let length: usize = holder::text(head.headers(), "content-length")
        .parse()
        .unwrap();
    assert!(length > first.bytes.len());
    assert!(head.bytes().await.unwrap().is_empty());

    // What is not in it leaves it as it is: another set, a description, a user.
    let other = policy("b", "policy of b", "https://b.example.com/other");
    client.admin("PUT", "/policies/policy%20of%20b", &other);
    let mut described = policy("a", "policy of a", "https://a.example.com/*");
    described["description"] = "said better".into();
    client.admin("PUT", "/policies/policy%20of%20a", &described);
    client.admin(
        "POST",
        "/users?_action=create",
        &json!({"username": "eve", "userpassword": PASSWORD}),
    );
    assert!(ann.is_current(EDGE, &first).await);
    let same = ann.fetch(EDGE).await;
    assert_eq!(
        (same.revision(), &same.bytes),
        (first.revision(), &first.bytes)
    );
    assert!(same.seal["issuedAt"].as_i64() >= first.seal["issuedAt"].as_i64());

    // What is in it makes another one, under a higher revision, and so does the way back.
    let before = client.ready()["revision"].as_u64().unwrap();
    change(&mut client, "https://a.example.com/only");
    assert!(!ann.is_current(EDGE, &first).await);
    let second = ann.fetch(EDGE).await;
    assert!(second.revision() > first.revision() && second.bytes != first.bytes);
    assert!(!allows(&second.decide("a", "https://a.example.com/x")));
    let rollback = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
        .args(["history", "--data"])
        .arg(server.folder.path())
        .args(["rollback", &before.to_string()])
        .output()
        .unwrap();
    assert!(rollback.status.success(), "{rollback:?}");
    let notice = format!("{EDGE}/notice?after={}&wait=55", second.revision());
    let noticed = ann.notice(&notice).await["revision"].as_u64().unwrap();
    let third = ann.fetch(EDGE).await;
    assert_eq!((third.revision(), &third.bytes), (noticed, &first.bytes));
    assert!(third.revision() > second.revision());

    // Another age is another seal; the content stays.
    let body = json!({"policySets": ["A"], "maxAge": 61, "readers": ["id=ANN,ou=user,dc=openam,dc=example,dc=org"]});
    client.admin("PUT", "/bundles/edge", &body);
    let fourth = ann.fetch(EDGE).await;
    assert!(fourth.revision() > third.revision());
    assert_eq!(
        (&fourth.bytes, &fourth.seal["maxAge"]),
        (&third.bytes, &json!(61))
    );

    // And all of it survives a restart.
    server.restart().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    assert!(ann.is_current(EDGE, &fourth).await);
    assert_eq!(ann.fetch(EDGE).await.tag, fourth.tag);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_readers_have_a_bundle() {
    let (server, mut client) = started().await;
    let paths = ["", "/notice", "/events", "/notice?after=0&wait=1"];
    let statuses = async |holder: &Holder, name: &str| {
        let mut statuses = Vec::new();
        for path in paths {
            statuses.push(
                holder
                    .status(&format!("/am/json/bundles/{name}{path}"))
                    .await,
            );
        }
        statuses.dedup();
        statuses
    };
    let nobody = Holder::new(server.address, "");
    assert_eq!(statuses(&nobody, "edge").await, [401]);
    assert_eq!(statuses(&nobody, "unknown").await, [401]);
    let bob = Holder::new(server.address, &client.token("bob"));
    assert_eq!(statuses(&bob, "edge").await, [403]);
    assert_eq!(statuses(&bob, "unknown").await, [404]);
    let refused = bob.get(EDGE, &[]).await;
    let body = refused.text().await.unwrap();
    let shape: Value = serde_json::from_str(&body).unwrap();
    fits(
        &json!({"code": 403, "reason": "Forbidden", "message": "<string>"}),
        &shape,
    )
    .unwrap();
    let amadmin = Holder::new(server.address, &client.token("amadmin"));
    assert_eq!(statuses(&amadmin, "EDGE").await, [200]);

    // A group of readers, and nobody who has left it.
    client.admin(
        "POST",
        "/groups?_action=create",
        &json!({"username": "edges"}),
    );
    client.admin(
        "PUT",
        "/groups/edges",
        &json!({"uniqueMember": ["id=bob,ou=user,dc=openam,dc=example,dc=org"]}),
    );
    let readers = json!(["id=edges,ou=group,dc=openam,dc=example,dc=org"]);
    client.admin(
        "PUT",
        "/bundles/edge",
        &json!({"policySets": ["a"], "readers": readers}),
    );
    assert_eq!(statuses(&bob, "edge").await, [200]);
    let ann = Holder::new(server.address, &client.token("ann"));
    assert_eq!(statuses(&ann, "edge").await, [403]);
    client.admin("PUT", "/groups/edges", &json!({"uniqueMember": []}));
    assert_eq!(statuses(&bob, "edge").await, [403]);

    // Who reads bundles does not administer them.
    let path = "/am/json/bundles?_queryFilter=true";
    assert_eq!(
        (bob.status(path).await, nobody.status(path).await),
        (403, 401)
    );
    let json = bob.get(EDGE, &[("Accept", "application/json")]).await;
    assert_eq!(json.status().as_u16(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_checked_and_administered() {
    let (_server, mut client) = started().await;
    for (body, path) in [
        (json!({"policySets": ["a"]}), "/name"),
        (json!({"name": "x/y", "policySets": ["a"]}), "/name"),
        (json!({"name": "x"}), "/policySets"),
        (
            json!({"name": "x", "policySets": ["a", "nowhere"]}),
            "/policySets/1",
        ),
        (
            json!({"name": "x", "policySets": ["a", "A"]}),
            "/policySets/1",
        ),
        (json!({"name": "x", "policySets": [1]}), "/policySets/0"),
        (
            json!({"name": "x", "policySets": ["a"], "maxAge": 0}),
            "/maxAge",
        ),
        (
            json!({"name": "x", "policySets": ["a"], "maxAge": "1"}),
            "/maxAge",
        ),
        (
            json!({"name": "x", "policySets": ["a"], "readers": ["cn=x,dc=y"]}),
            "/readers/0",
        ),
        (
            json!({"name": "x", "policySets": ["a"], "reader": []}),
            "/reader",
        ),
    ] {
        let reply = client.admin_reply("POST", "/bundles?_action=create", &body);
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(&format!("(at {path})")), "{message}");
    }
    let again = json!({"name": "EDGE", "policySets": ["a"]});
    assert_eq!(
        client
            .admin_reply("POST", "/bundles?_action=create", &again)
            .status,
        409
    );
    let made = client.admin_reply("PUT", "/bundles/second", &json!({"policySets": ["b"]}));
    assert_eq!(made.status, 201);
    assert!(
        made.header("location")
            .unwrap()
            .ends_with("/bundles/second")
    );
    let rows = client.get_json("/bundles?_queryFilter=policySets%20eq%20%22b%22");
    fits(
        &json!({"resultCount": 1, "result": [{"_id": "second"}]}),
        &rows,
    )
    .unwrap();
    // What was read is what can be written.
    let shown = client.get_json("/bundles/second");
    client.admin("PUT", "/bundles/second", &shown);
    client.admin("DELETE", "/bundles/second", &Value::Null);
    assert_eq!(
        client
            .admin_reply("DELETE", "/bundles/second", &Value::Null)
            .status,
        404
    );
    let rows = client.get_json("/bundles?_queryFilter=true");
    fits(
        &json!({"resultCount": 1, "result": [{"_id": "edge", "maxAge": 60}]}),
        &rows,
    )
    .unwrap();
}
