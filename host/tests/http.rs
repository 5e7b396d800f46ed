//! What HTTP asks of every face alike: charsets of bodies, attributes of cookies, names that addresses can hold.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use serde_json::json;
use support::{ADMINISTRATOR_PASSWORD, PASSWORD, TestServer, basic};

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_are_throttled_wherever_they_are_tried() {
    let server = TestServer::with(&[("failures_per_address", 4.into())]).await;
    let mut client = server.client();
    client.admin(
        "POST",
        "/users?_action=create",
        &json!({"username": "ann", "userpassword": PASSWORD}),
    );
    let token = client.token("ann");
    // Successes do not count, and an `authId` that somebody fails with is used up.
    for _ in 0..6 {
        assert_eq!(client.log_in("", "ann", PASSWORD).status, 200);
    }
    assert_eq!(client.log_in("", "amadmin", "guess").status, 401);
    let begun = client.post("/am/json/authenticate", &[], &json!({})).json();
    let filled_in = |password: &str| {
        let mut page = begun.clone();
        page["callbacks"][0]["input"][0]["value"] = "ann".into();
        page["callbacks"][1]["input"][0]["value"] = password.into();
        client.post("/am/json/authenticate", &[], &page)
    };
    assert_eq!(filled_in("guess").status, 401);
    assert_eq!(filled_in(PASSWORD).status, 408);
    let change = |current: &str| {
        let body = json!({"currentpassword": current, "userpassword": "Other-passw0rd"});
        let headers = [("iPlanetDirectoryPro", token.as_str())];
        client.post("/am/json/users/ann?_action=changePassword", &headers, &body)
    };
    assert_eq!(change("guess").status, 400);
    let wrong = [("Authorization", &*basic("amadmin", "guess"))];
    let wrong = client.post("/connect/register", &wrong, &json!({}));
    assert_eq!(wrong.status, 401);
    let begun = client.post("/am/json/authenticate", &[], &json!({}));
    assert_eq!(begun.status, 200, "to begin is no attempt");
    for reply in [
        client.log_in("", "amadmin", ADMINISTRATOR_PASSWORD),
        client.log_in("", "ann", PASSWORD),
        change(PASSWORD),
    ] {
        assert_eq!(reply.status, 429, "{reply:?}");
        let seconds: u64 = reply.header("Retry-After").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        let body = reply.json();
        assert_eq!(
            (&body["code"], &body["reason"]),
            (&json!(429), &json!("Too Many Requests"))
        );
    }
    // Version 1.2 answers in a shape of its own.
    let headers = [
        ("Accept-API-Version", "resource=1.2"),
        ("X-OpenAM-Username", "ann"),
        ("X-OpenAM-Password", PASSWORD),
    ];
    let reply = client.post("/am/json/authenticate", &headers, &json!({}));
    assert_eq!(reply.status, 429, "{reply:?}");
    let seconds: u64 = reply.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(reply.json()["errorMessage"].is_string(), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_other_charsets_are_refused_by_every_face() {
    let server = TestServer::start().await;
    let mut client = server.client();
    let session = || ("iPlanetDirectoryPro", String::new());
    let password = || ("Authorization", basic("amadmin", ADMINISTRATOR_PASSWORD));
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let token = client.token("amadmin");
    let mut requests = 0;
    for (path, media_type, proof, body, member) in [
        ("/am/json/authenticate", json, session(), json!({}), "code"),
        (
            "/am/json/policies?_action=evaluate",
            json,
            session(),
            json!({"resources": ["http://a/"]}),
            "code",
        ),
        (
            "/am/json/policies?_action=create",
            json,
            session(),
            json!({"name": "p"}),
            "code",
        ),
        (
            "/am/json/sessions?_action=logout",
            json,
            session(),
            json!({}),
            "code",
        ),
        (
            "/am/json/users?_action=create",
            json,
            session(),
            json!({"username": "u"}),
            "code",
        ),
        (
            "/connect/register",
            json,
            password(),
            json!({"client_name": "c"}),
            "error",
        ),
        (
            "/connect/token",
            form,
            password(),
            json!("grant_type=client_credentials"),
            "error",
        ),
        (
            "/connect/introspect",
            form,
            password(),
            json!("token=t"),
            "error",
        ),
        (
            "/api/admin/configuration/v1/role/",
            json,
            password(),
            json!({"name": "r"}),
            "error",
        ),
        (
            "/_security/oauth2/token",
            json,
            password(),
            json!({"grant_type": "client_credentials"}),
            "status",
        ),
    ] {
        let body = body
            .as_str()
            .map_or_else(|| body.to_string(), str::to_owned);
        let (name, mut value) = proof;
        if value.is_empty() {
            value.clone_from(&token);
        }
        for (charset, foreign) in [
            ("UTF-8", false),
            ("\"utf-8\"", false),
            ("utf-16", true),
            ("ISO-8859-1", true),
            ("\"windows-1252\"", true),
        ] {
            // AM takes what says ASCII differently, and authenticate is its only face that reads bodies by itself.
            let am = path.starts_with("/am/json/") && !path.ends_with("authenticate");
            let foreign = foreign && !(am && charset != "utf-16");
            // It would end the session that the others are asked with.
            if path.contains("logout") && !foreign {
                continue;
            }
            let headers = [
                (
                    "Content-Type".to_owned(),
                    format!("{media_type}; charset={charset}"),
                ),
                (name.to_owned(), value.clone()),
            ];
            let reply = client.send("POST", path, &headers, Some(&body));
            assert_eq!(reply.status == 415, foreign, "{path} {charset}: {reply:?}");
            if foreign {
                assert!(
                    reply.json().get(member).is_some(),
                    "{path} {charset}: {reply:?}"
                );
                assert!(reply.text.contains("UTF-8"), "{path} {charset}: {reply:?}");
            }
            requests += 1;
        }
    }
    println!("{requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_policyserver_are_utf_8_too() {
    let server = TestServer::start().await;
    let client = server.client();
    let proof = (
        "Authorization".to_owned(),
        basic("amadmin", ADMINISTRATOR_PASSWORD),
    );
    let register = [
        ("Content-Type".to_owned(), "application/json".to_owned()),
        proof,
    ];
    let made = client
        .send("POST", "/connect/register", &register, Some("{}"))
        .json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let headers = [
        (
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        ),
        (
            "Authorization".to_owned(),
            basic(&text("client_id"), &text("client_secret")),
        ),
    ];
    let form = Some("grant_type=client_credentials");
    let token = client.send("POST", "/connect/token", &headers, form).json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    for (charset, status) in [("utf-8", 201), ("utf-16", 415)] {
        let headers = [
            (
                "Content-Type".to_owned(),
                format!("application/json; charset={charset}"),
            ),
            ("Authorization".to_owned(), format!("Bearer {token}")),
        ];
        let body = json!({"name": charset}).to_string();
        let reply = client.send("POST", "/management/policies", &headers, Some(&body));
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(
            reply.json().get("errors").is_some(),
            status == 415,
            "{reply:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_say_which_sites_may_send_them() {
    for (setting, attribute) in [
        (None, Some("SameSite=Lax")),
        (Some("strict"), Some("SameSite=Strict")),
        (Some("off"), None),
    ] {
        let settings: Vec<_> = setting
            .map(|setting| ("cookie_same_site", toml::Value::from(setting)))
            .into_iter()
            .collect();
        let server = TestServer::with(&settings).await;
        let reply = server
            .client()
            .log_in("", "amadmin", ADMINISTRATOR_PASSWORD);
        let cookies: Vec<&str> = reply
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(cookies.len(), 3, "{reply:?}");
        for cookie in cookies {
            let mut attributes = cookie
                .split("; ")
                .filter(|part| part.starts_with("SameSite"));
            assert_eq!(attributes.next(), attribute, "{setting:?}: {cookie}");
            assert!(!cookie.contains("Secure"), "{cookie}");
        }
    }
    // Behind a proxy that ends TLS the cookie may be sent from everywhere, and over TLS alone.
    let server = TestServer::with(&[
        ("cookie_same_site", "none".into()),
        ("allow_plain_http", true.into()),
        ("public_url", "https://am.example.org".into()),
    ])
    .await;
    let reply = server
        .client()
        .log_in("", "amadmin", ADMINISTRATOR_PASSWORD);
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Secure; SameSite=None"), "{cookie}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_called_what_no_address_can_hold() {
    let server = TestServer::start().await;
    let mut client = server.client();
    let set = json!({
        "name": "a", "applicationType": "iPlanetAMWebAgentService", "entitlementCombiner": "DenyOverride",
        "resourceTypeUuids": ["76656a38-5f8e-401b-83aa-4ccb74ce88d2"], "conditions": [], "subjects": [],
    });
    client.admin("POST", "/applications?_action=create", &set);
    for name in [".", ".."] {
        let realm = json!({"name": name, "parentPath": "/", "active": true, "aliases": []});
        let aliased = json!({"name": "r", "parentPath": "/", "active": true, "aliases": [name]});
        let bundle = json!({"name": name, "policySets": ["a"]});
        for (path, body) in [
            ("/global-config/realms?_action=create", &realm),
            ("/global-config/realms?_action=create", &aliased),
            ("/realms?_action=create", &json!({"realm": name})),
            (
                "/realms?_action=create",
                &json!({"realm": "r", "sunOrganizationAliases": [name]}),
            ),
            ("/bundles?_action=create", &bundle),
        ] {
            let reply = client.admin_reply("POST", path, body);
            assert_eq!(reply.status, 400, "{path} {body}: {reply:?}");
        }
    }
    let dotted = json!({"name": "...", "parentPath": "/", "active": true, "aliases": ["a.b"]});
    client.admin("POST", "/global-config/realms?_action=create", &dotted);
    client.admin(
        "POST",
        "/bundles?_action=create",
        &json!({"name": "a..b", "policySets": ["a"]}),
    );
    let user = json!({"username": "u", "userpassword": PASSWORD});
    client.admin(
        "POST",
        "/realms/root/realms/.../users?_action=create",
        &user,
    );
}
