//! `kill -9` at random moments while policies are written: what was acknowledged is there afterwards, nothing is half
//! there, the database opens, and decisions are those of the policies.
//!
//! `cargo xtask crash --kills 200` runs more rounds than CI does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use support::{ADMINISTRATOR_PASSWORD, postgres};

/// Kills on SQLite, and on PostgreSQL, that a run of all tests makes.
const KILLS_IN_CI: (u32, u32) = (15, 5);
/// The same moments and the same writes in every run, as far as the machine lets them.
const SEED: u64 = 20_260_101;
/// Writers at a time, and policies of each.
const WRITERS: usize = 3;
const POLICIES: usize = 4;
/// Most writes that a server acknowledges before the moment of its end is chosen, and how far off that is at most.
const WRITES: u64 = 24;
const LIFE_MS: u64 = 60;

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";

/// A number from the environment (`CRASH_KILLS`, `CRASH_SEED`).
fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}: {text} is no number")),
    )
}

/// Xorshift: good enough to choose moments and writes.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A server process on a free port.
struct Node {
    process: Child,
    address: SocketAddr,
}

impl Node {
    fn start(data: &Path, database: &str) -> Node {
        let mut process = Command::new(env!("CARGO_BIN_EXE_assize"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("ASSIZE_DATABASE", database)
            .env("ASSIZE_ADMIN_PASSWORD", ADMINISTRATOR_PASSWORD)
            .env("ASSIZE_PASSWORD_MEMORY_KIB", "8")
            .env("ASSIZE_PASSWORD_PASSES", "1")
            .env("ASSIZE_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit('/').next().unwrap_or_default();
        let address = address.rsplit(' ').next().unwrap_or_default().parse();
        let address = address.unwrap_or_else(|_| panic!("the server did not start: {line:?}"));
        Node { process, address }
    }

    /// SIGKILL, at once.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Status and body of an answer that came whole; `None` where it did not.
fn send(
    address: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let body = body.to_string();
    let request = format!(
        "{method} /am/json{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {token}\r\nAccept-API-Version: resource=2.0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

/// The version of a policy; none where it is not there.
type Version = Option<u64>;

/// What is known of a policy from what was acknowledged, and what was asked for when the server died.
#[derive(Clone, Default)]
struct Known {
    acknowledged: Version,
    asked: Option<Version>,
}

fn name(writer: usize, policy: usize) -> String {
    format!("w{writer}p{policy}")
}

fn resource(name: &str) -> String {
    format!("http://crash.example.com:80/{name}")
}

/// A policy whose every part tells the version.
fn policy(name: &str, version: u64) -> Value {
    json!({
        "name": name, "description": format!("{version}"), "resources": [resource(name)],
        "actionValues": {"GET": version % 2 == 1, "POST": version % 3 == 1},
        "subject": {"type": "AuthenticatedUsers"}, "resourceTypeUuid": URL_TYPE,
    })
}

/// Writes until the server is gone; gives what it knows, and how many writes were acknowledged.
fn write(
    address: SocketAddr,
    token: &str,
    writer: usize,
    mut known: Vec<Known>,
    mut random: Random,
    done: &mpsc::Sender<()>,
) -> (Vec<Known>, u64) {
    let mut acknowledged = 0;
    loop {
        let policy_number = random.below(POLICIES as u64) as usize;
        let entry = &mut known[policy_number];
        let name = name(writer, policy_number);
        let wanted = match entry.acknowledged {
            Some(_) if random.below(4) == 0 => None,
            version => Some(version.unwrap_or(random.below(1000)) + 1),
        };
        entry.asked = Some(wanted);
        let path = format!("/policies/{name}");
        let answer = match wanted {
            Some(version) => send(address, token, "PUT", &path, &policy(&name, version)),
            None => send(address, token, "DELETE", &path, &json!({})),
        };
        match answer {
            Some((200 | 201, _)) => {
                *entry = Known {
                    acknowledged: wanted,
                    asked: None,
                };
                acknowledged += 1;
                // Nobody listens any more once the end has been chosen.
                let _ = done.send(());
            }
            Some((503, _)) | None => return (known, acknowledged),
            Some((status, body)) => panic!("{path}: {status} {body}"),
        }
    }
}

/// Compares the store and its decisions with what is known, and takes over how the writes under way ended.
fn check(node: &Node, token: &str, known: &mut [Vec<Known>], round: u32) {
    let query = "/policies?_queryFilter=true&_fields=name,description,actionValues";
    let listed = send(node.address, token, "GET", query, &Value::Null);
    let (status, listed) = listed.unwrap_or_else(|| panic!("round {round}: no answer"));
    assert_eq!(status, 200, "round {round}: {listed}");
    let mut there: BTreeMap<String, Value> = BTreeMap::new();
    for row in listed["result"].as_array().unwrap() {
        there.insert(row["name"].as_str().unwrap().to_owned(), row.clone());
    }
    let (mut resources, mut expected) = (Vec::new(), Vec::new());
    for (writer, policies) in known.iter_mut().enumerate() {
        for (number, entry) in policies.iter_mut().enumerate() {
            let name = name(writer, number);
            let found = there.remove(&name);
            let version: Version = found
                .as_ref()
                .map(|row| row["description"].as_str().unwrap().parse().unwrap());
            assert!(
                version == entry.acknowledged || Some(version) == entry.asked,
                "round {round}: {name} is {version:?}; acknowledged {:?}, asked for {:?}",
                entry.acknowledged,
                entry.asked
            );
            let actions = version.map_or(json!({}), |version| {
                policy(&name, version)["actionValues"].clone()
            });
            if let Some(row) = found {
                assert_eq!(
                    row["actionValues"], actions,
                    "round {round}: {name} is half a change"
                );
            }
            *entry = Known {
                acknowledged: version,
                asked: None,
            };
            resources.push(resource(&name));
            expected.push(actions);
        }
    }
    assert!(there.is_empty(), "round {round}: nobody wrote {there:?}");
    let body = json!({"resources": resources});
    let decided = send(
        node.address,
        token,
        "POST",
        "/policies?_action=evaluate",
        &body,
    );
    let (status, decided) = decided.unwrap_or_else(|| panic!("round {round}: no decision"));
    assert_eq!(status, 200, "round {round}: {decided}");
    let decided: Vec<Value> = decided
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["actions"].clone())
        .collect();
    assert_eq!(
        decided, expected,
        "round {round}: decisions are not those of the policies"
    );
}

fn rounds(database: &str, kills: u32) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(from_environment("CRASH_SEED").unwrap_or(SEED) | 1);
    let mut known = vec![vec![Known::default(); POLICIES]; WRITERS];
    let mut written = 0;
    let mut node = Node::start(folder.path(), database);
    let headers =
        format!("X-OpenAM-Username: amadmin\r\nX-OpenAM-Password: {ADMINISTRATOR_PASSWORD}");
    let (_, session) = send(node.address, &headers, "POST", "/authenticate", &json!({})).unwrap();
    // Sessions are kept as well: the first one is good to the end.
    let token = format!(
        "iPlanetDirectoryPro: {}",
        session["tokenId"].as_str().unwrap()
    );
    for round in 0..kills {
        let life = (random.below(WRITES), random.below(LIFE_MS));
        let (done, writes) = mpsc::channel();
        let ended: Vec<(Vec<Known>, u64)> = std::thread::scope(|scope| {
            let writers: Vec<_> = known
                .iter()
                .enumerate()
                .map(|(writer, policies)| {
                    let (address, token, done) = (node.address, token.as_str(), done.clone());
                    let random = Random(random.below(u64::MAX) | 1);
                    let policies = policies.clone();
                    scope.spawn(move || write(address, token, writer, policies, random, &done))
                })
                .collect();
            for _ in 0..life.0 {
                writes.recv().unwrap();
            }
            std::thread::sleep(Duration::from_millis(life.1));
            node.kill();
            writers
                .into_iter()
                .map(|writer| writer.join().unwrap())
                .collect()
        });
        for (slot, (policies, acknowledged)) in known.iter_mut().zip(ended) {
            *slot = policies;
            written += acknowledged;
        }
        node = Node::start(folder.path(), database);
        check(&node, &token, &mut known, round);
    }
    assert!(
        written > u64::from(kills),
        "hardly anything was written: {written}"
    );
    println!("{kills} kills, {written} acknowledged writes, all there");
}

fn kills(in_ci: u32) -> u32 {
    from_environment("CRASH_KILLS").map_or(in_ci, |kills| u32::try_from(kills).unwrap())
}

#[test]
fn acknowledged_writes_survive_kills_on_sqlite() {
    rounds("", kills(KILLS_IN_CI.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_kills_on_postgres() {
    let server = postgres::Server::shared().await;
    let database = server.database().await;
    let kills = kills(KILLS_IN_CI.1);
    tokio::task::spawn_blocking(move || rounds(&database, kills))
        .await
        .unwrap();
}
