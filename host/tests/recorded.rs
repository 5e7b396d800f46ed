//! Recorded conversations with AM's management and session endpoints, restated with this project's rulings
//! (`tests/convert/conversations.py`): each case has a realm of its own, and its steps are answered in order.
//!
//! A case: `{"id", "root": true (in the root realm itself), "users": {name: attributes}, "groups": {name: [user]}, "steps"}`.
//! A step: `{"as": user or null, "call", "headers", "body" or "raw", "bind", "status", "answer", "answerHeaders",
//! "unordered" (arrays as multisets), "part" (the answer may hold more), "holds" (a part of the message), "wait"}`; `{realm}`, `{realmName}`, `{realmBare}`,
//! `{token:USER}`, `{universal:USER}` and bound variables are filled in. `<any>`, `<string>`, `<number>` and `<absent>` stand
//! for what they say.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::{ADMINISTRATOR_PASSWORD, Client, PASSWORD, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn management() {
    play("management").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions() {
    play("sessions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crest() {
    play("crest").await;
}

/// What was asked of AM beside these: the neighbourhood of each, where answers differed once.
#[tokio::test(flavor = "multi_thread")]
async fn neighbours() {
    play("neighbours").await;
}

async fn play(name: &'static str) {
    let path = format!(
        "{}/tests/cases/recorded/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let server = TestServer::start().await;
    let client = server.client();
    let (count, failures) = tokio::task::spawn_blocking(move || {
        let mut failures = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            let run = Run::begin(&client, case, n);
            failures.extend(
                run.play()
                    .into_iter()
                    .map(|e| format!("{}: {e}", case["id"])),
            );
        }
        (cases.len(), failures)
    })
    .await
    .unwrap();
    assert!(
        failures.is_empty(),
        "{} failed in {count} cases:\n{}",
        failures.len(),
        failures.join("\n")
    );
    println!("{count} conversations");
}

/// One case under way.
struct Run<'a> {
    client: &'a Client,
    case: &'a Value,
    /// The realm's part of paths; empty for the root realm.
    realm: String,
    variables: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
}

impl<'a> Run<'a> {
    fn begin(client: &'a Client, case: &'a Value, n: usize) -> Self {
        let mut run = Run {
            client,
            case,
            realm: String::new(),
            variables: BTreeMap::from([
                ("realmName".into(), "/".into()),
                ("realmBare".into(), String::new()),
            ]),
            tokens: BTreeMap::new(),
        };
        if case["root"] != true {
            let name = case["realm"]
                .as_str()
                .map_or_else(|| format!("c{n}"), str::to_owned);
            let body = json!({"name": name, "active": true, "parentPath": "/", "aliases": []});
            run.set_up(
                "POST",
                "/json/global-config/realms?_action=create",
                "resource=1.0",
                &body,
            );
            run.realm = format!("/realms/root/realms/{name}");
            run.variables.insert("realmName".into(), format!("/{name}"));
            run.variables.insert("realmBare".into(), name);
        }
        run.variables.insert("realm".into(), run.realm.clone());
        let identities = |kind: &str| case[kind].as_object().cloned().unwrap_or_default();
        for (name, attributes) in identities("users") {
            let mut body = json!({"username": name, "userpassword": PASSWORD});
            body.as_object_mut()
                .unwrap()
                .extend(attributes.as_object().unwrap().clone());
            run.set_up(
                "POST",
                "/json{realm}/users?_action=create",
                "resource=3.0",
                &body,
            );
        }
        for (name, members) in identities("groups") {
            run.set_up(
                "POST",
                "/json{realm}/groups?_action=create",
                "resource=3.0",
                &json!({"username": name}),
            );
            let members: Vec<String> = members
                .as_array()
                .unwrap()
                .iter()
                .map(|m| run.universal(m.as_str().unwrap()))
                .collect();
            let path = format!("/json{{realm}}/groups/{name}");
            run.set_up(
                "PUT",
                &path,
                "resource=3.0",
                &json!({"uniqueMember": members}),
            );
        }
        run
    }

    fn set_up(&mut self, method: &str, path: &str, version: &str, body: &Value) {
        let headers = [
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Accept-API-Version".to_owned(), version.to_owned()),
            ("iPlanetDirectoryPro".to_owned(), self.token("amadmin")),
        ];
        let path = self.fill(path);
        let reply = self.client.send(
            method,
            &format!("/openam{path}"),
            &headers,
            Some(&body.to_string()),
        );
        // Users of the root realm stay from one case to the next.
        assert!(
            reply.status < 300 || reply.status == 409,
            "{}: {method} {path}: {reply:?}",
            self.case["id"]
        );
    }

    fn token(&mut self, user: &str) -> String {
        if let Some(token) = self.tokens.get(user) {
            return token.clone();
        }
        let (realm, password) = match user {
            "amadmin" => ("", ADMINISTRATOR_PASSWORD.to_owned()),
            _ => {
                let own = self.case["users"][user]["userpassword"].as_str();
                (self.realm.as_str(), own.unwrap_or(PASSWORD).to_owned())
            }
        };
        let reply = self.client.log_in(realm, user, &password);
        let token = reply.json()["tokenId"].as_str().map(str::to_owned);
        let token = token.unwrap_or_else(|| format!("no session: {reply:?}"));
        self.tokens.insert(user.to_owned(), token.clone());
        token
    }

    fn universal(&self, user: &str) -> String {
        let realm = self.variables["realmBare"].as_str();
        let organization = if realm.is_empty() || user == "amadmin" {
            String::new()
        } else {
            format!("o={realm},ou=services,")
        };
        format!("id={user},ou=user,{organization}dc=openam,dc=example,dc=org")
    }

    fn fill(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let name = after.split('}').next().unwrap_or_default();
            let value = match name.split_once(':') {
                Some(("token", user)) => Some(self.token(user)),
                Some(("universal", user)) => Some(self.universal(user)),
                _ => self.variables.get(name).cloned(),
            };
            match value {
                Some(value) => {
                    out.push_str(&value);
                    rest = &after[name.len() + 1..];
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out + rest
    }

    fn filled(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).into(),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| (self.fill(name), self.filled(value)));
                Value::Object(members.collect())
            }
            other => other.clone(),
        }
    }

    fn play(mut self) -> Vec<String> {
        let steps = self.case["steps"].as_array().unwrap().clone();

        let mut failures = Vec::new();
        for (n, step) in steps.iter().enumerate() {
            if let Err(error) = self.step(step) {
                failures.push(format!("step {}: {}: {error}", n + 1, step["call"]));
            }
        }
        if self.case["realm"].is_string() {
            self.end();
        }
        failures
    }

    /// Ends a realm that the next case wants by the same name.
    fn end(&mut self) {
        let client = self.client;
        let reply = client.log_in("", "amadmin", ADMINISTRATOR_PASSWORD);
        let token = reply.json()["tokenId"].as_str().unwrap().to_owned();
        let headers = [("iPlanetDirectoryPro".to_owned(), token)];
        for realm in [self.variables["realmName"].clone(), "/charlie".to_owned()] {
            // The id of a realm: its path in unpadded base64url (RFC 4648 §5).
            let id = URL_SAFE_NO_PAD.encode(&realm);
            client.send(
                "DELETE",
                &format!("/openam/json/global-config/realms/{id}"),
                &headers,
                None,
            );
        }
    }

    fn step(&mut self, step: &Value) -> Result<(), String> {
        // Dates have milliseconds, and some conversations tell them apart.
        if let Some(seconds) = step["wait"].as_f64() {
            std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
        }
        let call = self.fill(step["call"].as_str().unwrap());
        let (method, path) = call.split_once(' ').unwrap();
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            headers.push((name.clone(), self.fill(value.as_str().unwrap())));
        }
        let has = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        let user = step.get("as").map_or(Some("amadmin"), Value::as_str);
        if let Some(user) = user
            && !has(&headers, "iPlanetDirectoryPro")
        {
            headers.push(("iPlanetDirectoryPro".into(), self.token(user)));
        }
        let body = match (step.get("raw"), step.get("body")) {
            (Some(raw), _) => Some(self.fill(raw.as_str().unwrap())),
            (None, Some(body)) => Some(self.filled(body).to_string()),
            (None, None) => None,
        };
        if body.is_some() && !has(&headers, "content-type") {
            headers.push(("Content-Type".into(), "application/json".into()));
        }
        // An empty header stands for one that is not sent.
        headers.retain(|(_, value)| !value.is_empty());
        let reply = self
            .client
            .send(method, &format!("/openam{path}"), &headers, body.as_deref());
        let answer = if reply.text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&reply.text).unwrap_or_else(|_| reply.text.clone().into())
        };
        for (variable, pointer) in step["bind"].as_object().into_iter().flatten() {
            if let Some(value) = answer.pointer(pointer.as_str().unwrap()) {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.variables.insert(variable.clone(), value);
            }
        }
        if step["status"] != reply.status {
            return Err(format!(
                "want {}, got {} {}",
                step["status"], reply.status, reply.text
            ));
        }
        if let Some(want) = step["holds"].as_str()
            && !answer["message"]
                .as_str()
                .unwrap_or_default()
                .contains(want)
        {
            return Err(format!("want a message with {want:?}, got {answer}"));
        }
        if let Some(want) = step.get("answer") {
            let how = How {
                unordered: step["unordered"] == true,
                part: step["part"] == true,
            };
            how.same(&self.filled(want), &answer)?;
        }
        for (name, want) in step["answerHeaders"].as_object().into_iter().flatten() {
            let want = self.fill(want.as_str().unwrap());
            let mut values = reply
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name));
            if !values.any(|(_, value)| *value == want) {
                return Err(format!(
                    "header {name}: want {want}, got {:?}",
                    reply.header(name)
                ));
            }
        }
        Ok(())
    }
}

/// How answers are compared.
#[derive(Clone, Copy)]
struct How {
    unordered: bool,
    part: bool,
}

impl How {
    fn same(self, want: &Value, got: &Value) -> Result<(), String> {
        match (want, got) {
            (Value::String(mark), _) if mark == "<any>" => Ok(()),
            (Value::String(mark), Value::String(_)) if mark == "<string>" => Ok(()),
            (Value::String(mark), Value::Number(_)) if mark == "<number>" => Ok(()),
            (Value::Object(want), Value::Object(got)) => {
                for (name, value) in want {
                    match got.get(name) {
                        None if value == "<absent>" => {}
                        Some(found) if value != "<absent>" => {
                            self.same(value, found).map_err(|e| format!("/{name}{e}"))?
                        }
                        other => return Err(format!("/{name}: want {value}, got {other:?}")),
                    }
                }
                let unexpected = got.keys().find(|name| !want.contains_key(*name));
                match unexpected {
                    Some(name) if !self.part => Err(format!("/{name}: unexpected {}", got[name])),
                    _ => Ok(()),
                }
            }
            (Value::Array(want), Value::Array(got))
                if want.len() == got.len() && self.unordered =>
            {
                let mut left: Vec<&Value> = got.iter().collect();
                for item in want {
                    let place = left.iter().position(|found| self.same(item, found).is_ok());
                    left.remove(
                        place.ok_or_else(|| format!(": nothing matches {item} in {left:?}"))?,
                    );
                }
                Ok(())
            }
            (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
                let pairs = want.iter().zip(got).enumerate();
                pairs.into_iter().try_for_each(|(n, (want, got))| {
                    self.same(want, got).map_err(|e| format!("/{n}{e}"))
                })
            }
            _ if want == got => Ok(()),
            _ => Err(format!(": want {want}, got {got}")),
        }
    }
}
