//! The token service over HTTP, on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod access_tokens;
mod administration;
mod assertions;
mod introspection;
mod issuer;
mod jwt;
mod metadata;
mod nodes;
mod permissions;
mod registration;
mod requests;
mod standing;
#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::{ADMINISTRATOR_PASSWORD, Client, Reply, TestServer, postgres};

/// The databases that every case runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backend {
    Sqlite,
    Postgres,
}

/// A server with a fresh store, and what keeps its database alive.
struct Place {
    server: TestServer,
    database: String,
    _postgres: Option<std::sync::Arc<postgres::Server>>,
}

impl Place {
    async fn start(backend: Backend) -> Place {
        Self::with(backend, &[]).await
    }

    async fn with(backend: Backend, more: &[(&'static str, toml::Value)]) -> Place {
        let (database, postgres) = match backend {
            Backend::Sqlite => (String::new(), None),
            Backend::Postgres => {
                let server = postgres::Server::shared().await;
                (server.database().await, Some(server))
            }
        };
        let mut settings = vec![("database", toml::Value::from(database.clone()))];
        settings.extend(more.iter().cloned());
        Place {
            server: TestServer::with(&settings).await,
            database,
            _postgres: postgres,
        }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Runs a command on the server's store.
    fn command(&self, arguments: &[&str]) -> String {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
            .args(arguments)
            .env("ASSIZE_DATA", self.server.folder.path())
            .env("ASSIZE_DATABASE", &self.database)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Makes each case a test on both databases.
macro_rules! on_both {
    ($($case:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(crate::Backend::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(crate::Backend::Postgres).await;
            })*
        }
    };
}
use on_both;

fn basic(name: &str, password: &str) -> (String, String) {
    ("Authorization".into(), support::basic(name, password))
}

fn bearer(token: &str) -> (String, String) {
    ("Authorization".into(), format!("Bearer {token}"))
}

/// A form as it travels.
fn form(parameters: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(|b| match b {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'~' => {
                    (b as char).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect::<String>()
    };
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn post_form(
    client: &Client,
    path: &str,
    headers: &[(String, String)],
    parameters: &[(&str, &str)],
) -> Reply {
    let mut all = vec![(
        "Content-Type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )];
    all.extend_from_slice(headers);
    client.send("POST", path, &all, Some(&form(parameters)))
}

/// A client that was registered by the administrator.
struct Registered {
    id: String,
    secret: String,
}

fn register(client: &Client, metadata: &Value) -> Value {
    let headers = [
        ("Content-Type".to_owned(), "application/json".to_owned()),
        basic("amadmin", ADMINISTRATOR_PASSWORD),
    ];
    let reply = client.send(
        "POST",
        "/connect/register",
        &headers,
        Some(&metadata.to_string()),
    );
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn registered(client: &Client, metadata: &Value) -> Registered {
    let answer = register(client, metadata);
    let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
    Registered {
        id: text("client_id"),
        secret: text("client_secret"),
    }
}

impl Registered {
    fn basic(&self) -> (String, String) {
        basic(&self.id, &self.secret)
    }

    /// A token with these scopes, or with all.
    fn token(&self, client: &Client, scope: &str) -> String {
        let parameters = [("grant_type", "client_credentials"), ("scope", scope)];
        let reply = post_form(client, "/connect/token", &[self.basic()], &parameters);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }
}

/// Lists clients with a token: an endpoint that asks for management.
fn list_clients(client: &Client, token: &str) -> Reply {
    client.send(
        "GET",
        "/am/json/global-config/clients?_queryFilter=true",
        &[bearer(token)],
        None,
    )
}

/// What a reply says is wrong.
fn error(reply: &Reply) -> (u16, String) {
    let error = reply.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (reply.status, error)
}

fn anything() -> Value {
    json!({"client_name": "any"})
}

/// A request at AM's endpoints with a Bearer token.
fn send(client: &Client, token: &str, method: &str, path: &str, body: &Value) -> Reply {
    let headers = [
        bearer(token),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let body = (!body.is_null()).then(|| body.to_string());
    client.send(
        method,
        &format!("/am/json{path}"),
        &headers,
        body.as_deref(),
    )
}

/// Waits for something that another process or node sets going.
fn eventually(done: impl Fn() -> bool) {
    for _ in 0..200 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("nothing happened");
}
