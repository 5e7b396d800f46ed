//! An explanation says of every policy how it came out, and of every leaf why it is not true.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use assize_engine::document::Document;
use assize_engine::{Bundle, answer};
use serde_json::{Value, json};

/// Explains one policy with this subject and condition to a user with a session.
fn explain(subject: Value, condition: Value, change: &Value) -> Value {
    let document = json!({"policies": [{
        "name": "p", "resources": ["http://h/a"], "actionValues": {"GET": true, "PUT": false}, "subject": subject, "condition": condition,
    }]});
    let (document, _) = Document::parse(document.to_string().as_bytes()).unwrap();
    let checked = document.check();
    assert_eq!(checked.faults, []);
    let bundle = Bundle::load(checked.bundle()).unwrap();
    let mut request = json!({
        "resources": ["http://h/a"], "now": 1_773_800_000_000_i64, "explain": true,
        "subject": {"principals": ["id=ann,ou=user,dc=x"], "groups": [], "session": {"AuthLevel": "1", "AuthType": "DataStore", "Service": "s", "Organization": "dc=x"}, "profile": {"mail": ["m"]}},
    });
    for (name, value) in change.as_object().unwrap() {
        request[name] = value.clone();
    }
    let answer: Value =
        serde_json::from_slice(&answer(&bundle, request.to_string().as_bytes())).unwrap();
    answer["explanation"].clone()
}

fn user() -> Value {
    json!({"type": "AuthenticatedUsers"})
}

#[test]
fn every_leaf_says_why_it_is_not_true() {
    let nobody = json!({"subject": {}});
    let none = json!({});
    let subjects = [
        (json!({"type": "NONE"}), &none, "never"),
        (
            json!({"type": "Policy", "className": "x"}),
            &none,
            "legacyPlugIn",
        ),
        (user(), &nobody, "noSession"),
        (
            json!({"type": "Identity", "subjectValues": ["id=bob,ou=user,dc=x"]}),
            &none,
            "notAmong",
        ),
        (
            json!({"type": "Identity", "subjectValues": ["id=g,ou=group,dc=x"]}),
            &json!({"subject": {"session": {}}}),
            "groupsUnknown",
        ),
        (
            json!({"type": "JwtClaim", "claimName": "a", "claimValue": "b"}),
            &none,
            "noToken",
        ),
        (
            json!({"type": "JwtClaim", "claimName": "a", "claimValue": "b"}),
            &json!({"subject": {"claims": {"a": "c"}}}),
            "claimDiffers",
        ),
    ];
    for (subject, change, code) in subjects {
        let policy =
            explain(subject.clone(), Value::Null, change)["resources"][0]["policies"][0].clone();
        assert_eq!(policy["leaves"][0]["code"], code, "{subject} {policy}");
        assert_eq!(policy["leaves"][0]["part"], "subject");
    }
    let conditions = [
        (
            json!({"type": "AuthLevel", "authLevel": 3}),
            &none,
            "wrongLevel",
        ),
        (
            json!({"type": "LEAuthLevel", "authLevel": 0}),
            &none,
            "wrongLevel",
        ),
        (
            json!({"type": "AuthScheme", "authScheme": ["HOTP"]}),
            &none,
            "schemeMissing",
        ),
        (
            json!({"type": "AuthScheme", "authScheme": ["DataStore"], "applicationIdleTimeout": 1, "applicationName": "a"}),
            &none,
            "idleExpired",
        ),
        (
            json!({"type": "AuthenticateToRealm", "authenticateToRealm": "/x"}),
            &none,
            "wrongRealm",
        ),
        (
            json!({"type": "AuthenticateToService", "authenticateToService": "x"}),
            &none,
            "wrongService",
        ),
        (
            json!({"type": "Session", "maxSessionTime": 1}),
            &json!({"environment": {"requestSessionCreationTime": ["0"]}}),
            "sessionTooOld",
        ),
        (
            json!({"type": "Session", "maxSessionTime": 1}),
            &json!({"environment": {"requestSessionCreationTime": ["x"]}}),
            "malformed",
        ),
        (
            json!({"type": "SessionProperty", "properties": {"a": ["b"]}}),
            &none,
            "propertyDiffers",
        ),
        (
            json!({"type": "SimpleTime", "startDate": "2000:01:01", "endDate": "2000:01:02", "enforcementTimeZone": "UTC"}),
            &none,
            "outsideWindow",
        ),
        (
            json!({"type": "SimpleTime", "startDay": "mon", "endDay": "fri"}),
            &json!({"timeZone": "Nowhere/Land"}),
            "unknownZone",
        ),
        (
            json!({"type": "IPv4", "startIp": "10.0.0.1", "endIp": "10.0.0.2"}),
            &json!({"environment": {"requestIp": ["10.0.0.3"]}}),
            "addressOutside",
        ),
        (
            json!({"type": "LDAPFilter", "ldapFilter": "(mail=n)"}),
            &none,
            "filterNotMatched",
        ),
        (
            json!({"type": "LDAPFilter", "ldapFilter": "(mail=n)"}),
            &json!({"subject": {"session": {}}}),
            "noProfile",
        ),
        (
            json!({"type": "OAuth2Scope", "requiredScopes": ["a"]}),
            &json!({"environment": {"scope": ["b c"]}}),
            "scopeMissing",
        ),
        (
            json!({"type": "ResourceEnvIP", "resourceEnvIPConditionValue": ["IF IP=[10.*] THEN authlevel=4"]}),
            &none,
            "noRuleMet",
        ),
        (
            json!({"type": "AMIdentityMembership", "amIdentityName": ["id=bob,ou=user,dc=x"]}),
            &none,
            "notAmong",
        ),
        (
            json!({"type": "Script", "scriptId": "s"}),
            &json!({"externals": {"Script:s@http://h/a": {"error": "boom"}}}),
            "outsideFailed",
        ),
        (
            json!({"type": "Script", "scriptId": "s"}),
            &json!({"externals": {"Script:s@http://h/a": {"satisfied": false}}}),
            "outsideDenied",
        ),
    ];
    for (condition, change, code) in conditions {
        let policy =
            explain(user(), condition.clone(), change)["resources"][0]["policies"][0].clone();
        assert_eq!(policy["leaves"][0]["code"], code, "{condition} {policy}");
        assert_eq!(policy["leaves"][0]["part"], "condition");
    }
}

#[test]
fn a_policy_says_how_it_came_out_and_what_it_contributed() {
    let outcome = |subject, condition, change: Value| {
        let policy = explain(subject, condition, &change)["resources"][0]["policies"][0].clone();
        (
            policy["code"].as_str().unwrap().to_owned(),
            policy["contribution"].as_str().unwrap().to_owned(),
        )
    };
    let level = json!({"type": "AuthLevel", "authLevel": 3});
    let legacy = json!({"type": "Policy", "className": "x"});
    let cases = [
        (user(), Value::Null, "satisfied", "everything"),
        (
            json!({"type": "NONE"}),
            Value::Null,
            "subjectFalse",
            "nothing",
        ),
        (user(), level.clone(), "conditionFalse", "advices"),
        (
            user(),
            legacy.clone(),
            "conditionUndetermined",
            "denialsAndAdvices",
        ),
        (
            legacy.clone(),
            Value::Null,
            "subjectUndetermined",
            "denialsAndAdvices",
        ),
        (legacy, level, "conditionFalse", "advices"),
    ];
    for (subject, condition, code, contribution) in cases {
        assert_eq!(
            outcome(subject, condition, json!({})),
            (code.to_owned(), contribution.to_owned())
        );
    }
}

#[test]
fn the_text_reads_well() {
    let text = explain(
        user(),
        json!({"type": "AuthLevel", "authLevel": 3}),
        &json!({}),
    )["text"]
        .clone();
    assert_eq!(
        text,
        "http://h/a\n  policy `p` has a condition that does not hold: only its advices count\n    covers it by http://h:80/a\n    condition: the authentication level does not do, wanted at least 3, saw 1\n"
    );
    let text = explain(user(), Value::Null, &json!({"resources": ["http://h/b"]}))["text"].clone();
    assert_eq!(text, "http://h/b\n  no policy covers it: denied\n");
}

#[test]
fn a_policy_says_by_which_patterns_it_covers() {
    let policy = |name: &str, resources: &[&str]| {
        json!({
            "name": name, "resources": resources, "actionValues": {"GET": true}, "subject": user(),
        })
    };
    let document = json!({"policies": [
        policy("p", &["http://h/a", "http://h/*", "http://h/b"]),
        policy("q", &["http://h/*", "http://*:*/a"]),
        policy("r", &["http://deep/a/*"]),
    ]});
    let (document, _) = Document::parse(document.to_string().as_bytes()).unwrap();
    let bundle = Bundle::load(document.check().bundle()).unwrap();
    let explained = |target: Value| {
        let mut request = json!({"now": 1, "explain": true, "subject": {"session": {}}});
        request
            .as_object_mut()
            .unwrap()
            .extend(target.as_object().unwrap().clone());
        let answer = answer(&bundle, request.to_string().as_bytes());
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let resources = answer["explanation"]["resources"].as_array().unwrap();
        let rows = resources.iter().map(|resource| {
            let policies = resource["policies"].as_array().unwrap().iter();
            let patterns = policies.map(|policy| json!([policy["policy"], policy["patterns"]]));
            json!([resource["resource"], patterns.collect::<Vec<_>>()])
        });
        let text = answer["explanation"]["text"].as_str().unwrap().to_owned();
        (Value::Array(rows.collect()), text)
    };
    let (rows, text) = explained(json!({"resources": ["http://h/a", "http://h/c"]}));
    let anywhere = "http://*:*/a";
    let want = json!([
        [
            "http://h/a",
            [
                ["p", ["http://h:80/*", "http://h:80/a"]],
                ["q", [anywhere, "http://h:80/*"]]
            ]
        ],
        [
            "http://h/c",
            [["p", ["http://h:80/*"]], ["q", ["http://h:80/*"]]]
        ],
    ]);
    assert_eq!(rows, want);
    assert!(text.contains("covers it by http://h:80/a\n"), "{text}");
    // A path that leads to a pattern twice.
    let (rows, _) = explained(json!({"resources": ["http://deep/a/b/a"]}));
    assert_eq!(
        rows,
        json!([["http://deep/a/b/a", [["r", ["http://deep:80/a/*"]]]]])
    );
    let (rows, _) = explained(json!({"tree": "http://h/a"}));
    let want = json!([
        ["http://h/a", [["p", ["http://h:80/a"]]]],
        [anywhere, [["q", [anywhere]]]],
        [
            "http://h:80/*",
            [["p", ["http://h:80/*"]], ["q", ["http://h:80/*"]]]
        ],
    ]);
    assert_eq!(rows, want);
}
