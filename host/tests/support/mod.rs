//! A server in this process on a free port with a folder of its own, and a client that speaks plain HTTP/1.1.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

pub(crate) mod holder;
pub(crate) mod postgres;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use assize::config::{Config, Layers};
use assize::serve::Server;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub(crate) const ADMINISTRATOR_PASSWORD: &str = "Adm1n.for-tests";
pub(crate) const PASSWORD: &str = "Passw0rd.1";

/// Settings for tests: any port, passwords that cost next to nothing.
pub(crate) fn config(data: &Path, more: &[(&'static str, toml::Value)]) -> Config {
    let mut flags: Vec<(&'static str, toml::Value)> = vec![
        ("listen", "127.0.0.1:0".into()),
        ("data", data.display().to_string().into()),
        ("admin_password", ADMINISTRATOR_PASSWORD.into()),
        ("password_memory_kib", 8.into()),
        ("password_passes", 1.into()),
        ("poll_milliseconds", 50.into()),
        ("workers", 2.into()),
        ("log", "error".into()),
    ];
    flags.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    flags.extend(more.iter().cloned());
    Layers {
        flags,
        ..Layers::default()
    }
    .load()
    .unwrap()
}

/// A running server and its folder.
pub(crate) struct TestServer {
    pub(crate) server: Option<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(more: &[(&'static str, toml::Value)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(config(folder.path(), more)).await.unwrap();
        TestServer {
            address: server.address(),
            server: Some(server),
            folder,
        }
    }

    /// A server on a data folder that is there already.
    pub(crate) async fn on(data: &Path, more: &[(&'static str, toml::Value)]) -> Self {
        let server = Server::start(config(data, more)).await.unwrap();
        TestServer {
            address: server.address(),
            server: Some(server),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Stops the server and starts another one on the same folder.
    pub(crate) async fn restart(&mut self) {
        self.server.take().unwrap().stop().await.unwrap();
        let server = Server::start(config(self.folder.path(), &[]))
            .await
            .unwrap();
        self.address = server.address();
        self.server = Some(server);
    }

    pub(crate) fn client(&self) -> Client {
        Client {
            address: self.address,
            tokens: BTreeMap::new(),
            variables: BTreeMap::new(),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// A client that logs users in when it needs their sessions.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    tokens: BTreeMap<String, String>,
    pub(crate) variables: BTreeMap<String, String>,
}

impl Client {
    /// One request over a connection of its own.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<&str>,
    ) -> Reply {
        let stream = TcpStream::connect(self.address).unwrap();
        exchange(stream, method, path, headers, body)
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let mut all = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        all.extend(headers.iter().map(|(n, v)| (n.to_string(), v.to_string())));
        self.send("POST", path, &all, Some(&body.to_string()))
    }

    pub(crate) fn log_in(&self, realm: &str, user: &str, password: &str) -> Reply {
        let headers = [("X-OpenAM-Username", user), ("X-OpenAM-Password", password)];
        self.post(
            &format!("/am/json{realm}/authenticate"),
            &headers,
            &json!({}),
        )
    }

    /// The token of a session of a user of the root realm; `user@realm` for one of `/realm`.
    pub(crate) fn token(&mut self, who: &str) -> String {
        if let Some(token) = self.tokens.get(who) {
            return token.clone();
        }
        let (user, realm) = who.split_once('@').unwrap_or((who, ""));
        let password = if user == "amadmin" {
            ADMINISTRATOR_PASSWORD
        } else {
            PASSWORD
        };
        let path = if realm.is_empty() {
            String::new()
        } else {
            format!("/realms/root/realms/{realm}")
        };
        let reply = self.log_in(&path, user, password);
        let token = reply.json()["tokenId"]
            .as_str()
            .unwrap_or_else(|| panic!("log-in of {who}: {reply:?}"))
            .to_owned();
        self.tokens.insert(who.to_owned(), token.clone());
        token
    }

    /// A request by the administrator.
    pub(crate) fn admin_reply(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let json = "application/json".to_owned();
        let headers = [
            ("Content-Type".to_owned(), json.clone()),
            ("Accept".to_owned(), json),
            ("iPlanetDirectoryPro".to_owned(), self.token("amadmin")),
        ];
        let text = (!body.is_null()).then(|| body.to_string());
        let path = format!("/am/json{path}");
        self.send(method, &path, &headers, text.as_deref())
    }

    /// A request by the administrator, which must succeed.
    pub(crate) fn admin(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.admin_reply(method, path, body);
        assert!(reply.status < 300, "{method} {path}: {reply:?}");
        reply.json()
    }

    /// What the administrator reads.
    pub(crate) fn get_json(&mut self, path: &str) -> Value {
        self.admin("GET", path, &Value::Null)
    }

    /// What the server says of its health.
    pub(crate) fn ready(&self) -> Value {
        let reply = self.send("GET", "/health/ready", &[], None);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// What the administrator is told about resources for a user's session.
    pub(crate) fn evaluate(&mut self, resources: &[&str], subject: &Value) -> Value {
        let body = json!({"resources": resources, "subject": subject});
        self.admin("POST", "/policies?_action=evaluate", &body)
    }
}

/// Sends a request over any stream and reads the whole answer.
pub(crate) fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: Option<&str>,
) -> Reply {
    let mut request = format!(
        "{method} {} HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n",
        escaped(path)
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
        .write_all(body.unwrap_or_default().as_bytes())
        .unwrap();
    let mut bytes = Vec::new();
    // A TLS peer may close without saying so; what has arrived is the answer.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|s| s.parse().ok())
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(n, v)| n.eq_ignore_ascii_case("transfer-encoding") && v == "chunked");
    assert!(!chunked, "answers have a length");
    Reply {
        status,
        headers,
        text: body.to_owned(),
    }
}

/// The `Authorization` header of somebody with a password (RFC 7617).
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// A path as it travels: what URLs cannot hold is escaped, what is escaped already stays.
fn escaped(path: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !"\"<>^`{|}\\".contains(c);
    let escape = |c: char| {
        c.to_string()
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };
    path.chars()
        .map(|c| if plain(c) { c.to_string() } else { escape(c) })
        .collect()
}

/// Whether `got` is what `want` asks for: members that are not asked for may be there, `<string>`, `<number>` and `<any>`
/// stand for what they say, `<absent>` for a member that must not be there.
pub(crate) fn fits(want: &Value, got: &Value) -> Result<(), String> {
    match (want, got) {
        (Value::String(mark), _) if mark == "<any>" => Ok(()),
        (Value::String(mark), Value::String(_)) if mark == "<string>" => Ok(()),
        (Value::String(mark), Value::Number(_)) if mark == "<number>" => Ok(()),
        (Value::Object(want), Value::Object(got)) => {
            want.iter()
                .try_for_each(|(name, value)| match got.get(name) {
                    _ if value == "<absent>" && !got.contains_key(name) => Ok(()),
                    Some(found) if value != "<absent>" => {
                        fits(value, found).map_err(|e| format!("/{name}{e}"))
                    }
                    _ => Err(format!("/{name}: want {value}, got {:?}", got.get(name))),
                })
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => want
            .iter()
            .zip(got)
            .enumerate()
            .try_for_each(|(n, (want, got))| fits(want, got).map_err(|e| format!("/{n}{e}"))),
        _ if want == got => Ok(()),
        _ => Err(format!(": want {want}, got {got}")),
    }
}
