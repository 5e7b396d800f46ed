//! Bundles on the server: definitions, sealed bundles, readers, keys, notices, nodes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::holder::{self, Events, Holder};
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
    // Who may not read one is not told whether there is one.
    assert_eq!(statuses(&bob, "unknown").await, [403]);
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
    assert_eq!(statuses(&amadmin, "unknown").await, [404]);

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

/// Nothing that is waited for here takes long; this is when a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_answers_at_the_change() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let first = ann.notice(&format!("{EDGE}/notice")).await;
    let shape = json!({
        "iss": "<string>", "realm": "/", "name": "edge", "revision": "<number>", "instant": "<number>",
    });
    fits(&shape, &first).unwrap();
    let revision = first["revision"].as_u64().unwrap();
    // One who holds less is answered at once, and so is one who does not want to wait.
    let behind = format!("{EDGE}/notice?after={}&wait=55", revision - 1);
    assert_eq!(in_time(ann.notice(&behind)).await["revision"], revision);
    let now = format!("{EDGE}/notice?after={revision}&wait=0");
    assert_eq!(in_time(ann.notice(&now)).await["revision"], revision);
    // After the time a fresh notice of the same.
    let later = in_time(ann.notice(&format!("{EDGE}/notice?after={revision}&wait=1"))).await;
    assert_eq!(later["revision"], revision);
    assert!(later["instant"].as_i64() > first["instant"].as_i64());
    let path = format!("{EDGE}/notice?after={revision}&wait=55");
    let waiting = tokio::spawn(async move { ann.notice(&path).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // What is not in the bundle wakes nobody.
    client.admin(
        "PUT",
        "/policies/policy%20of%20b",
        &policy("b", "policy of b", "https://b.example.com/y"),
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    change(&mut client, "https://a.example.com/only");
    let noticed = in_time(waiting).await.unwrap();
    assert!(noticed["revision"].as_u64().unwrap() > revision);
    for (query, what) in [
        ("after=x", "after"),
        ("after=1&wait=56", "55"),
        ("wait=1", "after"),
        ("after=1&wait=-1", "wait"),
        ("after=1&after=2", "after"),
    ] {
        let ann = Holder::new(server.address, &client.token("ann"));
        let refused = ann.get(&format!("{EDGE}/notice?{query}"), &[]).await;
        assert_eq!(refused.status().as_u16(), 400, "{query}");
        let message = refused.text().await.unwrap();
        assert!(message.contains(what), "{query}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_each_change_and_ends_with_the_right_to_it() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let mut events = Events::open(&ann, &format!("{EDGE}/events")).await;
    let mut seen = 0;
    for n in 0..3 {
        let event = in_time(events.next()).await.unwrap();
        let revision = ann.read_notice(&event).await["revision"].as_u64().unwrap();
        assert!(revision > seen);
        seen = revision;
        change(&mut client, &format!("https://a.example.com/{n}"));
    }
    in_time(events.next()).await.unwrap();
    // The reader is taken out: the change of the definition is the last that the stream notices, and it does not tell it.
    client.admin("PUT", "/bundles/edge", &json!({"policySets": ["a"]}));
    assert_eq!(in_time(events.next()).await, None);

    let amadmin = Holder::new(server.address, &client.token("amadmin"));
    let mut events = Events::open(&amadmin, &format!("{EDGE}/events")).await;
    in_time(events.next()).await.unwrap();
    client.admin("DELETE", "/bundles/edge", &Value::Null);
    assert_eq!(in_time(events.next()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_not_silent_where_nothing_happens() {
    let server = TestServer::with(&[("notice_seconds", 1.into())]).await;
    let mut client = server.client();
    set_up(&mut client);
    let ann = Holder::new(server.address, &client.token("ann"));
    let mut events = Events::open(&ann, &format!("{EDGE}/events")).await;
    let mut before = Value::Null;
    for _ in 0..3 {
        let event = in_time(events.next()).await.unwrap();
        let notice = ann.read_notice(&event).await;
        if !before.is_null() {
            assert_eq!(notice["revision"], before["revision"]);
            assert!(notice["instant"].as_i64() > before["instant"].as_i64());
        }
        before = notice;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_are_bounded_and_do_not_hold_up_a_stop() {
    let mut server = TestServer::with(&[
        ("subscribers", 3.into()),
        ("subscribers_per_caller", 2.into()),
        ("shutdown_seconds", 600.into()),
    ])
    .await;
    let mut client = server.client();
    set_up(&mut client);
    let path = format!("{EDGE}/events");
    let (ann, amadmin) = (client.token("ann"), client.token("amadmin"));
    let [ann, amadmin] = [ann, amadmin].map(|token| Holder::new(server.address, &token));
    let mut one = Events::open(&ann, &path).await;
    let two = Events::open(&ann, &path).await;
    assert_eq!(ann.status(&path).await, 429);
    let three = Events::open(&amadmin, &path).await;
    assert_eq!(amadmin.status(&path).await, 503);
    // Who goes away gives the place back, at the latest with the next event that cannot be sent.
    drop((two, three));
    in_time(async {
        let mut n = 0;
        while amadmin.status(&path).await != 200 {
            n += 1;
            change(&mut client, &format!("https://a.example.com/{n}"));
        }
    })
    .await;
    in_time(server.server.take().unwrap().stop()).await.unwrap();
    while in_time(one.next()).await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_and_retired_ones_still_verify() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let keys = |arguments: &[&str]| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
            .args(["keys", "--data"])
            .arg(server.folder.path())
            .args(arguments)
            .output()
            .unwrap();
        (
            done.status.code(),
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    };
    let kids = |listed: &str, stage: &str| -> Vec<String> {
        let lines = listed
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>());
        lines
            .filter(|line| line[0] == "bundles" && line[3] == stage)
            .map(|line| line[1].to_owned())
            .collect()
    };
    let (_, listed, _) = keys(&["list"]);
    let (current, next) = (
        kids(&listed, "current").remove(0),
        kids(&listed, "next").remove(0),
    );
    let pinned = ann.keys().await;
    let before = ann.get(EDGE, &[]).await.bytes().await.unwrap();
    let line = before.split(|byte| *byte == b'\n').next().unwrap();
    let line = std::str::from_utf8(line).unwrap().to_owned();
    assert_eq!(
        holder::verified(&pinned, &line).unwrap().0["kid"],
        current.as_str()
    );
    let held = ann.fetch(EDGE).await;

    let (code, listed, _) = keys(&["rotate"]);
    assert_eq!(
        (code, kids(&listed, "current"), kids(&listed, "retired")),
        (Some(0), vec![next.clone()], vec![current.clone()])
    );
    // The server takes it over by itself.
    in_time(async {
        while ann.fetch(EDGE).await.header["kid"] != next.as_str() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(ann.is_current(EDGE, &held).await, "the content is the same");
    assert_eq!(ann.keys().await["keys"].as_array().unwrap().len(), 3);
    let notice = ann
        .get(&format!("{EDGE}/notice"), &[])
        .await
        .text()
        .await
        .unwrap();
    assert!(
        holder::verified(&pinned, &notice).is_some(),
        "the next key was known before"
    );
    assert!(
        holder::verified(&ann.keys().await, &line).is_some(),
        "the retired key verifies"
    );

    let (code, _, why) = keys(&["remove", "bundles", &next]);
    assert_eq!(code, Some(2), "{why}");
    assert!(why.contains("rotate first"), "{why}");
    let (code, listed, _) = keys(&["remove", "bundles", &current]);
    assert_eq!((code, kids(&listed, "retired").len()), (Some(0), 0));
    in_time(async {
        while holder::verified(&ann.keys().await, &line).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Two nodes on one database: what is written through one is noticed at the other, and both say the same.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_one_store_publish_alike() {
    let postgres = support::postgres::Server::shared().await;
    let url = postgres.database().await;
    let one = TestServer::with(&[("database", url.clone().into())]).await;
    let other = TestServer::with(&[("database", url.into())]).await;
    let mut client = one.client();
    set_up(&mut client);
    let [ann, ann_there] = [one.address, other.address]
        .map(|address| (address, client.token("ann")))
        .map(|(address, token)| Holder::new(address, &token));
    in_time(async {
        while ann_there.status(EDGE).await != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(ann.keys().await, ann_there.keys().await);
    let mut events = Events::open(&ann_there, &format!("{EDGE}/events")).await;
    let mut seen = ann_there
        .read_notice(&in_time(events.next()).await.unwrap())
        .await["revision"]
        .as_u64()
        .unwrap();
    for n in 0..5 {
        change(&mut client, &format!("https://a.example.com/{n}"));
        let here = ann.fetch(EDGE).await;
        // A change that came in between may have been noticed, too.
        while seen < here.revision() {
            let event = in_time(events.next()).await.unwrap();
            seen = ann_there.read_notice(&event).await["revision"]
                .as_u64()
                .unwrap();
        }
        let there = ann_there.fetch(EDGE).await;
        assert_eq!((there.tag, there.bytes), (here.tag, here.bytes));
    }
}

/// A client with an access token reads what names its id, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_a_reader_by_its_id() {
    let (server, mut client) = started().await;
    let http = reqwest::Client::new();
    let base = format!("http://{}", server.address);
    let registered = http
        .post(format!("{base}/connect/register"))
        .basic_auth("amadmin", Some(support::ADMINISTRATOR_PASSWORD))
        .json(&json!({"client_name": "edge", "grant_types": ["client_credentials"], "scope": "policyserver.runtime"}))
        .send()
        .await
        .unwrap();
    assert_eq!(registered.status().as_u16(), 201);
    let made: Value = registered.json().await.unwrap();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let (id, secret) = (text(&made, "client_id"), text(&made, "client_secret"));
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let issued = http
        .post(format!("{base}/connect/token"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let issued: Value = issued.json().await.unwrap();
    let bearer = format!("Bearer {}", text(&issued, "access_token"));
    let holder = Holder::new(server.address, "");
    let status = async |path: &str| {
        let headers = [("Authorization", bearer.as_str())];
        holder.get(path, &headers).await.status().as_u16()
    };
    assert_eq!(status(EDGE).await, 403);
    client.admin(
        "PUT",
        "/bundles/edge",
        &json!({"policySets": ["a"], "readers": [id]}),
    );
    assert_eq!(status(EDGE).await, 200);
    assert_eq!(status(&format!("{EDGE}/notice")).await, 200);
    client.admin("PUT", "/bundles/other", &json!({"policySets": ["b"]}));
    assert_eq!(status("/am/json/bundles/other").await, 403);
}
