//! Conversations as data: each file of `tests/cases` is a list of steps that one server answers in order.
//!
//! A step: `{"call": "POST /json/authenticate", "as": user, "headers", "body" or "raw", "status", "answer" (what it must
//! hold), "answerHeaders", "bind": {variable: JSON pointer into the answer}, "about"}`. `{token:USER}` and `{VARIABLE}` are
//! filled in everywhere.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use serde_json::Value;
use support::{Client, PASSWORD, TestServer, fits};

#[tokio::test(flavor = "multi_thread")]
async fn authentication() {
    play("authenticate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions() {
    play("sessions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluation() {
    play("evaluate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors() {
    play("errors").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn management() {
    play("manage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn realm_settings() {
    play("realm_settings").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn step_up() {
    play("step_up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts() {
    play("scripts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn preconditions() {
    play("preconditions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identities() {
    play("identities").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions() {
    play("revisions").await;
}

async fn play(name: &'static str) {
    let path = format!("{}/tests/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let steps: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // One of them trusts an issuer on this machine.
    let server = TestServer::with(&[("loopback_issuers", true.into())]).await;
    let mut client = server.client();
    client.variables.insert("password".into(), PASSWORD.into());
    let failures: Vec<String> = tokio::task::spawn_blocking(move || {
        let run = |(n, step): (usize, &Value)| {
            step_of(&mut client, step)
                .err()
                .map(|e| format!("{name} {}: {e}", n + 1))
        };
        steps.iter().enumerate().filter_map(run).collect()
    })
    .await
    .unwrap();
    assert!(
        failures.is_empty(),
        "{} steps failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn step_of(client: &mut Client, step: &Value) -> Result<(), String> {
    let call = fill(client, step["call"].as_str().unwrap());
    let (method, path) = call.split_once(' ').unwrap();
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        headers.push((name.clone(), fill(client, value.as_str().unwrap())));
    }
    if let Some(user) = step["as"].as_str() {
        headers.push(("iPlanetDirectoryPro".into(), client.token(user)));
    }
    let body = match (&step["raw"], &step["body"]) {
        (Value::String(raw), _) => Some(fill(client, raw)),
        (_, Value::Null) => None,
        (_, body) => Some(fill(client, &body.to_string())),
    };
    if body.is_some()
        && !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("Content-Type".into(), "application/json".into()));
    }
    let reply = client.send(method, &format!("/am{path}"), &headers, body.as_deref());
    let place = format!("{call} ({})", step["about"].as_str().unwrap_or_default());
    for (variable, pointer) in step["bind"].as_object().into_iter().flatten() {
        let value = reply
            .json()
            .pointer(pointer.as_str().unwrap())
            .cloned()
            .unwrap_or_default();
        client.variables.insert(
            variable.clone(),
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        );
    }
    if step["status"] != reply.status {
        return Err(format!(
            "{place}: want {}, got {} {}",
            step["status"], reply.status, reply.text
        ));
    }
    if let Some(want) = step.get("answer") {
        let want: Value = serde_json::from_str(&fill(client, &want.to_string())).unwrap();
        fits(&want, &reply.json()).map_err(|e| format!("{place}: {e}"))?;
    }
    if let Some(want) = step.get("text") {
        fits(want, &reply.text.clone().into()).map_err(|e| format!("{place}: {e}"))?;
    }
    for (name, want) in step["answerHeaders"].as_object().into_iter().flatten() {
        let want = fill(client, want.as_str().unwrap());
        if reply.header(name) != Some(&want) {
            return Err(format!(
                "{place}: header {name}: want {want}, got {:?}",
                reply.header(name)
            ));
        }
    }
    Ok(())
}

fn fill(client: &mut Client, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let name = after.split('}').next().unwrap_or_default().to_owned();
        let value = match name.strip_prefix("token:") {
            Some(user) => Some(client.token(user)),
            None => client.variables.get(&name).cloned(),
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
