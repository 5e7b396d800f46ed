//! The same bytes decide the same in wasmtime, in Node and natively.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use assize_engine::{AmCall as NativeCall, Bundle, answer, answer_am, limits};
use assize_module::{AmCall, BUILD_ID, BUILT_FILES, Limits, Runtime};
use serde_json::{Value, json};

use crate::fixture::{self, conditional};

const REVISION: u64 = 1_773_800_123_456;

/// One question to the module.
enum Question {
    Engine(Vec<u8>),
    Am(AmCall, Vec<u8>, Vec<u8>),
}

#[test]
fn wasmtime_node_and_native_give_the_same_bytes() {
    let bundle = fixture::bundle_of(policies());
    let questions = questions();

    let mut native = Bundle::load(bundle.clone()).unwrap();
    native.set_revision(REVISION);
    // Time enough for the step budget to run out first, on however busy a machine.
    let limits = Limits {
        call: Duration::from_secs(120),
        ..Limits::default()
    };
    let mut instance = Runtime::new(limits).unwrap().instance().unwrap();
    let handle = instance.load(&bundle, REVISION).unwrap();
    let in_node = ask_node(&bundle, &questions);
    assert_eq!(in_node.len(), questions.len());

    let mut codes = std::collections::BTreeMap::<String, usize>::new();
    for (question, in_node) in questions.iter().zip(&in_node) {
        let (natively, in_wasmtime) = match question {
            Question::Engine(request) => (
                answer(&native, request),
                instance.evaluate(handle, request).unwrap(),
            ),
            Question::Am(call, context, body) => {
                let native_call = match call {
                    AmCall::Evaluate => NativeCall::Evaluate,
                    AmCall::EvaluateTree => NativeCall::EvaluateTree,
                };
                (
                    answer_am(&native, context, body, native_call),
                    instance.evaluate_am(handle, context, body, *call).unwrap(),
                )
            }
        };
        assert_eq!(
            text(&natively),
            text(&in_wasmtime),
            "native and wasmtime, {question}"
        );
        assert_eq!(
            text(&in_wasmtime),
            text(in_node),
            "wasmtime and Node, {question}"
        );
        *codes.entry(kind(&in_wasmtime)).or_default() += 1;
    }
    // A set of questions that all end in the same error would prove little.
    for wanted in [
        "decisions",
        "needs",
        "badJson",
        "badRequest",
        "unknownPolicySet",
        "stepsExceeded",
    ] {
        assert!(
            codes.contains_key(wanted),
            "no question leads to {wanted}: {codes:?}"
        );
    }
    crate::report(format_args!(
        "{} answers alike natively, in wasmtime and in Node: {codes:?}",
        questions.len()
    ));
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .chars()
                .take(500)
                .collect::<String>()
        };
        match self {
            Question::Engine(request) => write!(f, "request {}", short(request)),
            Question::Am(call, context, body) => {
                write!(f, "{call:?} {} {}", short(context), short(body))
            }
        }
    }
}

fn text(answer: &[u8]) -> &str {
    std::str::from_utf8(answer).expect("an answer is UTF-8")
}

/// What an answer is: its error code, or the member that it leads with.
fn kind(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    match &answer["error"]["code"] {
        Value::String(code) => code.clone(),
        _ if answer.is_array() => "array".to_owned(),
        _ => answer.as_object().unwrap().keys().next().unwrap().clone(),
    }
}

/// The answers of Node, which the script has also checked against the wasm-bindgen surfaces.
fn ask_node(bundle: &[u8], questions: &[Question]) -> Vec<Vec<u8>> {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let mut frames = Vec::new();
    let part = |frames: &mut Vec<u8>, part: &[u8]| {
        frames.extend(u32::try_from(part.len()).unwrap().to_le_bytes());
        frames.extend(part);
    };
    for question in questions {
        let (kind, first, second): (u8, &[u8], &[u8]) = match question {
            Question::Engine(request) => (0, request, &[]),
            Question::Am(AmCall::Evaluate, context, body) => (1, context, body),
            Question::Am(AmCall::EvaluateTree, context, body) => (2, context, body),
        };
        frames.push(kind);
        part(&mut frames, first);
        part(&mut frames, second);
    }
    std::fs::write(path("bundle"), bundle).unwrap();
    std::fs::write(path("questions"), &frames).unwrap();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/answers.mjs"))
        .arg(BUILT_FILES)
        .arg(path("bundle"))
        .arg(REVISION.to_string())
        .arg(path("questions"))
        .arg(path("answers"))
        .output()
        .expect("the tests need Node 20 or later as `node`");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["build"], BUILD_ID);
    for surface in ["texts", "objects", "bad"] {
        assert!(
            summary[surface].as_u64() > Some(20),
            "{surface} hardly tried: {summary}"
        );
    }
    crate::report(format_args!("Node: {summary}"));

    let mut rest = &std::fs::read(path("answers")).unwrap()[..];
    let mut answers = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (answer, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        answers.push(answer.to_vec());
        rest = after;
    }
    answers
}

fn policies() -> Vec<Value> {
    let mut policies = vec![
        json!({
            "name": "everyone", "resources": ["https://www.example.com:443/a", "https://www.example.com:443/a/*?*"],
            "actionValues": {"GET": true, "POST": false}, "subject": {"type": "AuthenticatedUsers"},
            "resourceAttributes": [{"type": "User", "propertyName": "cn"}, {"type": "User", "propertyName": "mail"}],
        }),
        json!({
            "name": "one level", "resources": ["http://sub.example.com:8080/-*-/leaf", "app://thing/*/x"],
            "actionValues": {"GET": true},
            "subject": {"type": "Identity", "subjectValues": ["id=staff,ou=group,dc=openam,dc=example,dc=org"]},
        }),
        json!({
            "name": "claims", "resources": ["https://www.example.com:443/claims/*", "Größe/*"],
            "actionValues": {"GET": false, "PUT": true},
            "subject": {"type": "OR", "subjects": [
                {"type": "JwtClaim", "claimName": "iss", "claimValue": "https://issuer.example.com"},
                {"type": "NOT", "subject": {"type": "NONE"}}]},
        }),
    ];
    let conditions = [
        ("level", json!({"type": "AuthLevel", "authLevel": 3})),
        ("atmost", json!({"type": "LEAuthLevel", "authLevel": 1})),
        (
            "scheme",
            json!({"type": "AuthScheme", "authScheme": ["LDAP", "DataStore"], "applicationIdleTimeout": 10, "applicationName": "x"}),
        ),
        (
            "realm",
            json!({"type": "AuthenticateToRealm", "authenticateToRealm": "/alpha"}),
        ),
        (
            "service",
            json!({"type": "AuthenticateToService", "authenticateToService": "strong"}),
        ),
        (
            "session",
            json!({"type": "Session", "maxSessionTime": 10, "terminateSession": true}),
        ),
        (
            "property",
            json!({"type": "SessionProperty", "properties": {"am.protected.tier": ["gold", "silver"]}}),
        ),
        (
            "time",
            json!({"type": "SimpleTime", "startTime": "09:00", "endTime": "17:00", "startDay": "mon", "endDay": "fri", "enforcementTimeZone": "Europe/Berlin"}),
        ),
        (
            "v4",
            json!({"type": "IPv4", "startIp": "10.0.0.0", "endIp": "10.0.0.255"}),
        ),
        (
            "v6",
            json!({"type": "IPv6", "startIp": "2001:db8::1", "endIp": "2001:db8::ff"}),
        ),
        (
            "filter",
            json!({"type": "LDAPFilter", "ldapFilter": "(&(mail=*@example.com)(!(cn=Bob)))"}),
        ),
        (
            "scope",
            json!({"type": "OAuth2Scope", "requiredScopes": ["openid", "profile"]}),
        ),
        (
            "script",
            json!({"type": "Script", "scriptId": "9de3eb62-f131-4fac-a294-7bd170fd4acb"}),
        ),
        (
            "both",
            json!({"type": "AND", "conditions": [
            {"type": "AuthLevel", "authLevel": 5},
            {"type": "NOT", "condition": {"type": "AuthLevel", "authLevel": 1}},
            {"type": "AuthenticateToService", "authenticateToService": "strong"}]}),
        ),
    ];
    // Many wildcards each, behind the same prefix, for a name that makes all of them look far.
    policies.extend((0..16).map(|number| {
        json!({
            "name": format!("costly {number}"),
            "resources": [format!("costly/{}*{number}z*", "*a".repeat(limits::MAX_WILDCARDS - 2))],
            "actionValues": {"GET": true},
            "subject": {"type": "AuthenticatedUsers"},
        })
    }));
    policies.extend(conditions.map(|(name, condition)| conditional(name, condition)));
    policies
}

fn questions() -> Vec<Question> {
    let engine = |value: &Value| Question::Engine(value.to_string().into_bytes());
    let plain = fixture::engine_request(json!(["https://www.example.com/a"]));
    let with = |member: &str, value: Value| {
        let mut request = plain.clone();
        request[member] = value;
        request
    };
    let without = |member: &str| {
        let mut request = plain.clone();
        request.as_object_mut().unwrap().remove(member);
        request
    };
    let mut questions = Vec::new();

    let names = [
        "https://www.example.com/a",
        "https://WWW.EXAMPLE.COM:443/A",
        "https://www.example.com/a/b?y=2&x=1",
        "https://www.example.com/a/../claims/x",
        "http://sub.example.com:8080/one/leaf",
        "http://sub.example.com/one/two/leaf",
        "app://thing/a/b/x",
        "Größe/xxl",
        "GRÖSSE/xxl",
        "größe/",
        "https://[2001:DB8:0::1]/a",
        "https://user@www.example.com/a",
        "https://www.example.com:70000/a",
        "",
        "*",
        "https://www.example.com/%61",
        "https://www.example.com/a/%2e%2e/a",
        "\u{1f512}/\u{0}",
    ];
    for name in names {
        questions.push(engine(&with("resources", json!([name]))));
    }
    questions.push(engine(&with(
        "resources",
        json!(
            names
                .iter()
                .filter(|name| name.contains("www.example.com/"))
                .collect::<Vec<_>>()
        ),
    )));

    let conditions = [
        "level", "atmost", "scheme", "realm", "service", "session", "property", "time", "v4", "v6",
        "filter", "scope", "script", "both",
    ];
    let resources: Vec<_> = conditions
        .iter()
        .map(|name| format!("https://www.example.com/conditions/{name}"))
        .collect();
    for resource in &resources {
        questions.push(engine(&with("resources", json!([resource]))));
        let mut explained = with("resources", json!([resource]));
        explained["explain"] = json!(true);
        questions.push(engine(&explained));
        explained["subject"] = json!({"claims": [{"sub": "ann"}, {"iss": "https://issuer.example.com", "exp": 1.5e300}]});
        questions.push(engine(&explained));
    }
    questions.push(engine(&with("resources", json!(resources))));
    for tree in [
        "https://www.example.com/",
        "https://www.example.com/conditions",
        "https://www.example.com",
        "app://thing",
        "costly",
    ] {
        let mut request = without("resources");
        request["tree"] = json!(tree);
        questions.push(engine(&request));
    }

    // Facts of every kind, and none at all.
    for member in ["policySet", "resources", "subject", "environment", "now"] {
        questions.push(engine(&without(member)));
        for value in [
            json!(null),
            json!(1),
            json!("x"),
            json!([]),
            json!({}),
            json!([1.5]),
            json!({"a": 1}),
            json!(-1),
            json!(1e30),
        ] {
            questions.push(engine(&with(member, value)));
        }
    }
    questions.push(engine(&with("policySet", json!("no such set"))));
    questions.push(engine(&with(
        "policySet",
        json!("IPLANETAMWEBAGENTSERVICE"),
    )));
    questions.push(engine(&with("timeZone", json!("Mars/Olympus"))));
    questions.push(engine(&with("unknown member", json!(true))));
    questions.push(engine(&with("environment", json!({"requestIp": ["2001:db8::7", "10.0.0.7"], "scope": ["openid profile"], "requestAuthLevel": ["9"]}))));
    questions.push(engine(&with(
        "resources",
        json!(vec!["https://www.example.com/a"; limits::MAX_RESOURCES + 1]),
    )));
    questions.push(engine(&with(
        "resources",
        json!([format!("https://www.example.com/{}", "a".repeat(9000))]),
    )));
    let runaway: Vec<_> = (0..500)
        .map(|number| format!("costly/{number}{}", "a".repeat(8000)))
        .collect();
    questions.push(engine(&with("resources", json!(runaway))));

    // Not JSON, or barely.
    let deep = "[".repeat(100_000);
    let garbage: [&[u8]; 10] = [
        b"",
        b" ",
        b"null",
        b"{",
        b"{}",
        b"[]",
        b"{\"now\":1,\"now\":2}",
        b"\xff\xfe",
        b"{\"now\":01}",
        deep.as_bytes(),
    ];
    questions.extend(garbage.map(|bytes| Question::Engine(bytes.to_vec())));

    let context = json!({"subject": fixture::subject(), "now": fixture::NOW});
    let mut old = context.clone();
    old["resourceVersion"] = json!("1.0");
    let bodies = [
        (
            AmCall::Evaluate,
            json!({"resources": ["https://www.example.com/a", "https://www.example.com/conditions/session"], "application": fixture::POLICY_SET}),
        ),
        (
            AmCall::Evaluate,
            json!({"resources": ["https://www.example.com/conditions/script"], "environment": {"requestIp": ["10.0.0.7"]}}),
        ),
        (AmCall::Evaluate, json!({"resources": []})),
        (
            AmCall::Evaluate,
            json!({"resources": ["https://www.example.com/a"], "application": "none such"}),
        ),
        (
            AmCall::EvaluateTree,
            json!({"resource": "https://www.example.com/", "application": fixture::POLICY_SET}),
        ),
        (AmCall::EvaluateTree, json!({"resource": 5})),
        (AmCall::EvaluateTree, json!(["no object"])),
    ];
    for (call, body) in bodies {
        for context in [&context, &old, &json!({}), &json!("no object")] {
            questions.push(Question::Am(
                call,
                context.to_string().into_bytes(),
                body.to_string().into_bytes(),
            ));
        }
    }
    questions
}
