//! AM's change notices over the WebSocket, with a client of another make.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::{Client, PASSWORD, TestServer, fits};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const SUBPROTOCOL: &str = "v1.notifications.forgerock.org";
/// Nothing that is waited for here takes long; this is when a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client that listens.
struct Listener(WebSocketStream<TcpStream>);

impl Listener {
    /// Opens a connection; the status and body where that is refused.
    async fn open(address: SocketAddr, token: &str) -> Result<Self, (u16, Value)> {
        Self::open_with(address, &[("iPlanetDirectoryPro", token)]).await
    }

    async fn open_with(
        address: SocketAddr,
        more: &[(&'static str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let url = format!("ws://{address}/am/notifications");
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse().unwrap());
        for (name, value) in more {
            headers.insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], SUBPROTOCOL);
                Ok(Listener(socket))
            }
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                Err((
                    response.status().as_u16(),
                    serde_json::from_slice(body).unwrap(),
                ))
            }
            Err(other) => panic!("{other}"),
        }
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// What comes next, but for the pings that keep the connection alive.
    async fn next(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(DEADLINE, self.0.next());
            match next.await.unwrap().unwrap().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                other => return other,
            }
        }
    }

    async fn json(&mut self) -> Value {
        serde_json::from_str(self.next().await.to_text().unwrap()).unwrap()
    }

    async fn ask(&mut self, request: &Value) -> Value {
        self.say(&request.to_string()).await;
        self.json().await
    }

    async fn subscribe(&mut self, topic: &str) {
        let answer = self
            .ask(&json!({"action": "subscribe", "topic": topic}))
            .await;
        assert_eq!(
            answer,
            json!({"topic": topic, "message": "subscription registered"})
        );
    }

    async fn expect(&mut self, topic: &str, body: Value) {
        let event = self.json().await;
        let want = json!({"topic": topic, "timestamp": "<string>", "body": body});
        fits(&want, &event).unwrap();
        assert_eq!(event.as_object().unwrap().len(), 3);
    }
}

fn policy(name: &str, resource: &str) -> Value {
    json!({
        "name": name, "resources": [resource], "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"}, "resourceTypeUuid": URL_TYPE,
    })
}

fn written(name: &str, event: &str) -> Value {
    json!({"realm": "/", "policy": name, "policySet": "iPlanetAMWebAgentService", "eventType": event})
}

/// Users `ann`, and `agent` who may ask for decisions.
fn set_up(client: &mut Client) {
    user(client, "ann");
    user_with(client, "agent", "EntitlementRestAccess");
}

fn user(client: &mut Client, name: &str) {
    let body = json!({"username": name, "userpassword": PASSWORD});
    client.admin("POST", "/users?_action=create", &body);
}

/// A user with a group of its own that grants a privilege.
fn user_with(client: &mut Client, name: &str, privilege: &str) {
    user(client, name);
    let group = format!("{name}s");
    let body = json!({"username": group});
    client.admin("POST", "/groups?_action=create", &body);
    let granted = json!({
        "members": {"uniqueMember": [name]},
        "privileges": {privilege: true},
    });
    let version = "protocol=2.1,resource=4.0".to_owned();
    let headers = [
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Accept-API-Version".to_owned(), version),
        ("iPlanetDirectoryPro".to_owned(), client.token("amadmin")),
    ];
    let path = format!("/am/json/groups/{group}");
    let reply = client.send("PUT", &path, &headers, Some(&granted.to_string()));
    assert_eq!(reply.status, 200, "{reply:?}");
}

fn log_in(client: &Client, user: &str) -> String {
    let reply = client.log_in("", user, PASSWORD);
    reply.json()["tokenId"].as_str().unwrap().to_owned()
}

fn log_out(client: &Client, token: &str) {
    let headers = [
        ("iPlanetDirectoryPro", token),
        ("Accept-API-Version", "resource=2.0"),
    ];
    let reply = client.post("/am/json/sessions?_action=logout", &headers, &json!({}));
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_told_of_policies_and_sessions() {
    let server = TestServer::with(&[(
        "session_properties",
        toml::Value::Array(vec!["colour".into()]),
    )])
    .await;
    let mut client = server.client();
    set_up(&mut client);
    let agent = client.token("agent");
    let mut listener = Listener::open(server.address, &agent).await.unwrap();
    // Not subscribed: this is not told.
    client.admin(
        "POST",
        "/policies?_action=create",
        &policy("early", "http://a.example.com/*"),
    );
    listener.subscribe("/agent/policy").await;
    let answer = listener
        .ask(&json!({"action": "subscribe", "topic": "/no/such", "id": "i"}))
        .await;
    assert_eq!(
        answer,
        json!({"topic": "/no/such", "message": "subscription registered", "id": "i"})
    );
    for (request, error) in [
        (
            r#"{"action":"subscribe"}"#,
            "missing required field \"topic\"",
        ),
        (
            r#"{"action":"unsubscribe","topic":"/agent/policy"}"#,
            "unknown action \"unsubscribe\"",
        ),
    ] {
        listener.say(request).await;
        assert_eq!(listener.json().await, json!({"error": error}));
    }
    listener.say("no JSON").await;
    fits(&json!({"error": "<string>"}), &listener.json().await).unwrap();

    client.admin(
        "POST",
        "/policies?_action=create",
        &policy("p", "http://b.example.com/*"),
    );
    listener
        .expect("/agent/policy", written("p", "CREATE"))
        .await;
    client.admin("PUT", "/policies/p", &policy("p", "http://c.example.com/*"));
    listener
        .expect("/agent/policy", written("p", "UPDATE"))
        .await;
    client.admin("DELETE", "/policies/p", &Value::Null);
    listener
        .expect("/agent/policy", written("p", "DELETE"))
        .await;

    listener.subscribe("/agent/session").await;
    let ann = log_in(&client, "ann");
    let property = format!("/am/json/sessions/{ann}?_action=setProperty");
    let headers = [
        ("iPlanetDirectoryPro", ann.as_str()),
        ("Accept-API-Version", "resource=1.2"),
    ];
    let set = client.post(&property, &headers, &json!({"colour": "red"}));
    assert_eq!(set.status, 200, "{set:?}");
    let told = |event: &str| json!({"tokenId": ann, "eventType": event});
    listener
        .expect("/agent/session", told("PROPERTY_CHANGED"))
        .await;
    log_out(&client, &ann);
    listener.expect("/agent/session", told("LOGOUT")).await;
    let ann = log_in(&client, "ann");
    client.admin("DELETE", "/users/ann", &Value::Null);
    let want = json!({"tokenId": ann, "eventType": "DESTROY"});
    listener.expect("/agent/session", want).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_listen_and_for_how_long() {
    let mut server = TestServer::with(&[("shutdown_seconds", 600.into())]).await;
    let mut client = server.client();
    set_up(&mut client);
    let refused = Listener::open(server.address, "nobody")
        .await
        .err()
        .unwrap();
    assert_eq!((refused.0, &refused.1["code"]), (401, &json!(401)));
    let refused = Listener::open(server.address, &client.token("ann"))
        .await
        .err()
        .unwrap();
    assert_eq!((refused.0, &refused.1["code"]), (403, &json!(403)));
    let token = ("iPlanetDirectoryPro".to_owned(), client.token("agent"));
    let plain = client.send("GET", "/am/notifications", &[token], None);
    assert_eq!(plain.status, 400, "{plain:?}");

    // The administrator's live token is told to nobody else.
    let mut agent = Listener::open(server.address, &client.token("agent"))
        .await
        .unwrap();
    let mut amadmin = Listener::open(server.address, &client.token("amadmin"))
        .await
        .unwrap();
    agent.subscribe("/agent/session").await;
    amadmin.subscribe("/agent/session").await;
    let reply = client.log_in("", "amadmin", support::ADMINISTRATOR_PASSWORD);
    let token = reply.json()["tokenId"].as_str().unwrap().to_owned();
    log_out(&client, &token);
    let ann = log_in(&client, "ann");
    log_out(&client, &ann);
    amadmin
        .expect(
            "/agent/session",
            json!({"tokenId": token, "eventType": "LOGOUT"}),
        )
        .await;
    for listener in [&mut agent, &mut amadmin] {
        listener
            .expect(
                "/agent/session",
                json!({"tokenId": ann, "eventType": "LOGOUT"}),
            )
            .await;
    }

    // What is said at too great a length ends the connection; a stop ends all of them, and is not held up.
    let mut long = Listener::open(server.address, &client.token("agent"))
        .await
        .unwrap();
    long.say(&" ".repeat(20_000)).await;
    let ended = tokio::time::timeout(DEADLINE, long.0.next()).await.unwrap();
    assert!(!matches!(ended, Some(Ok(Message::Text(_)))), "{ended:?}");
    let stopping = server.server.take().unwrap().stop();
    tokio::time::timeout(DEADLINE, stopping)
        .await
        .unwrap()
        .unwrap();
    match agent.next().await {
        Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Away),
        other => panic!("{other:?}"),
    }
}

/// A token that is told is one to act with: an agent hears of none that could do more than the agent.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_administrators_are_told_to_their_equals_alone() {
    let colour = toml::Value::Array(vec!["colour".into()]);
    let server = TestServer::with(&[("session_properties", colour)]).await;
    let mut client = server.client();
    set_up(&mut client);
    user_with(&mut client, "colleague", "EntitlementRestAccess");
    for (name, privilege) in [
        ("boss", "RealmAdmin"),
        ("author", "PrivilegeRestAccess"),
        ("reader", "PrivilegeRestReadAccess"),
    ] {
        user_with(&mut client, name, privilege);
    }
    let mut open = Vec::new();
    for listener in ["agent", "boss", "amadmin"] {
        let token = client.token(listener);
        let mut listener = Listener::open(server.address, &token).await.unwrap();
        listener.subscribe("/agent/session").await;
        open.push(listener);
    }
    let mut tokens = std::collections::BTreeMap::new();
    for name in ["boss", "author", "reader", "colleague", "ann"] {
        let token = log_in(&client, name);
        let path = format!("/am/json/sessions/{token}?_action=setProperty");
        let headers = [
            ("iPlanetDirectoryPro", token.as_str()),
            ("Accept-API-Version", "resource=1.2"),
        ];
        let set = client.post(&path, &headers, &json!({"colour": "red"}));
        assert_eq!(set.status, 200, "{name}: {set:?}");
        log_out(&client, &token);
        tokens.insert(name, token);
    }
    let heard = [
        &["colleague", "ann"][..],
        &["boss", "author", "reader", "colleague", "ann"],
        &["boss", "author", "reader", "colleague", "ann"],
    ];
    for (listener, names) in open.iter_mut().zip(heard) {
        for name in names {
            for event in ["PROPERTY_CHANGED", "LOGOUT"] {
                let body = json!({"tokenId": tokens[name], "eventType": event});
                listener.expect("/agent/session", body).await;
            }
        }
    }
}

/// Browsers open WebSockets to every host, with its cookie, and say whose page asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_opens_no_connection() {
    let home = "https://app.example";
    let origins = toml::Value::Array(vec![home.into()]);
    let server = TestServer::with(&[("cors_origins", origins)]).await;
    let mut client = server.client();
    set_up(&mut client);
    let token = client.token("agent");
    let cookie = format!("iPlanetDirectoryPro={token}");
    let own = format!("http://{}", server.address);
    for (name, proof, origin, opens) in [
        ("Cookie", &cookie, None, true),
        ("Cookie", &cookie, Some(home), true),
        ("Cookie", &cookie, Some(own.as_str()), true),
        ("Cookie", &cookie, Some("https://evil.example"), false),
        ("Cookie", &cookie, Some("null"), false),
        (
            "iPlanetDirectoryPro",
            &token,
            Some("https://evil.example"),
            true,
        ),
    ] {
        let mut headers = vec![(name, proof.as_str())];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let opened = Listener::open_with(server.address, &headers).await;
        let refused = opened.err().map(|(status, _)| status);
        let want = (!opens).then_some(401);
        assert_eq!(refused, want, "{name} {origin:?}");
    }
}

/// A listener that says nothing, not even what the protocol asks of it, is pinged and then cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_who_is_gone_is_let_go() {
    let settings = [("ping_seconds", 1.into()), ("silence_seconds", 2.into())];
    let server = TestServer::with(&settings).await;
    let mut client = server.client();
    set_up(&mut client);
    let token = client.token("agent");
    // One that answers pings stays for as long as it likes.
    let mut lively = Listener::open(server.address, &token).await.unwrap();
    lively.subscribe("/agent/policy").await;
    let address = server.address;
    let read = tokio::task::spawn_blocking(move || frames_to_one_who_is_silent(address, &token));
    let stays = async { while lively.0.next().await.is_some_and(|message| message.is_ok()) {} };
    let frames = tokio::select! {
        frames = read => frames.unwrap(),
        () = stays => panic!("who answers is let go"),
    };
    let (pings, code) = frames;
    assert!(pings >= 1, "{pings} pings");
    assert_eq!(code, u16::from(CloseCode::Policy));
}

/// Opens a connection by hand and only reads: how many pings come, and the code that the connection is closed with.
fn frames_to_one_who_is_silent(address: SocketAddr, token: &str) -> (usize, u16) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!(
        "GET /am/notifications HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\niPlanetDirectoryPro: {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    let mut pings = 0;
    loop {
        // Frames of a server are not masked, and these are short (RFC 6455 §5.2).
        let mut start = [0; 2];
        stream.read_exact(&mut start).unwrap();
        let mut payload = vec![0; usize::from(start[1])];
        stream.read_exact(&mut payload).unwrap();
        match start[0] & 0x0f {
            9 => {
                pings += 1;
                assert!(pings < 10, "it is not let go");
            }
            8 => return (pings, u16::from_be_bytes([payload[0], payload[1]])),
            other => panic!("a frame of kind {other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_tells_what_any_node_did() {
    let postgres = support::postgres::Server::shared().await;
    let url = postgres.database().await;
    let property = || {
        (
            "session_properties",
            toml::Value::Array(vec!["colour".into()]),
        )
    };
    let one = TestServer::with(&[("database", url.clone().into()), property()]).await;
    let other = TestServer::with(&[("database", url.into()), property()]).await;
    let mut client = one.client();
    set_up(&mut client);
    let agent = client.token("agent");
    let opened = tokio::time::timeout(DEADLINE, async {
        loop {
            match Listener::open(other.address, &agent).await {
                Ok(listener) => break listener,
                // The group that makes it an agent is not live there yet.
                Err((403, _)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(other) => panic!("{other:?}"),
            }
        }
    });
    let mut listener = opened.await.unwrap();
    listener.subscribe("/agent/policy").await;
    listener.subscribe("/agent/session").await;
    client.admin(
        "POST",
        "/policies?_action=create",
        &policy("p", "http://b.example.com/*"),
    );
    listener
        .expect("/agent/policy", written("p", "CREATE"))
        .await;
    client.admin("PUT", "/policies/p", &policy("p", "http://c.example.com/*"));
    listener
        .expect("/agent/policy", written("p", "UPDATE"))
        .await;
    client.admin("DELETE", "/policies/p", &Value::Null);
    listener
        .expect("/agent/policy", written("p", "DELETE"))
        .await;

    // The other node has never seen this session.
    let ann = log_in(&client, "ann");
    let path = format!("/am/json/sessions/{ann}?_action=setProperty");
    let headers = [
        ("iPlanetDirectoryPro", ann.as_str()),
        ("Accept-API-Version", "resource=1.2"),
    ];
    assert_eq!(
        client
            .post(&path, &headers, &json!({"colour": "red"}))
            .status,
        200
    );
    let told = |event: &str| json!({"tokenId": ann, "eventType": event});
    listener
        .expect("/agent/session", told("PROPERTY_CHANGED"))
        .await;
    log_out(&client, &ann);
    listener.expect("/agent/session", told("LOGOUT")).await;

    // The node that ends this one has never seen it; the one that has, tells.
    let there = other.client();
    let ann = log_in(&there, "ann");
    client.admin("DELETE", "/users/ann", &Value::Null);
    let want = json!({"tokenId": ann, "eventType": "DESTROY"});
    listener.expect("/agent/session", want).await;
}
