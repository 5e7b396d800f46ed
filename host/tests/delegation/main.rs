//! Privileges of groups, walked whole: every endpoint and operation for every privilege, in the realm that grants it,
//! beneath it and above it. Nothing here changes anything: what is allowed is told by another refusal than 401 and 403.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod privileges;
#[path = "../support/mod.rs"]
mod support;

use privileges::{OPENED, opened, operations};
use serde_json::{Map, Value, json};
use support::{Client, PASSWORD, Reply, TestServer};

fn call(
    client: &Client,
    token: &str,
    realm: &str,
    call: &str,
    version: &str,
    body: &Value,
) -> Reply {
    let (method, rest) = call
        .replace("{realm}", realm)
        .split_once(' ')
        .map(|(m, r)| (m.to_owned(), r.to_owned()))
        .unwrap();
    let prefix: String = realm
        .split('/')
        .filter(|name| !name.is_empty())
        .map(|name| format!("/realms/{name}"))
        .collect();
    let mut headers = vec![
        ("iPlanetDirectoryPro".to_owned(), token.to_owned()),
        ("Accept-API-Version".to_owned(), version.to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    if method == "GET" {
        headers.pop();
    }
    let text = (!body.is_null()).then(|| body.to_string());
    client.send(
        &method,
        &format!("/am/json/realms/root{prefix}/{rest}"),
        &headers,
        text.as_deref(),
    )
}

/// Makes the user `name` in realm alpha with a group that grants it exactly these privileges.
fn user_with(client: &mut Client, name: &str, privileges: &[&str]) -> String {
    let base = "/realms/root/realms/alpha";
    client.admin(
        "POST",
        &format!("{base}/users?_action=create"),
        &json!({"username": name, "userpassword": PASSWORD}),
    );
    client.admin(
        "POST",
        &format!("{base}/groups?_action=create"),
        &json!({"username": format!("g-{name}")}),
    );
    let granted: Map<String, Value> = privileges
        .iter()
        .map(|p| ((*p).to_owned(), true.into()))
        .collect();
    grant(
        client,
        &format!("g-{name}"),
        &json!({"members": {"uniqueMember": [name]}, "privileges": granted}),
    );
    client.token(&format!("{name}@alpha"))
}

fn grant(client: &mut Client, group: &str, body: &Value) {
    let token = client.token("amadmin");
    let reply = call(
        client,
        &token,
        "/alpha",
        &format!("PUT groups/{group}"),
        "protocol=2.1,resource=4.0",
        body,
    );
    assert!(reply.status < 300, "{group}: {reply:?}");
}

fn realms(client: &mut Client) -> String {
    for (name, parent) in [("alpha", "/"), ("sub", "/alpha")] {
        let body = json!({"name": name, "parentPath": parent, "active": true, "aliases": []});
        client.admin("POST", "/global-config/realms?_action=create", &body);
    }
    let victim = json!({"username": "victim", "userpassword": PASSWORD});
    client.admin(
        "POST",
        "/realms/root/realms/alpha/users?_action=create",
        &victim,
    );
    client.token("victim@alpha")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_privilege_opens_exactly_what_it_says() {
    let server = TestServer::start().await;
    let mut client = server.client();
    let (walked, failures) = tokio::task::spawn_blocking(move || {
        let victim = realms(&mut client);
        let operations = operations(&victim);
        let mut sets: Vec<(String, Vec<&str>)> = OPENED
            .iter()
            .map(|(name, _)| (name.to_lowercase(), vec![*name]))
            .collect();
        sets.push(("nothing".into(), Vec::new()));
        sets.push((
            "policysetadmin".into(),
            vec![
                "PolicyAdmin",
                "ApplicationModifyAccess",
                "ApplicationReadAccess",
            ],
        ));
        let (mut walked, mut failures) = (0, Vec::new());
        for (name, privileges) in &sets {
            let token = user_with(&mut client, name, privileges);
            for realm in ["/alpha", "/alpha/sub", "/"] {
                for (needs, what, version, body) in &operations {
                    // Sessions are where they were made, whatever the path.
                    let at = if what.contains("tokenId=") {
                        "/alpha"
                    } else {
                        realm
                    };
                    let reply = call(&client, &token, realm, what, version, body);
                    let refused = reply.status == 403 || reply.status == 401;
                    if refused == opened(privileges, needs, at) {
                        failures.push(format!(
                            "{name} in {realm}: {what}: {} {}",
                            reply.status, reply.text
                        ));
                    }
                    walked += 1;
                }
            }
        }
        (walked, failures)
    })
    .await
    .unwrap();
    assert!(
        failures.is_empty(),
        "{} of {walked} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    println!("{walked} operations walked");
}

#[tokio::test(flavor = "multi_thread")]
async fn privileges_come_and_go_with_the_group() {
    let server = TestServer::start().await;
    let mut client = server.client();
    tokio::task::spawn_blocking(move || {
        realms(&mut client);
        let token = user_with(&mut client, "ann", &["PolicyAdmin"]);
        let status = |client: &Client, what: &str| {
            call(client, &token, "/alpha", what, "resource=2.1", &Value::Null).status
        };
        let query = "GET policies?_queryFilter=true";
        assert_eq!(status(&client, query), 200);
        grant(
            &mut client,
            "g-ann",
            &json!({"privileges": {"PolicyAdmin": false, "ApplicationReadAccess": true}}),
        );
        assert_eq!(status(&client, query), 403);
        assert_eq!(status(&client, "GET applications?_queryFilter=true"), 200);
        grant(
            &mut client,
            "g-ann",
            &json!({"members": {"uniqueMember": []}}),
        );
        assert_eq!(status(&client, "GET applications?_queryFilter=true"), 403);
        // AM's group of everybody with a session is there without being made.
        grant(
            &mut client,
            "allauthenticatedusers",
            &json!({"privileges": {"ApplicationReadAccess": true}}),
        );
        assert_eq!(status(&client, "GET applications?_queryFilter=true"), 200);
        // A group shows all privileges, and what is none is refused by its path.
        let admin = client.token("amadmin");
        let shown = call(
            &client,
            &admin,
            "/alpha",
            "GET groups/g-ann",
            "resource=4.1",
            &Value::Null,
        )
        .json();
        assert_eq!(shown["privileges"]["ApplicationReadAccess"], true);
        assert_eq!(shown["privileges"].as_object().unwrap().len(), OPENED.len());
        for (body, message) in [
            (
                json!({"privileges": {"Nope": true}}),
                "Invalid value: /privileges/Nope is no privilege; there are RealmAdmin, ",
            ),
            (
                json!({"privileges": {"RealmAdmin": 1}}),
                "Invalid value: /privileges/RealmAdmin must be true or false",
            ),
            (
                json!({"privileges": []}),
                "Invalid value: /privileges must be an object",
            ),
        ] {
            let reply = call(
                &client,
                &admin,
                "/alpha",
                "PUT groups/g-ann",
                "resource=4.1",
                &body,
            );
            assert_eq!(reply.status, 400);
            assert!(
                reply.json()["message"]
                    .as_str()
                    .unwrap()
                    .starts_with(message),
                "{reply:?}"
            );
        }
        // An earlier version neither shows nor grants them.
        let body = json!({"cn": ["g-ann"], "privileges": {"RealmAdmin": true}});
        call(
            &client,
            &admin,
            "/alpha",
            "PUT groups/g-ann",
            "resource=3.0",
            &body,
        );
        let shown = call(
            &client,
            &admin,
            "/alpha",
            "GET groups/g-ann",
            "resource=3.0",
            &Value::Null,
        )
        .json();
        assert_eq!(shown.get("privileges"), None);
        let shown = call(
            &client,
            &admin,
            "/alpha",
            "GET groups/g-ann",
            "resource=4.1",
            &Value::Null,
        )
        .json();
        assert_eq!(shown["privileges"]["RealmAdmin"], false);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_set_takes_one_who_administers_policies() {
    let server = TestServer::start().await;
    let mut client = server.client();
    tokio::task::spawn_blocking(move || {
        realms(&mut client);
        let modify = user_with(&mut client, "mod", &["ApplicationModifyAccess"]);
        let admin = user_with(&mut client, "pol", &["PolicyAdmin"]);
        let body = json!({"name": "shop", "applicationType": "iPlanetAMWebAgentService", "resourceTypeUuids": []});
        let create = |token: &str| call(&client, token, "/alpha", "POST applications?_action=create", "resource=2.1", &body);
        let refused = create(&modify);
        assert_eq!((refused.status, refused.json()["message"].as_str()), (403, Some("Permission denied.")));
        let made = create(&admin);
        assert_eq!(made.status, 201);
        assert_eq!(made.json()["createdBy"], "id=pol,ou=user,o=alpha,ou=services,dc=openam,dc=example,dc=org");
        for what in ["PUT applications/shop", "DELETE applications/shop"] {
            let refused = call(&client, &modify, "/alpha", what, "resource=2.1", &body);
            assert_eq!((refused.status, refused.json()["message"].as_str()), (403, Some("Permission denied.")), "{what}");
        }
        // The administrator of a realm stays within it, whatever the path of the request says.
        let realm_admin = user_with(&mut client, "rea", &["RealmAdmin"]);
        let new = |parent: &str| json!({"name": "new", "parentPath": parent, "active": true, "aliases": []});
        let create = |parent: &str| {
            let what = "POST global-config/realms?_action=create";
            call(&client, &realm_admin, "/alpha", what, "resource=1.0", &new(parent)).status
        };
        assert_eq!((create("/"), create("/alpha/sub")), (403, 201));
        let root = call(&client, &realm_admin, "/alpha", "GET global-config/realms/Lw", "resource=1.0", &Value::Null);
        assert_eq!(root.status, 403);
        // Into a realm that is out of reach nothing is copied either.
        let copy = json!({"to": {"name": "x", "realm": "/"}});
        let policy = json!({
            "name": "p", "resources": ["http://a:80/"], "actionValues": {"GET": true}, "subject": {"type": "AuthenticatedUsers"},
            "resourceTypeUuid": "76656a38-5f8e-401b-83aa-4ccb74ce88d2", "applicationName": "web",
        });
        let set = json!({"name": "web", "applicationType": "iPlanetAMWebAgentService", "resourceTypeUuids": ["76656a38-5f8e-401b-83aa-4ccb74ce88d2"]});
        for (what, body) in [("PUT applications/web", &set), ("PUT policies/p", &policy)] {
            let reply = call(&client, &admin, "/alpha", what, "resource=2.1", body);
            assert_eq!(reply.status, 201, "{what}: {reply:?}");
        }
        let reply = call(&client, &admin, "/alpha", "POST policies/p?_action=copy", "resource=2.1", &copy);
        assert_eq!(reply.status, 403, "{reply:?}");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_realm_takes_a_name_that_leads_elsewhere() {
    let server = TestServer::start().await;
    let mut client = server.client();
    tokio::task::spawn_blocking(move || {
        realms(&mut client);
        let chief = user_with(&mut client, "chief", &["RealmAdmin"]);
        let admin = client.token("amadmin");
        let realm = |aliases: &[&str], active: bool| json!({"name": "alpha", "parentPath": "/", "active": active, "aliases": aliases});
        let put = "PUT global-config/realms/L2FscGhh";
        let status = |token: &str, at: &str, body: &Value| {
            call(&client, token, at, put, "protocol=1.0,resource=1.0", body).status
        };
        // Who administers a realm changes it, but not by what name hosts and paths lead to it.
        assert_eq!(status(&chief, "/alpha", &realm(&[], true)), 200);
        for alias in ["127.0.0.1", "policies", "partner"] {
            assert_eq!(status(&chief, "/alpha", &realm(&[alias], true)), 403, "{alias}");
        }
        for (alias, wanted) in [("policies", 400), ("ROOT", 400), ("sub", 409), ("partner", 200)] {
            assert_eq!(status(&admin, "", &realm(&[alias], true)), wanted, "{alias}");
        }
        assert_eq!(status(&chief, "/alpha", &realm(&["partner"], true)), 200, "as it was");
        assert_eq!(status(&chief, "/alpha", &realm(&[], true)), 403, "nor takes one away");
    })
    .await
    .unwrap();
}
