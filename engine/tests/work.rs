//! What a request may cause is bounded by the engine's own count of steps, whatever it multiplies with what: each of these would
//! take from many seconds to hours. That a test ends at all is half of what it shows.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use assize_engine::document::Document;
use assize_engine::{Bundle, answer};
use serde_json::{Value, json};

fn bundle(policy: &Value) -> Bundle {
    let mut policy = policy.clone();
    let members = policy.as_object_mut().unwrap();
    members.insert("name".to_owned(), "p".into());
    members.insert("actionValues".to_owned(), json!({"GET": true}));
    if !members.contains_key("resources") {
        members.insert("resources".to_owned(), json!(["http://h/a"]));
    }
    let document = json!({ "policies": [policy] });
    let (document, _) = Document::parse(document.to_string().as_bytes()).unwrap();
    let checked = document.check();
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    Bundle::load(checked.bundle()).unwrap()
}

/// The code of the error that a request ends with; none where it is answered.
fn error(bundle: &Bundle, subject: Value, environment: Value) -> Option<String> {
    let request = json!({"resources": ["http://h/a"], "subject": subject, "environment": environment, "now": 1_773_800_000_000_i64});
    error_of(bundle, &request)
}

fn error_of(bundle: &Bundle, request: &Value) -> Option<String> {
    let answer: Value =
        serde_json::from_slice(&answer(bundle, request.to_string().as_bytes())).unwrap();
    answer.pointer("/error/code")?.as_str().map(str::to_owned)
}

fn when(condition: Value) -> Bundle {
    bundle(
        &json!({"subject": {"type": "NOT", "subject": {"type": "NONE"}}, "condition": condition}),
    )
}

fn many(count: usize, text: impl Fn(usize) -> String) -> Value {
    (0..count).map(text).collect()
}

const EXCEEDED: Option<&str> = Some("stepsExceeded");

#[test]
fn times_and_zones() {
    let bundle = when(json!({"type": "SimpleTime", "startTime": "09:00", "endTime": "17:00"}));
    let sent = |count| json!({"requestTime": many(count, |n| n.to_string()), "requestTimeZone": many(count, |_| "Asia/Tokyo".to_owned())});
    assert_eq!(error(&bundle, json!({}), sent(50)).as_deref(), None);
    assert_eq!(error(&bundle, json!({}), sent(30_000)).as_deref(), EXCEEDED);
}

#[test]
fn identities_and_groups() {
    let ids = |kind: &str, count| many(count, |n| format!("id={kind}{n},ou=group,dc=x"));
    let who = |count| json!({"principals": [], "groups": ids("g", count), "session": {}});
    let bundle =
        bundle(&json!({"subject": {"type": "Identity", "subjectValues": ids("s", 5_000)}}));
    assert_eq!(error(&bundle, who(500), json!({})).as_deref(), None);
    assert_eq!(error(&bundle, who(100_000), json!({})).as_deref(), EXCEEDED);
    let bundle = when(json!({"type": "AMIdentityMembership", "amIdentityName": ids("s", 100)}));
    let invokers = json!({"invocatorPrincipalUuid": ids("i", 5_000)});
    assert_eq!(error(&bundle, who(5_000), invokers).as_deref(), EXCEEDED);
}

#[test]
fn addresses_ranges_and_names() {
    let ranges = many(2_000, |n| format!("10.0.{}.{}-10.1.0.0", n / 250, n % 250));
    let bundle = when(json!({"type": "IPv4", "ipRange": ranges}));
    let from = |count| json!({"requestIp": many(count, |_| "1".to_owned())});
    assert_eq!(error(&bundle, json!({}), from(100)).as_deref(), None);
    assert_eq!(
        error(&bundle, json!({}), from(200_000)).as_deref(),
        EXCEEDED
    );
    let bundle =
        when(json!({"type": "IPv6", "dnsName": many(2_000, |n| format!("*.h{n}.example.com"))}));
    let from = json!({"requestDnsName": many(200_000, |_| "h.example".to_owned())});
    assert_eq!(error(&bundle, json!({}), from).as_deref(), EXCEEDED);
}

#[test]
fn rules() {
    let bundle = when(
        json!({"type": "ResourceEnvIP", "resourceEnvIPConditionValue": ["IF k=v THEN module=m", "IF IP=[10.*] THEN role=r"]}),
    );
    let sent = |count| {
        let values = many(count, |_| "v".to_owned());
        json!({"requestIp": values, "k": values, "requestAuthSchemes": many(count, |_| "x".to_owned())})
    };
    assert_eq!(error(&bundle, json!({}), sent(1_000)).as_deref(), None);
    assert_eq!(
        error(&bundle, json!({}), sent(100_000)).as_deref(),
        EXCEEDED
    );
}

#[test]
fn schemes_and_properties() {
    let schemes = many(2_000, |n| format!("m{n}"));
    let bundle = when(json!({"type": "AuthScheme", "authScheme": schemes}));
    let session =
        |count| json!({"session": {"AuthType": "x|".repeat(count), "p": "x|".repeat(count)}});
    assert_eq!(error(&bundle, session(1_000), json!({})).as_deref(), None);
    assert_eq!(
        error(&bundle, session(500_000), json!({})).as_deref(),
        EXCEEDED
    );
    let bundle = when(
        json!({"type": "SessionProperty", "properties": {"p": many(5_000, |n| n.to_string())}}),
    );
    assert_eq!(
        error(&bundle, session(500_000), json!({})).as_deref(),
        EXCEEDED
    );
}

#[test]
fn scopes_and_filters() {
    let bundle =
        when(json!({"type": "OAuth2Scope", "requiredScopes": many(5_000, |n| format!("s{n}"))}));
    let scope = |count: usize| json!({"scope": ["x ".repeat(count)]});
    assert_eq!(error(&bundle, json!({}), scope(1_000)).as_deref(), None);
    assert_eq!(
        error(&bundle, json!({}), scope(500_000)).as_deref(),
        EXCEEDED
    );
    let filter = format!("(|{})", "(a=b*c)".repeat(500));
    let bundle = when(json!({"type": "LDAPFilter", "ldapFilter": filter}));
    let profile =
        |count| json!({"session": {}, "profile": {"a": many(count, |n| format!("value {n}"))}});
    assert_eq!(error(&bundle, profile(100), json!({})).as_deref(), None);
    assert_eq!(
        error(&bundle, profile(250_000), json!({})).as_deref(),
        EXCEEDED
    );
}

#[test]
fn hosts_of_many_labels() {
    let bundle = bundle(
        &json!({"resources": ["http://*.example.com/*"], "subject": {"type": "AuthenticatedUsers"}}),
    );
    let request = |count| {
        let host = "a.".repeat(4_000);
        json!({"resources": many(count, |n| format!("http://{host}{n}/")), "now": 0})
    };
    assert_eq!(error_of(&bundle, &request(2)).as_deref(), None);
    assert_eq!(error_of(&bundle, &request(400)).as_deref(), EXCEEDED);
}

#[test]
fn what_an_explanation_repeats() {
    let leaves: Vec<Value> = (0..200)
        .map(|n| json!({"type": "Identity", "subjectValues": [format!("id={n},ou=user,dc=x")]}))
        .collect();
    let bundle = bundle(&json!({"subject": {"type": "OR", "subjects": leaves}}));
    let request = |count, explain| {
        let groups = many(count, |n| format!("id=g{n},ou=group,dc=x"));
        json!({"resources": ["http://h/a"], "subject": {"session": {}, "groups": groups}, "now": 0, "explain": explain})
    };
    assert_eq!(error_of(&bundle, &request(100, true)).as_deref(), None);
    assert_eq!(error_of(&bundle, &request(50_000, false)).as_deref(), None);
    assert_eq!(
        error_of(&bundle, &request(50_000, true)).as_deref(),
        EXCEEDED
    );
}

/// Each segment of the path leads to the same pattern, and the pattern to all who have it.
#[test]
fn a_pattern_of_many_policies_under_each_segment() {
    let policy = |n: usize| {
        json!({
            "name": n.to_string(), "resources": ["http://h/a/*"], "actionValues": {"GET": true},
            "subject": {"type": "AuthenticatedUsers"},
        })
    };
    let policies: Vec<Value> = (0..6000).map(policy).collect();
    let document = json!({ "policies": policies });
    let (document, _) = Document::parse(document.to_string().as_bytes()).unwrap();
    let bundle = Bundle::load(document.check().bundle()).unwrap();
    let request = |segments: usize, explain: bool| {
        let resource = format!("http://h{}/", "/a".repeat(segments));
        json!({"resources": [resource], "subject": {}, "explain": explain, "now": 1})
    };
    for explain in [false, true] {
        let few = error_of(&bundle, &request(20, explain));
        assert_eq!(few, None, "{explain}");
        let many = error_of(&bundle, &request(4000, explain));
        assert_eq!(many.as_deref(), EXCEEDED, "{explain}");
    }
}

/// An explanation repeats what it saw for each resource.
#[test]
fn what_an_explanation_repeats_for_each_resource() {
    let bundle = bundle(
        &json!({"resources": ["http://h/*"], "subject": {"type": "Identity", "subjectValues": ["id=bob,ou=user,dc=x"]}}),
    );
    let request = |bytes: usize| {
        let resources = many(1000, |n| format!("http://h/{n}"));
        let subject = json!({"session": {}, "principals": ["x".repeat(bytes)], "groups": []});
        json!({"resources": resources, "subject": subject, "explain": true, "now": 1})
    };
    assert_eq!(error_of(&bundle, &request(1000)), None);
    assert_eq!(error_of(&bundle, &request(1 << 20)).as_deref(), EXCEEDED);
}
