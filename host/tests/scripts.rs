//! Script conditions over REST: checked, run, protected; hostile ones while others are answered.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::holder::Holder;
use support::{Client, PASSWORD, TestServer, fits};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";

fn body(name: &str, source: &str) -> Value {
    json!({
        "name": name,
        "script": STANDARD.encode(source),
        "language": "JAVASCRIPT",
        "context": "POLICY_CONDITION",
    })
}

/// Makes a script; gives its id.
fn script(client: &mut Client, name: &str, source: &str) -> String {
    let made = client.admin("POST", "/scripts?_action=create", &body(name, source));
    made["_id"].as_str().unwrap().to_owned()
}

fn condition(id: &str) -> Value {
    json!({"type": "Script", "scriptId": id})
}

/// A policy for `http://NAME.example.com/*`.
fn policy(client: &mut Client, name: &str, allows: bool, condition: Value) {
    let policy = json!({
        "name": name,
        "resources": [format!("http://{name}.example.com/*")],
        "actionValues": {"GET": allows},
        "subject": {"type": "AuthenticatedUsers"},
        "condition": condition,
        "resourceTypeUuid": URL_TYPE,
    });
    client.admin("POST", "/policies?_action=create", &policy);
}

/// What is said of `http://NAME.example.com/` in the environment `{"k": ["v"]}`.
fn decide(client: &mut Client, name: &str, subject: &Value) -> Value {
    let body = json!({
        "resources": [format!("http://{name}.example.com/")],
        "subject": subject,
        "environment": {"k": ["v"]},
    });
    client.admin("POST", "/policies?_action=evaluate", &body)[0].clone()
}

async fn started() -> (TestServer, Client, Value) {
    let server = TestServer::start().await;
    let mut client = server.client();
    let ann = json!({
        "username": "ann",
        "userpassword": PASSWORD,
        "mail": ["ann@example.com"],
        "telephoneNumber": ["1"],
    });
    client.admin("POST", "/users?_action=create", &ann);
    let token = client.token("ann");
    (server, client, json!({"ssoToken": token}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_sees_the_request_and_decides() {
    let (_server, mut client, ann) = started().await;
    let id = script(
        &mut client,
        "sees",
        "var l = new java.util.ArrayList(); \
         l.add(username); l.add(resourceURI); l.add(scriptName); \
         l.addAll(identity.getAttribute('Mail')); l.addAll(identity.getAttribute('telephoneNumber')); \
         l.add(session.getProperty('AuthType')); l.addAll(environment.get('k')); \
         responseAttributes.put('seen', l); authorized = true; ttl = new Date().getTime();",
    );
    policy(&mut client, "sees", true, condition(&id));
    let seen = [
        "1",
        "DataStore",
        "ann@example.com",
        "http://sees.example.com:80/",
        "id=ann,ou=user,dc=openam,dc=example,dc=org",
        "sees",
        "v",
    ];
    let decision = decide(&mut client, "sees", &ann);
    let want = json!({"actions": {"GET": true}, "attributes": {"seen": seen}, "ttl": "<number>"});
    fits(&want, &decision).unwrap();
    // A tree asks for scripts alike.
    let environment = json!({"k": ["v"]});
    let tree = json!({
        "resource": "http://sees.example.com/", "subject": ann, "environment": environment,
    });
    let tree = client.admin("POST", "/policies?_action=evaluateTree", &tree);
    assert!(tree.to_string().contains("DataStore"), "{tree}");
    // A changed script counts from the moment on at which its change was answered.
    let changed = body("sees", "advice.put('Step', ['up']);");
    client.admin("PUT", &format!("/scripts/{id}"), &changed);
    let want = json!({"actions": {}, "advices": {"Step": ["up"]}});
    fits(&want, &decide(&mut client, "sees", &ann)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_scripts_in_one_condition_are_both_asked() {
    let (_server, mut client, ann) = started().await;
    let yes = script(
        &mut client,
        "yes",
        "authorized = true; responseAttributes.put('y', ['1']);",
    );
    let no = script(&mut client, "no", "advice.put('N', ['n']);");
    let other = script(&mut client, "other", "advice.put('N', ['m']);");
    let broken = script(&mut client, "broken", "missing();");
    let of = |kind: &str, ids: [&String; 2]| json!({"type": kind, "conditions": ids.map(|id| condition(id))});
    for (name, wanted, answer) in [
        (
            "and-yes-no",
            of("AND", [&yes, &no]),
            json!({"actions": {}, "advices": {"N": ["n"]}}),
        ),
        (
            "and-no-other",
            of("AND", [&no, &other]),
            json!({"actions": {}, "advices": {"N": ["m", "n"]}}),
        ),
        (
            "or-no-yes",
            of("OR", [&no, &yes]),
            json!({"actions": {"GET": true}, "attributes": {"y": ["1"]}, "advices": {}}),
        ),
        (
            "or-no-other",
            of("OR", [&no, &other]),
            json!({"actions": {}, "advices": {"N": ["m", "n"]}}),
        ),
        (
            "or-broken-yes",
            of("OR", [&broken, &yes]),
            json!({"actions": {"GET": true}}),
        ),
        (
            "and-broken-yes",
            of("AND", [&broken, &yes]),
            json!({"actions": {}}),
        ),
        (
            "twice",
            of("AND", [&yes, &yes]),
            json!({"actions": {"GET": true}, "attributes": {"y": ["1"]}}),
        ),
        (
            "not-no",
            json!({"type": "NOT", "condition": condition(&no)}),
            json!({"actions": {"GET": true}, "advices": {}}),
        ),
        (
            "not-broken",
            json!({"type": "NOT", "condition": condition(&broken)}),
            json!({"actions": {}}),
        ),
    ] {
        policy(&mut client, name, true, wanted);
        fits(&answer, &decide(&mut client, name, &ann))
            .map_err(|e| format!("{name}: {e}"))
            .unwrap();
    }
}

/// What cannot be found out never allows, and what it denies is denied.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_fail_are_undetermined() {
    let (_server, mut client, ann) = started().await;
    let groovy = json!({
        "name": "groovy", "script": STANDARD.encode("authorized = true"), "language": "GROOVY", "context": "POLICY_CONDITION",
    });
    let groovy = client.admin("POST", "/scripts?_action=create", &groovy);
    let login = json!({
        "name": "login", "script": STANDARD.encode("authorized = true"), "language": "JAVASCRIPT",
        "context": "AUTHENTICATION_SERVER_SIDE",
    });
    let login = client.admin("POST", "/scripts?_action=create", &login);
    let thrown = script(&mut client, "thrown", "throw 1;");
    let endless = script(&mut client, "endless", "authorized = true; for (;;);");
    for (name, id) in [
        ("groovy", groovy["_id"].as_str().unwrap()),
        ("login", login["_id"].as_str().unwrap()),
        ("thrown", &thrown),
        ("endless", &endless),
        ("ghost", "00000000-0000-0000-0000-000000000000"),
    ] {
        policy(&mut client, name, true, condition(id));
        let nothing = json!({"actions": {}, "advices": {}, "attributes": {}});
        fits(&nothing, &decide(&mut client, name, &ann))
            .map_err(|e| format!("{name}: {e}"))
            .unwrap();
        let denies = format!("{name}-denies");
        policy(&mut client, &denies, false, condition(id));
        fits(
            &json!({"actions": {"GET": false}}),
            &decide(&mut client, &denies, &ann),
        )
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_validated_warned_of_and_protected() {
    let (_server, mut client, _) = started().await;
    let validate = |client: &mut Client, source: &str, language: &str| {
        let body = json!({"script": STANDARD.encode(source), "language": language});
        client.admin("POST", "/scripts?_action=validate", &body)
    };
    assert_eq!(
        validate(&mut client, "authorized = true;", "JAVASCRIPT"),
        json!({"success": true})
    );
    let wrong = json!({
        "success": false,
        "errors": [{"line": 2, "column": 14, "message": "SyntaxError: unexpected token in expression: ';'"}],
    });
    assert_eq!(
        validate(&mut client, "\nauthorized = ;", "JavaScript"),
        wrong
    );
    assert_eq!(validate(&mut client, "x", "GROOVY")["success"], false);
    for (body, member) in [
        (json!({"language": "JAVASCRIPT"}), "script"),
        (json!({"script": "%", "language": "JAVASCRIPT"}), "script"),
        (json!({"script": "", "language": "BASIC"}), "language"),
        (json!({"script": "eA==", "language": 1}), "language"),
    ] {
        let reply = client.admin_reply("POST", "/scripts?_action=validate", &body);
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.text.contains(member), "{reply:?}");
    }
    // As AM does, it keeps what cannot be parsed; it says so.
    let reply = client.admin_reply(
        "POST",
        "/scripts?_action=create",
        &body("bad", "authorized = ;"),
    );
    assert_eq!(reply.status, 201);
    let warning = reply.header("warning").unwrap();
    assert!(
        warning.starts_with("299 assize \"script bad cannot be run: SyntaxError"),
        "{warning}"
    );
    assert!(warning.contains("line 1, column 14"), "{warning}");
    let good = client.admin_reply(
        "POST",
        "/scripts?_action=create",
        &body("good", "authorized = true;"),
    );
    assert_eq!(good.header("warning"), None);

    let used = good.json()["_id"].as_str().unwrap().to_owned();
    let nested =
        json!({"type": "AND", "conditions": [{"type": "NOT", "condition": condition(&used)}]});
    policy(&mut client, "uses", true, nested);
    let path = format!("/scripts/{used}");
    let refused = client.admin_reply("DELETE", &path, &Value::Null);
    assert_eq!(refused.status, 409, "{refused:?}");
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("is used once, by policy uses"),
        "{message}"
    );
    policy(
        &mut client,
        "uses-too",
        true,
        condition(&used.to_uppercase()),
    );
    let refused = client.admin_reply("DELETE", &path, &Value::Null);
    assert!(refused.text.contains("is used 2 times"), "{refused:?}");
    for name in ["uses", "uses-too"] {
        client.admin("DELETE", &format!("/policies/{name}"), &Value::Null);
    }
    client.admin("DELETE", &path, &Value::Null);
}

/// While scripts do their worst, other requests are answered, and the memory of one run is gone with it.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_scripts_disturb_nobody() {
    let (server, mut client, ann) = started().await;
    for (name, source) in [
        ("loop", "for (;;);"),
        (
            "memory",
            "var a = []; for (;;) a.push(new Array(1000).fill(1));",
        ),
        ("regex", "/(a+)+$/.test('a'.repeat(40) + 'b');"),
        ("calls", "function f() { return [1].map(f); } f();"),
    ] {
        let id = script(&mut client, name, source);
        policy(&mut client, name, true, condition(&id));
    }
    let plain = json!({
        "name": "plain", "resources": ["http://plain.example.com/*"], "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"}, "resourceTypeUuid": URL_TYPE,
    });
    client.admin("POST", "/policies?_action=create", &plain);
    let attacks: Vec<_> = (0..12)
        .map(|n: usize| {
            let (address, mut attacker) = (server.address, server.client());
            let name = ["loop", "memory", "regex", "calls"][n % 4];
            let ann = ann.clone();
            std::thread::spawn(move || {
                attacker.address = address;
                let decision = decide(&mut attacker, name, &ann);
                fits(&json!({"actions": {}, "attributes": {}}), &decision).unwrap();
            })
        })
        .collect();
    let mut answered = 0;
    while answered < 20 || attacks.iter().any(|attack| !attack.is_finished()) {
        fits(
            &json!({"actions": {"GET": true}}),
            &decide(&mut client, "plain", &ann),
        )
        .unwrap();
        answered += 1;
    }
    for attack in attacks {
        attack.join().unwrap();
    }
    println!("{answered} decisions during the attack");
}

/// A published bundle brings the scripts that its conditions run, under its digest, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_travel_in_bundles() {
    let (server, mut client, _) = started().await;
    let used = script(&mut client, "used", "authorized = true;");
    let unused = script(&mut client, "unused", "authorized = true;");
    policy(&mut client, "scripted", true, condition(&used));
    let definition = json!({"name": "edge", "policySets": ["iPlanetAMWebAgentService"], "maxAge": 60, "readers": []});
    client.admin("POST", "/bundles?_action=create", &definition);
    let path = "/am/json/bundles/edge";
    let holder = Holder::new(server.address, &client.token("amadmin"));
    let first = holder.fetch(path).await;
    let scripts = |bytes: &[u8]| -> Value {
        let bundle = assize_engine::Bundle::load(bytes.to_vec()).unwrap();
        serde_json::from_str(bundle.scripts()).unwrap_or(Value::Null)
    };
    assert_eq!(
        scripts(&first.bytes),
        json!([[used, "used", "authorized = true;"]])
    );
    // A script that is not in it makes no other bundle; one that is makes another one.
    client.admin(
        "PUT",
        &format!("/scripts/{unused}"),
        &body("unused", "authorized = false;"),
    );
    assert!(holder.is_current(path, &first).await);
    client.admin(
        "PUT",
        &format!("/scripts/{used}"),
        &body("used", "authorized = false;"),
    );
    assert!(!holder.is_current(path, &first).await);
    let second = holder.fetch(path).await;
    assert_eq!(
        scripts(&second.bytes),
        json!([[used, "used", "authorized = false;"]])
    );
    assert!(second.revision() > first.revision());
    assert_ne!(second.seal["digest"], first.seal["digest"]);
}
