//! The server as a subject: what of the corpus can be said over REST, said over REST.
//!
//! A caller cannot choose a session's properties, the groups or the clock there, so the rows are those whose subject is claims alone (or
//! does not matter) and whose policies do not look at the clock. Each document becomes policy sets of its own in one realm.

use assize_tests::case::{Case, File, Row, differences, one_policy};
use assize_tests::native::faults;
use assize_tests::run::Tally;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DEFAULT_SET: &str = "iPlanetAMWebAgentService";
const PASSWORD: &str = "only for this test 1";

/// A question in REST form and what is expected.
struct Asked {
    at: String,
    action: &'static str,
    body: Value,
    row: Row,
}

/// Every statable row on a server of its own.
pub(crate) fn run(files: &[File]) -> Tally {
    let mut plan = Plan::default();
    for file in files {
        file.cases.iter().for_each(|case| plan.case(case));
        for row in &file.covers {
            plan.single(&row.pattern, &row.name, row.covers);
        }
    }
    let mut server = Server::start(&plan.document());
    let mut tally = Tally::default();
    for asked in &plan.asked {
        let (status, answer) = server.post(
            &format!("/json/policies?_action={}", asked.action),
            &asked.body,
        );
        let wrapped = json!({ "decisions": answer });
        let mut found = if status == 200 {
            differences(&asked.row, &wrapped)
        } else {
            vec![format!("status {status}: {answer}")]
        };
        if found.is_empty() {
            tally.passed += 1;
        } else {
            found.insert(0, asked.at.clone());
            tally
                .failed
                .push(format!("{} for {}", found.join("; "), asked.body));
        }
    }
    tally
}

#[derive(Default)]
struct Plan {
    sets: BTreeSet<String>,
    policies: Vec<Value>,
    actions: BTreeSet<String>,
    asked: Vec<Asked>,
    documents: usize,
}

impl Plan {
    fn case(&mut self, case: &Case) {
        let rows: Vec<(usize, Value, &Row)> = case
            .rows
            .iter()
            .enumerate()
            .filter_map(|(n, row)| Some((n, statable(&case.document, row)?, row)))
            .collect();
        if rows.is_empty() || !self.take(&case.document) {
            return;
        }
        let prefix = self.prefix();
        for (n, claims, row) in rows {
            let set = row
                .request
                .get("policySet")
                .and_then(Value::as_str)
                .unwrap_or(DEFAULT_SET);
            let mut body =
                json!({"application": format!("{prefix}{set}"), "subject": {"claims": claims}});
            let mut put = |member: &str, value: Option<&Value>| {
                if let Some(value) = value {
                    body[member] = value.clone();
                }
            };
            put("resources", row.request.get("resources"));
            put("resource", row.request.get("tree"));
            put("environment", row.request.get("environment"));
            let action = if row.request.get("tree").is_some() {
                "evaluateTree"
            } else {
                "evaluate"
            };
            self.sets.insert(format!("{prefix}{set}"));
            self.asked.push(Asked {
                at: format!("{} row {n}", case.id),
                action,
                body,
                row: row.clone(),
            });
        }
    }

    fn single(&mut self, pattern: &str, name: &str, covers: bool) {
        if !self.take(&one_policy(pattern)) {
            return;
        }
        let set = format!("{}{DEFAULT_SET}", self.prefix());
        let body = json!({"resources": [name], "application": set, "subject": {"claims": {"sub": "anybody"}}});
        let actions = if covers {
            json!({"GET": true})
        } else {
            json!({})
        };
        let row: Row = serde_json::from_value(
            json!({"request": {}, "answer": [{"actions": actions}], "part": true}),
        )
        .unwrap();
        self.asked.push(Asked {
            at: format!("{pattern:?} covers {name:?}"),
            action: "evaluate",
            body,
            row,
        });
    }

    fn prefix(&self) -> String {
        format!("{} ", self.documents)
    }

    /// Adds a document's policies under names of its own; not when one of them cannot be written over REST.
    fn take(&mut self, document: &Value) -> bool {
        let prefix = format!("{} ", self.documents + 1);
        let mut policies = Vec::new();
        for policy in document["policies"].as_array().into_iter().flatten() {
            let mut mine = policy.clone();
            let set = policy
                .get("applicationName")
                .and_then(Value::as_str)
                .unwrap_or(DEFAULT_SET);
            mine["name"] = json!(format!("{prefix}{}", policy["name"].as_str().unwrap()));
            mine["applicationName"] = json!(format!("{prefix}{set}"));
            mine["resourceTypeUuid"] = json!("any");
            self.actions.extend(
                policy["actionValues"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone()),
            );
            let beside = json!({"resourceTypes": [any_type(&self.actions)], "applications": [policy_set(&format!("{prefix}{set}"))]});
            if !faults(&beside, &mine).is_empty() {
                return false;
            }
            self.sets.insert(format!("{prefix}{set}"));
            policies.push(mine);
        }
        self.documents += 1;
        self.sets.insert(format!("{prefix}{DEFAULT_SET}"));
        self.policies.extend(policies);
        true
    }

    fn document(&self) -> Value {
        // Rows may ask for a set in other letters: it is the same set.
        let mut folded = BTreeSet::new();
        let named = self.sets.iter();
        let distinct = named.filter(|name| folded.insert(name.to_lowercase()));
        let sets: Vec<Value> = distinct.map(|name| policy_set(name)).collect();
        json!({"realm": "/", "resourceTypes": [any_type(&self.actions)], "applications": sets, "policies": self.policies})
    }
}

fn any_type(actions: &BTreeSet<String>) -> Value {
    let actions: Map<String, Value> = actions.iter().map(|a| (a.clone(), json!(true))).collect();
    json!({"uuid": "any", "name": "any", "patterns": ["*", "*?*", "*://*", "*://*:*", "*://*:*/*", "*://*:*/*?*", "*://*:*?*", "*://*/*", "*://*?*"], "actions": actions})
}

fn policy_set(name: &str) -> Value {
    json!({"name": name, "applicationType": DEFAULT_SET, "entitlementCombiner": "DenyOverride", "resourceTypeUuids": ["any"], "subjects": [], "conditions": []})
}

/// The claims of a row that can be asked over REST.
fn statable(document: &Value, row: &Row) -> Option<Value> {
    let subject = row.request.get("subject")?.as_object()?;
    let claims = subject.get("claims").filter(|c| c.is_object())?;
    let only_claims = subject.keys().all(|k| k == "claims" || k == "principals");
    let text = document["policies"].to_string();
    let clock = [
        "\"Session\"",
        "applicationIdleTimeout",
        "\"Script\"",
        "\"Transaction\"",
    ]
    .iter()
    .any(|w| text.contains(w));
    let timed = text.contains("\"SimpleTime\"")
        && row.request.pointer("/environment/requestTime").is_none();
    let decided = row.answer.is_array() && row.outside.is_empty();
    (only_claims && !clock && !timed && decided).then(|| claims.clone())
}

/// A server on a free port, with a store of its own.
struct Server {
    process: Child,
    connection: BufReader<TcpStream>,
    token: String,
    folder: PathBuf,
}

impl Server {
    fn start(document: &Value) -> Server {
        let folder = std::env::temp_dir().join(format!("assize-corpus-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("corpus.json");
        std::fs::write(&file, document.to_string()).unwrap();
        let config = folder.join("assize.toml");
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let data = folder.join("data");
        std::fs::write(
            &config,
            format!("admin_password = {PASSWORD:?}\nlisten = \"{address}\"\ndata = {data:?}\n"),
        )
        .unwrap();
        let assize = |verb: &str| {
            let mut command = Command::new(binary());
            command
                .args([verb.as_ref(), "--config".as_ref(), config.as_os_str()])
                .stdout(Stdio::null());
            command
        };
        let imported = assize("import").arg(&file).status().unwrap();
        assert!(imported.success(), "the corpus is not imported: {imported}");
        let process = assize("serve").spawn().unwrap();
        let mut server = Server {
            process,
            connection: BufReader::new(connect(address)),
            token: String::new(),
            folder,
        };
        let log_in = [
            ("X-OpenAM-Username", "amadmin"),
            ("X-OpenAM-Password", PASSWORD),
            ("Accept-API-Version", "resource=2.0, protocol=1.0"),
        ];
        let (status, answer) = server.exchange("/json/authenticate", &log_in, "{}");
        assert_eq!(status, 200, "{answer}");
        server.token = answer["tokenId"].as_str().unwrap().to_owned();
        server
    }

    fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let token = self.token.clone();
        self.exchange(
            path,
            &[
                ("iPlanetDirectoryPro", &token),
                ("Accept-API-Version", "resource=2.1"),
            ],
            &body.to_string(),
        )
    }

    /// One HTTP/1.1 exchange on the kept connection.
    fn exchange(&mut self, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "POST /am{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        let stream = self.connection.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        loop {
            line.clear();
            self.connection.read_line(&mut line).unwrap();
            match line.trim().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut answer = vec![0; length];
        self.connection.read_exact(&mut answer).unwrap();
        (
            status,
            serde_json::from_slice(&answer).unwrap_or(Value::Null),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and its folder is only in the way.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The server's binary: the one that `ASSIZE_BIN` names, or the one built beside this test.
fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("ASSIZE_BIN") {
        return named.into();
    }
    let beside = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("assize");
    assert!(
        beside.exists(),
        "{} is missing: run `cargo build -p assize` first, or name a binary in ASSIZE_BIN",
        beside.display()
    );
    beside
}

fn connect(address: SocketAddr) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(error) => assert!(
                Instant::now() < deadline,
                "the server does not listen: {error}"
            ),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
