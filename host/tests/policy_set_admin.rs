//! The documented life of a policy set over REST (Identity Cloud, "Policy sets over REST"), call by call, by an
//! administrator who is one through a group. Answers are compared as texts, member order and all; only dates, ids and the
//! order of a set's actions, which the documentation itself does not keep, are this server's own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use serde_json::{Value, json};
use support::{Client, PASSWORD, Reply, TestServer};

const REALM: &str = "/am/json/realms/root/realms/alpha";
const ADMINISTRATOR: &str = "id=pat,ou=user,o=alpha,ou=services,dc=openam,dc=example,dc=org";
/// Who made the realm, and so what it began with; AM names its internal user here.
const BUILT_IN: &str = "id=amadmin,ou=user,dc=openam,dc=example,dc=org";
const TOKEN: &str = "iPlanetDirectoryPro";

fn call(client: &Client, token: &str, what: &str, body: Option<&Value>) -> Reply {
    let (method, path) = what.split_once(' ').unwrap();
    let mut headers = vec![
        (TOKEN.to_owned(), token.to_owned()),
        ("Accept-API-Version".to_owned(), "resource=1.0".to_owned()),
    ];
    if body.is_some() {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    let body = body.map(Value::to_string);
    client.send(
        method,
        &format!("{REALM}/{path}"),
        &headers,
        body.as_deref(),
    )
}

/// The answer as text, with its own dates and revision replaced by what the expectation has there.
fn like(answer: &Value, want: &Value) -> String {
    let mut answer = answer.clone();
    for name in ["_rev", "creationDate", "lastModifiedDate"] {
        if want.get(name).is_some_and(|want| !want.is_null()) {
            let found = answer.get(name).unwrap();
            assert_eq!(found.is_string(), want[name].is_string(), "{name}");
            answer[name] = want[name].clone();
        }
    }
    // The same actions with the same values, whatever their order.
    if answer["actions"] == want["actions"] {
        answer["actions"] = want["actions"].clone();
    }
    answer.to_string()
}

fn actions(off: &[&str]) -> Value {
    let names = ["HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH"];
    let row = |name: &str| (name.to_owned(), Value::from(!off.contains(&name)));
    Value::Object(names.into_iter().map(row).collect())
}

fn sample(off: &[&str]) -> Value {
    json!({
        "name": "samplePolicySet",
        "description": "Sample policy set",
        "conditions": ["Script", "AMIdentityMembership", "IPv6", "IPv4", "SimpleTime", "LEAuthLevel", "LDAPFilter", "AuthScheme",
            "Session", "AND", "AuthenticateToRealm", "ResourceEnvIP", "Policy", "OAuth2Scope", "SessionProperty", "OR",
            "Transaction", "NOT", "AuthLevel", "AuthenticateToService"],
        "subjects": ["AuthenticatedUsers", "NOT", "Identity", "OR", "AND", "NONE", "Policy", "JwtClaim"],
        "entitlementCombiner": "DenyOverride",
        "attributeNames": [],
        "saveIndex": null,
        "searchIndex": null,
        "resourceComparator": null,
        "applicationType": "iPlanetAMWebAgentService",
        "actions": actions(off),
        "resources": ["*://*:*/*", "*://*:*/*?*"],
        "realm": "/alpha",
    })
}

/// A set as version 1.0 shows it, in the documented order of members.
fn shown(id: Value, set: &Value, author: &str) -> Value {
    let mut shown = id;
    let members = shown.as_object_mut().unwrap();
    let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    for name in ["name", "description", "attributeNames"] {
        put(name, set[name].clone());
    }
    put("createdBy", author.into());
    put("conditions", set["conditions"].clone());
    put("lastModifiedBy", author.into());
    put("creationDate", 1.into());
    put("lastModifiedDate", 1.into());
    for name in [
        "subjects",
        "saveIndex",
        "searchIndex",
        "entitlementCombiner",
        "resourceComparator",
    ] {
        put(name, set[name].clone());
    }
    put("editable", true.into());
    for name in ["applicationType", "actions", "resources", "realm"] {
        put(name, set[name].clone());
    }
    shown
}

fn built_in() -> Value {
    json!({
        "name": "oauth2Scopes",
        "description": "The built-in Application used by the OAuth2 scope authorization process.",
        "conditions": ["Script", "AMIdentityMembership", "IPv6", "SimpleTime", "IPv4", "LEAuthLevel", "LDAPFilter", "AuthScheme",
            "Session", "AND", "AuthenticateToRealm", "ResourceEnvIP", "SessionProperty", "OAuth2Scope", "OR", "Transaction",
            "NOT", "AuthLevel", "AuthenticateToService"],
        "subjects": ["AuthenticatedUsers", "NOT", "Identity", "OR", "AND", "NONE", "JwtClaim"],
        "entitlementCombiner": "DenyOverride",
        "attributeNames": [],
        "saveIndex": null,
        "searchIndex": null,
        "resourceComparator": null,
        "applicationType": "iPlanetAMWebAgentService",
        "actions": {"GRANT": true},
        "resources": ["*://*:*/*", "*://*:*/*?*", "*"],
        "realm": "/alpha",
    })
}

/// A realm, and its policy set administrator: a member of a group with three privileges.
fn set_up(client: &mut Client) {
    let realm = json!({"name": "alpha", "parentPath": "/", "active": true, "aliases": []});
    client.admin("POST", "/global-config/realms?_action=create", &realm);
    let base = "/realms/root/realms/alpha";
    let user = json!({"username": "pat", "userpassword": PASSWORD});
    client.admin("POST", &format!("{base}/users?_action=create"), &user);
    let group = json!({"username": "am-policy-set-admins"});
    client.admin("POST", &format!("{base}/groups?_action=create"), &group);
    let grant = json!({
        "members": {"uniqueMember": ["pat"]},
        "privileges": {"PolicyAdmin": true, "ApplicationModifyAccess": true, "ApplicationReadAccess": true},
    });
    let headers = [
        (TOKEN.to_owned(), client.token("amadmin")),
        ("Accept-API-Version".to_owned(), "resource=4.0".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let path = format!("{REALM}/groups/am-policy-set-admins");
    assert_eq!(
        client
            .send("PUT", &path, &headers, Some(&grant.to_string()))
            .status,
        200
    );
}

fn log_in(client: &Client) -> String {
    let headers = [
        ("X-OpenAM-Username", "pat"),
        ("X-OpenAM-Password", PASSWORD),
        ("Accept-API-Version", "resource=2.0, protocol=1.0"),
    ];
    let reply = client.send(
        "POST",
        &format!("{REALM}/authenticate"),
        &[("Content-Type".to_owned(), "application/json".to_owned())]
            .into_iter()
            .chain(headers.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Vec<_>>(),
        None,
    );
    let body = reply.json();
    let names: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        (names, &body["realm"]),
        (vec!["tokenId", "successUrl", "realm"], &json!("/alpha"))
    );
    body["tokenId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_calls_get_the_documented_answers() {
    let server = TestServer::start().await;
    let mut client = server.client();
    tokio::task::spawn_blocking(move || {
        set_up(&mut client);
        let token = log_in(&client);
        let rev = || json!({"_rev": "1"});

        let reply = call(&client, &token, "GET applications?_queryFilter=true", None);
        let row = shown(json!({"_id": "oauth2Scopes"}), &built_in(), BUILT_IN);
        let mut answer = reply.json();
        assert_eq!(like(&answer["result"][0], &row), row.to_string());
        answer["result"] = json!([]);
        let rest = json!({
            "result": [], "resultCount": 1, "pagedResultsCookie": null, "totalPagedResultsPolicy": "NONE",
            "totalPagedResults": -1, "remainingPagedResults": 0,
        });
        assert_eq!((reply.status, answer.to_string()), (200, rest.to_string()));

        let with_id = |name: &str| json!({"_id": name, "_rev": rev()["_rev"]});
        let reply = call(&client, &token, "GET applications/oauth2Scopes", None);
        let want = shown(with_id("oauth2Scopes"), &built_in(), BUILT_IN);
        assert_eq!((reply.status, like(&reply.json(), &want)), (200, want.to_string()));

        let reply = call(&client, &token, "POST applications/?_action=create", Some(&sample(&[])));
        let created = reply.json();
        let want = shown(with_id("samplePolicySet"), &sample(&[]), ADMINISTRATOR);
        assert_eq!((reply.status, like(&created, &want)), (201, want.to_string()));
        assert_eq!(created["_rev"], created["creationDate"].to_string());
        assert_eq!(created["creationDate"], created["lastModifiedDate"]);

        let changed = sample(&["DELETE", "PUT", "PATCH"]);
        let reply = call(&client, &token, "PUT applications/samplePolicySet", Some(&changed));
        let updated = reply.json();
        let want = shown(with_id("samplePolicySet"), &changed, ADMINISTRATOR);
        assert_eq!((reply.status, like(&updated, &want)), (200, want.to_string()));
        assert_eq!(updated["creationDate"], created["creationDate"]);
        assert!(updated["lastModifiedDate"].as_i64() >= created["lastModifiedDate"].as_i64());
        assert_eq!(updated["_rev"], updated["lastModifiedDate"].to_string());

        let reply = call(&client, &token, "DELETE applications/samplePolicySet", None);
        let want = "{\"_id\":\"samplePolicySet\",\"_rev\":\"0\"}";
        assert_eq!((reply.status, reply.text.as_str()), (200, want));

        let policy = json!({
            "name": "scope", "applicationName": "oauth2Scopes", "resourceTypeUuid": "d60b7a71-1dc6-44a5-8e48-e4b9d92dee8b",
            "resources": ["email"], "actionValues": {"GRANT": true}, "subject": {"type": "AuthenticatedUsers"},
        });
        client.admin("POST", "/realms/root/realms/alpha/policies?_action=create", &policy);
        let reply = call(&client, &token, "DELETE applications/oauth2Scopes", None);
        let want = json!({
            "code": 409,
            "reason": "Conflict",
            "message": "Application cannot be altered because policies exist within the Application. Remove all policies \
                from the Application before attempting to delete the Application.",
        });
        assert_eq!((reply.status, reply.text), (409, want.to_string()));
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_documented_field_is_queried_with_each_documented_operator() {
    let server = TestServer::start().await;
    let mut client = server.client();
    tokio::task::spawn_blocking(move || {
        set_up(&mut client);
        let token = log_in(&client);
        let made = call(
            &client,
            &token,
            "POST applications/?_action=create",
            Some(&sample(&[])),
        )
        .json();
        let date = made["creationDate"].as_i64().unwrap();
        let found = |filter: &str| -> Vec<String> {
            let what = format!(
                "GET applications?_sortKeys=name&_queryFilter={}",
                filter.replace(' ', "%20").replace('"', "%22")
            );
            let reply = call(&client, &token, &what, None);
            assert_eq!(reply.status, 200, "{filter}: {reply:?}");
            let rows = reply.json()["result"].as_array().unwrap().clone();
            rows.iter()
                .map(|row| row["name"].as_str().unwrap().to_owned())
                .collect()
        };
        let (both, own, none): (&[&str], &[&str], &[&str]) = (
            &["oauth2Scopes", "samplePolicySet"],
            &["samplePolicySet"],
            &[],
        );
        let mut asked = 0;
        for (filter, want) in [
            ("true".to_owned(), both),
            ("name eq \"samplePolicySet\"".to_owned(), own),
            ("name eq \"sample.*\"".to_owned(), own),
            ("description eq \"Sample policy set\"".to_owned(), own),
            (format!("createdBy eq \"{ADMINISTRATOR}\""), own),
            (format!("lastModifiedBy eq \"{ADMINISTRATOR}\""), own),
            (format!("creationDate eq {date}"), own),
            (format!("creationDate ge {date}"), own),
            (format!("creationDate gt {date}"), none),
            (format!("creationDate le {date}"), both),
            (format!("creationDate lt {}", date + 1), both),
            (format!("lastModifiedDate eq {date}"), own),
            (format!("lastModifiedDate ge {date}"), own),
            (format!("lastModifiedDate gt {}", date - 1), own),
            (format!("lastModifiedDate le {date}"), both),
            (format!("lastModifiedDate lt {}", date + 1), both),
        ] {
            assert_eq!(found(&filter), want, "{filter}");
            asked += 1;
        }
        println!("{asked} queries");
        // None of the characters that are forbidden in names is taken.
        for c in ["\"", "+", ",", "<", "=", ">", "\\", "/", ";", "\0"] {
            let mut body = sample(&[]);
            body["name"] = format!("a{c}b").into();
            let reply = call(
                &client,
                &token,
                "POST applications/?_action=create",
                Some(&body),
            );
            assert_eq!(reply.status, 400, "{c:?}: {reply:?}");
        }
    })
    .await
    .unwrap();
}
