//! Two nodes on one PostgreSQL: what one writes the other serves, and what becomes of one that is cut off from it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

#[path = "support/line.rs"]
mod line;
mod support;

use std::time::{Duration, Instant};

use line::{Line, State};
use serde_json::{Value, json};
use support::{Client, PASSWORD, Reply, TestServer, fits, postgres};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const PAGE: &str = "http://www.example.com/page";
/// Longer than anything that is waited for here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a node may decide alone, in these tests.
const CUT_OFF_SECONDS: i64 = 8;

/// Two nodes, of which the second has a line to the database that can be cut.
struct Nodes {
    one: TestServer,
    other: TestServer,
    line: Line,
    _database: std::sync::Arc<postgres::Server>,
}

impl Nodes {
    async fn start() -> Nodes {
        let database = postgres::Server::shared().await;
        let url = database.database().await;
        let (scheme, rest) = url.split_once('@').unwrap();
        let (there, name) = rest.split_once('/').unwrap();
        let line = Line::to(there.parse().unwrap()).await;
        let through = format!("{scheme}@{}/{name}", line.address);
        let node = async |url: &str| {
            let settings = [
                ("database", url.into()),
                ("cut_off_seconds", CUT_OFF_SECONDS.into()),
            ];
            TestServer::with(&settings).await
        };
        Nodes {
            one: node(&url).await,
            other: node(&through).await,
            line,
            _database: database,
        }
    }
}

/// Asks again until what is asked for is so; gives how long that took.
async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never so: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

fn policy(allows: bool) -> Value {
    json!({
        "name": "page", "resources": [PAGE], "actionValues": {"GET": allows},
        "subject": {"type": "AuthenticatedUsers"}, "resourceTypeUuid": URL_TYPE,
    })
}

fn ready(server: &TestServer) -> (u16, Value) {
    let reply = server.client().send("GET", "/health/ready", &[], None);
    (reply.status, reply.json())
}

/// What is decided for a session, or the answer that there is none.
fn ask(client: &mut Client, token: &str) -> Reply {
    let body = json!({"resources": [PAGE], "subject": {"ssoToken": token}});
    as_administrator(client, "POST", "/policies?_action=evaluate", &body)
}

fn as_administrator(client: &mut Client, method: &str, path: &str, body: &Value) -> Reply {
    let headers = [
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("iPlanetDirectoryPro".to_owned(), client.token("amadmin")),
    ];
    let path = format!("/am/json{path}");
    client.send(method, &path, &headers, Some(&body.to_string()))
}

fn decided(client: &mut Client, token: &str) -> Value {
    ask(client, token).json()[0]["actions"].clone()
}

fn log_out(client: &mut Client, token: &str) {
    let reply = client.post(
        &format!("/am/json/sessions/{token}?_action=logout"),
        &[
            ("Accept-API-Version", "resource=1.2"),
            ("iPlanetDirectoryPro", token),
        ],
        &json!({}),
    );
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_does_the_other_serves() {
    let nodes = Nodes::start().await;
    let (mut one, mut other) = (nodes.one.client(), nodes.other.client());
    let amy = json!({"username": "amy", "userpassword": PASSWORD});
    one.admin("POST", "/users?_action=create", &amy);
    one.admin("POST", "/policies?_action=create", &policy(true));
    let token = one.token("amy");
    let allowed = json!({"GET": true});
    let took = until("a policy of one node decides on the other", || {
        decided(&mut other, &token) == allowed
    })
    .await;
    println!(
        "a write was live on the other node after {} ms",
        took.as_millis()
    );
    // A change that comes through the other one, and a log-out.
    other.admin("PUT", "/policies/page", &policy(false));
    let denied = json!({"GET": false});
    until("the way back, too", || decided(&mut one, &token) == denied).await;
    log_out(&mut one, &token);
    let took = until("a log-out is known on the other", || {
        decided(&mut other, &token) == json!({})
    })
    .await;
    println!(
        "a log-out was known on the other node after {} ms",
        took.as_millis()
    );
}

/// Nobody tells a server on an SQLite file what another one does to sessions: it asks.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_is_known_to_another_server_on_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("shared.db").display());
    let node = async || TestServer::with(&[("database", url.as_str().into())]).await;
    let (here, there) = (node().await, node().await);
    let (mut one, mut other) = (here.client(), there.client());
    let amy = json!({"username": "amy", "userpassword": PASSWORD});
    one.admin("POST", "/users?_action=create", &amy);
    one.admin("POST", "/policies?_action=create", &policy(true));
    let token = one.token("amy");
    until("a policy of one decides on the other", || {
        decided(&mut other, &token) == json!({"GET": true})
    })
    .await;
    log_out(&mut one, &token);
    assert_eq!(decided(&mut one, &token), json!({}));
    until("the log-out is known", || {
        decided(&mut other, &token) == json!({})
    })
    .await;
}

/// A realm's document is changed by two endpoints, a part by each. The second node is asked for changes while it does not
/// know of the first one's yet: it hears nothing of them before its next poll.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_realm_keeps_what_another_node_changed() {
    const SETTINGS: &str = "/realms/root/realms/a/realm-config/services/policyconfiguration";
    const REALM: &str = "/global-config/realms/L2E";
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("shared.db").display());
    let node = async |poll: i64| {
        let settings = [
            ("database", url.as_str().into()),
            ("poll_milliseconds", poll.into()),
            ("cut_off_seconds", (2 * poll / 1000).into()),
        ];
        TestServer::with(&settings).await
    };
    let one = node(3_600_000).await;
    let mut here = one.client();
    here.admin(
        "POST",
        "/global-config/realms?_action=create",
        &realm(true, &[]),
    );
    let other = node(3_600_000).await;
    let mut there = other.client();
    assert_eq!(there.get_json(REALM)["active"], true);

    // Here the settings, there whether it is active.
    here.admin(
        "PUT",
        SETTINGS,
        &json!({"environmentOverridesSession": false}),
    );
    there.admin("PUT", REALM, &json!({"name": "a", "active": false}));
    let settings = there.get_json(SETTINGS);
    assert_eq!(settings["environmentOverridesSession"], false, "{settings}");

    // Here the aliases, there again whether it is active, and then its settings.
    here.admin("PUT", REALM, &json!({"name": "a", "aliases": ["alias"]}));
    there.admin("PUT", REALM, &json!({"name": "a", "active": true}));
    here.admin("PUT", REALM, &json!({"name": "a", "aliases": ["other"]}));
    there.admin(
        "PUT",
        SETTINGS,
        &json!({"environmentOverridesSession": true}),
    );
    let shown = there.get_json(REALM);
    fits(&json!({"active": true, "aliases": ["other"]}), &shown).unwrap();

    // Who names a revision changes that one or none.
    let known = shown["_rev"].as_str().unwrap().to_owned();
    here.admin("PUT", REALM, &json!({"name": "a", "aliases": []}));
    let headers = [
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("iPlanetDirectoryPro".to_owned(), there.token("amadmin")),
        ("If-Match".to_owned(), known),
    ];
    let body = realm(true, &["third"]).to_string();
    let path = format!("/am/json{REALM}");
    let refused = there.send("PUT", &path, &headers, Some(&body));
    assert_eq!(refused.status, 412, "{refused:?}");

    // A realm that is gone is not made again.
    here.admin("DELETE", REALM, &Value::Null);
    let reply = there.admin_reply("PUT", REALM, &realm(true, &[]));
    assert_eq!(reply.status, 404, "{reply:?}");
}

fn realm(active: bool, aliases: &[&str]) -> Value {
    json!({"name": "a", "parentPath": "/", "active": active, "aliases": aliases})
}

/// Both ways of being cut off: told so by closed connections, or told nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_connections_are_closed_decides_stops_and_heals() {
    cut_off_and_healed(State::Closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_nothing_decides_stops_and_heals() {
    cut_off_and_healed(State::Silent).await;
}

async fn cut_off_and_healed(how: State) {
    let nodes = Nodes::start().await;
    let (mut one, mut other) = (nodes.one.client(), nodes.other.client());
    for user in ["amy", "bea"] {
        let body = json!({"username": user, "userpassword": PASSWORD});
        one.admin("POST", "/users?_action=create", &body);
    }
    one.admin("POST", "/policies?_action=create", &policy(true));
    let (amy, bea) = (one.token("amy"), one.token("bea"));
    let (allowed, denied) = (json!({"GET": true}), json!({"GET": false}));
    for token in [&amy, &bea] {
        until("both sessions are known", || {
            decided(&mut other, token) == allowed
        })
        .await;
    }
    let (status, before) = ready(&nodes.other);
    fits(&json!({"status": "ready", "cutOff": "<absent>"}), &before).unwrap();
    assert_eq!(status, 200);

    nodes.line.set(how);
    one.admin("PUT", "/policies/page", &policy(false));
    log_out(&mut one, &bea);
    // It decides from what it knows, and says that nothing was written.
    assert_eq!(decided(&mut other, &amy), allowed);
    let refused = as_administrator(&mut other, "PUT", "/policies/page", &policy(true));
    assert_eq!(refused.status, 503, "{refused:?}");
    fits(
        &json!({"code": 503, "reason": "Service Unavailable"}),
        &refused.json(),
    )
    .unwrap();
    until("it says that it is cut off", || {
        ready(&nodes.other).1["status"] == "cut off"
    })
    .await;
    let (status, cut_off) = ready(&nodes.other);
    let since = json!({
        "status": "cut off", "revision": before["revision"], "digest": before["digest"],
        "cutOff": {"since": "<string>", "decidesUntil": "<string>"},
    });
    fits(&since, &cut_off).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        decided(&mut other, &bea),
        allowed,
        "the log-out is not known here"
    );

    // Then it stops.
    until("it says that what it knows is stale", || {
        ready(&nodes.other).0 == 503
    })
    .await;
    fits(
        &json!({"status": "stale", "cutOff": {"since": "<string>"}}),
        &ready(&nodes.other).1,
    )
    .unwrap();
    let stopped = ask(&mut other, &amy);
    assert_eq!(stopped.status, 503, "{stopped:?}");
    assert!(stopped.text.contains("cut_off_seconds"), "{stopped:?}");
    assert_eq!(decided(&mut one, &amy), denied, "the other one goes on");

    // And goes on by itself, with what happened meanwhile.
    nodes.line.set(State::Whole);
    let took = until("it heals", || ready(&nodes.other).1["status"] == "ready").await;
    println!(
        "{how:?}: ready {} ms after the line was mended",
        took.as_millis()
    );
    assert_eq!(decided(&mut other, &amy), denied);
    assert_eq!(decided(&mut other, &bea), json!({}), "the log-out is known");
    other.admin("PUT", "/policies/page", &policy(true));
    let took = until("a write through it is live elsewhere", || {
        decided(&mut one, &amy) == allowed
    })
    .await;
    println!(
        "{how:?}: its first write was live on the other node after {} ms",
        took.as_millis()
    );
    one.admin("PUT", "/policies/page", &policy(false));
    let took = until("it hears again", || decided(&mut other, &amy) == denied).await;
    println!(
        "{how:?}: it served the other node's write after {} ms",
        took.as_millis()
    );
}
