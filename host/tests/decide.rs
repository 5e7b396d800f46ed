//! `assize decide`: engine requests in, engine answers out (contract §3 and §4).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/command.rs"]
mod command;

use command::{assize, text, write};
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "policies": [{
            "name": "page",
            "resources": ["http://www.example.com/index.html"],
            "actionValues": {"GET": true, "POST": false},
            "subject": {"type": "AuthenticatedUsers"},
        }],
    })
}

#[test]
fn decide_answers_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let policies = write(folder.path(), "p.json", &document());
    let request = json!({
        "resources": ["http://www.example.com/index.html"],
        "subject": {"principals": ["id=ann,ou=user,dc=x"], "session": {}},
        "now": 0,
    });
    let output = assize(
        &["decide", "--policies", &policies],
        &format!("{request}\n\n{request}\n"),
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0]["decisions"][0]["actions"],
        json!({"GET": true, "POST": false})
    );
    let spread = write(folder.path(), "r.json", &request);
    std::fs::write(&spread, format!("{request:#}")).unwrap();
    let output = assize(
        &["decide", "--policies", &policies, "--request", &spread],
        "",
    );
    assert_eq!(
        text(&output.stdout).lines().next().unwrap(),
        serde_json::to_string(&lines[0]).unwrap()
    );
    let stream = format!("{request} {request:#}\nxx\n{{\"now\": 0}}\n{request}");
    let output = assize(&["decide", "--policies", &policies], &stream);
    assert_eq!(output.status.code(), Some(2));
    let kinds: Vec<bool> = text(&output.stdout)
        .lines()
        .map(|line| line.starts_with("{\"decisions\""))
        .collect();
    assert_eq!(kinds, [true, true, false, false, true], "{output:?}");
    assert!(
        text(&output.stderr).contains("2 of 5 requests"),
        "{output:?}"
    );
    let nothing = assize(&["decide", "--policies", &policies], "\n");
    assert_eq!(nothing.status.code(), Some(2));
    let bad = assize(&["decide", "--policies", &policies], "{\"now\": 0}\n");
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad.stdout).starts_with("{\"error\""), "{bad:?}");
}

/// A script that is in the file, one that is not, and a transaction.
fn outside() -> Value {
    let allows = "YXV0aG9yaXplZCA9IHRydWU7";
    json!({
        "scripts": [{"_id": "here", "name": "h", "language": "JAVASCRIPT", "context": "POLICY_CONDITION", "script": allows}],
        "policies": [{
            "name": "page",
            "resources": ["http://www.example.com/index.html"],
            "actionValues": {"GET": true},
            "subject": {"type": "AuthenticatedUsers"},
            "condition": {"type": "AND", "conditions": [
                {"type": "Script", "scriptId": "here"},
                {"type": "Script", "scriptId": "away"},
                {"type": "Transaction", "authenticationStrategy": "AuthenticateToServiceConditionAdvice", "strategySpecifier": "ldapService"},
            ]},
        }],
    })
}

#[test]
fn what_decide_cannot_find_out_it_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let policies = write(folder.path(), "p.json", &outside());
    let mut request = json!({
        "resources": ["http://www.example.com/index.html"],
        "subject": {"principals": ["id=ann,ou=user,dc=x"], "session": {}},
        "now": 0,
    });
    let decide = |request: &Value| -> Value {
        let output = assize(&["decide", "--policies", &policies], &request.to_string());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let answer = decide(&request);
    let needs = answer["needs"].as_array().unwrap();
    let asked: Vec<&Value> = needs
        .iter()
        .map(|need| match need["type"].as_str() {
            Some("Script") => &need["scriptId"],
            _ => &need["strategySpecifier"],
        })
        .collect();
    assert_eq!(
        asked,
        ["away", "ldapService"],
        "the script of the file is run"
    );
    let ids: Vec<&str> = needs
        .iter()
        .filter_map(|need| need["id"].as_str())
        .collect();
    for (last, actions) in [(true, json!({"GET": true})), (false, json!({}))] {
        request["externals"] = json!({
            ids[0]: {"satisfied": true, "advices": {}, "attributes": {}},
            ids[1]: {"satisfied": last, "advices": {}, "attributes": {}},
        });
        assert_eq!(decide(&request)["decisions"][0]["actions"], actions);
    }
}

/// What the engine takes for nothing (null) or for the last of several is told to scripts as it is decided by.
#[test]
fn scripts_see_the_request_as_the_engine_does() {
    let folder = tempfile::tempdir().unwrap();
    let source = "YXV0aG9yaXplZCA9IHRydWU7IHJlc3BvbnNlQXR0cmlidXRlcy5wdXQoJ3RvbGQnLCBbJycgKyBEYXRlLm5vdygpLCAnJyArIHVzZXJuYW1lLCB0eXBlb2Ygc2Vzc2lvbl0pOw==";
    let document = json!({
        "scripts": [{"_id": "s", "name": "s", "language": "JAVASCRIPT", "context": "POLICY_CONDITION", "script": source}],
        "policies": [{
            "name": "page",
            "resources": ["http://www.example.com/index.html"],
            "actionValues": {"GET": true},
            "subject": {"type": "AuthenticatedUsers"},
            "condition": {"type": "Script", "scriptId": "s"},
        }],
    });
    let policies = write(folder.path(), "p.json", &document);
    let request = r#"{
        "resources": ["http://www.example.com/index.html"],
        "environment": null,
        "now": 1,
        "subject": {"principals": ["ann"], "session": {}},
        "now": 7
    }"#;
    let output = assize(&["decide", "--policies", &policies], request);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let decision = &answer["decisions"][0];
    assert_eq!(decision["actions"], json!({"GET": true}), "{answer}");
    assert_eq!(
        decision["attributes"]["told"],
        json!(["7", "ann", "object"])
    );
}
