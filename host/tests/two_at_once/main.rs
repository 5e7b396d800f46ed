//! Two at once: what two requests do that have both read before either writes, on one node and on two.
//!
//! Each law is about a pair of requests. Both are asked while no node can write, so that each has read what the other is
//! about to change, and each law is tried with either of them written first: what is acknowledged must be what either order,
//! one after the other, could have given. On PostgreSQL the two requests go to two nodes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

#[path = "../support/pause.rs"]
mod pause;
#[path = "../support/mod.rs"]
mod support;

mod hierarchy;
mod identities;
mod policies;
mod realms;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use pause::Pause;
use serde_json::{Value, json};
use support::{Client, Reply, TestServer, postgres};

/// How long each of both requests has to read. It need not be enough: a law then proves less, and never fails by it.
const READING: Duration = Duration::from_millis(200);

macro_rules! laws {
    ($($group:ident: $($law:ident)*;)*) => {
        mod on_sqlite {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $law() {
                for order in super::ORDERS {
                    super::$group::$law(&super::Nodes::on_sqlite(order).await).await;
                }
            })*)*
        }
        mod on_postgres {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $law() {
                for order in super::ORDERS {
                    super::$group::$law(&super::Nodes::on_postgres(order).await).await;
                }
            })*)*
        }
    };
}

laws! {
    policies: a_denial_survives_a_move a_copy_is_of_what_was_there a_policy_has_its_set a_set_keeps_the_types_of_its_policies
              a_set_has_its_types policies_of_one_set_are_made_together a_set_keeps_what_another_writes;
    realms: nothing_outlives_its_realm a_realm_has_its_parent;
    identities: no_group_takes_in_who_goes;
    registry: a_disabled_client_stays_disabled parts_of_a_client_are_all_kept a_client_has_its_role
              a_mapping_has_its_role roles_have_numbers_of_their_own;
    hierarchy: a_permission_keeps_what_is_written a_permission_has_no_role_that_is_gone nothing_hangs_in_the_air
               assignments_go_with_their_role;
}

/// Which of both requests comes to write first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    AsSaid,
    Reversed,
}

const ORDERS: [Order; 2] = [Order::AsSaid, Order::Reversed];

/// One node with SQLite, two with PostgreSQL.
struct Nodes {
    one: TestServer,
    two: Option<TestServer>,
    database: String,
    order: Order,
    _server: Option<Arc<postgres::Server>>,
}

impl Nodes {
    async fn on_sqlite(order: Order) -> Nodes {
        let one = TestServer::start().await;
        let file = one.folder.path().join("assize.db");
        Nodes {
            database: format!("sqlite://{}", file.display()),
            order,
            one,
            two: None,
            _server: None,
        }
    }

    async fn on_postgres(order: Order) -> Nodes {
        let server = postgres::Server::shared().await;
        let database = server.database().await;
        let settings = [
            ("database", database.clone().into()),
            ("public_url", "https://pdp.example.org".into()),
        ];
        Nodes {
            one: TestServer::with(&settings).await,
            two: Some(TestServer::with(&settings).await),
            database,
            order,
            _server: Some(server),
        }
    }

    fn here(&self) -> &TestServer {
        &self.one
    }

    fn there(&self) -> &TestServer {
        self.two.as_ref().unwrap_or(&self.one)
    }

    /// An administrator of AM's REST on both nodes, who has seen what the first one wrote.
    fn administrators(&self) -> (Caller, Caller) {
        let here = Caller::administrator(self.here());
        let there = Caller::administrator(self.there());
        (here, there)
    }

    /// Waits until both nodes know all that was written.
    async fn settle(&self) {
        let revision = |server: &TestServer| server.client().ready()["revision"].as_u64();
        for _ in 0..1000 {
            if revision(self.here()) == revision(self.there()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the nodes never came to know the same");
    }

    /// Asks for both while nothing can be written, one after the other; gives both answers.
    async fn race(&self, one: &Asked, other: &Asked) -> (Reply, Reply) {
        self.settle().await;
        let pause = Pause::begin(&self.database).await;
        let (first, second) = match self.order {
            Order::AsSaid => (one.clone(), other.clone()),
            Order::Reversed => (other.clone(), one.clone()),
        };
        let first = tokio::task::spawn_blocking(move || first.send());
        tokio::time::sleep(READING).await;
        let second = tokio::task::spawn_blocking(move || second.send());
        tokio::time::sleep(READING).await;
        pause.end().await;
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        self.settle().await;
        match self.order {
            Order::AsSaid => (first, second),
            Order::Reversed => (second, first),
        }
    }

    /// A race that only one of both can win: both would leave what the sequel of either forbids.
    async fn only_one(&self, law: &str, one: &Asked, other: &Asked) -> (Reply, Reply) {
        let (one, other) = self.race(one, other).await;
        let done = |reply: &Reply| reply.status < 300;
        assert!(done(&one) != done(&other), "{law}: {one:?} {other:?}");
        for reply in [&one, &other] {
            assert!(reply.status < 500, "{law}: {reply:?}");
        }
        (one, other)
    }
}

/// Somebody who calls one node.
#[derive(Clone)]
struct Caller {
    address: std::net::SocketAddr,
    headers: Vec<(String, String)>,
}

impl Caller {
    fn administrator(server: &TestServer) -> Caller {
        let token = server.client().token("amadmin");
        Caller::with(server, ("iPlanetDirectoryPro", token))
    }

    fn with(server: &TestServer, (name, value): (&str, String)) -> Caller {
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        Caller {
            address: server.address,
            headers: vec![json, (name.to_owned(), value)],
        }
    }

    fn asks(&self, method: &'static str, path: impl Into<String>, body: Value) -> Asked {
        Asked {
            caller: self.clone(),
            method,
            path: path.into(),
            body,
        }
    }

    /// Does something that must succeed.
    fn does(&self, method: &'static str, path: impl Into<String>, body: Value) -> Value {
        let asked = self.asks(method, path, body);
        let reply = asked.send();
        assert!(reply.status < 300, "{} {}: {reply:?}", method, asked.path);
        reply.json()
    }

    fn status(&self, path: impl Into<String>) -> u16 {
        self.asks("GET", path, Value::Null).send().status
    }

    fn reads(&self, path: impl Into<String>) -> Value {
        self.does("GET", path, Value::Null)
    }
}

/// A request.
#[derive(Clone)]
struct Asked {
    caller: Caller,
    method: &'static str,
    path: String,
    body: Value,
}

impl Asked {
    fn send(&self) -> Reply {
        let stream = std::net::TcpStream::connect(self.caller.address).unwrap();
        let text = (!self.body.is_null()).then(|| self.body.to_string());
        let headers = &self.caller.headers;
        support::exchange(stream, self.method, &self.path, headers, text.as_deref())
    }

    fn with(mut self, name: &str, value: &str) -> Asked {
        let header = (name.to_owned(), value.to_owned());
        self.caller.headers.push(header);
        self
    }
}

/// Registers a client with a scope; gives a caller with a token of it.
fn with_token(registrar: &Client, server: &TestServer, scope: &str) -> Caller {
    let administrator = support::basic("amadmin", support::ADMINISTRATOR_PASSWORD);
    let body = json!({
        "client_name": "tests", "grant_types": ["client_credentials"], "scope": scope, "role": "Read-write",
    });
    let headers = [("Authorization", administrator.as_str())];
    let made = registrar.post("/connect/register", &headers, &body);
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let (id, secret) = (&made["client_id"], &made["client_secret"]);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        id.as_str().unwrap(),
        secret.as_str().unwrap()
    );
    let kind = "application/x-www-form-urlencoded".to_owned();
    let headers = [("Content-Type".to_owned(), kind)];
    let issued = registrar.send("POST", "/token", &headers, Some(&form));
    assert_eq!(issued.status, 200, "{issued:?}");
    let token = issued.json()["access_token"].as_str().unwrap().to_owned();
    Caller::with(server, ("Authorization", format!("Bearer {token}")))
}
