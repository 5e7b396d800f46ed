//! Elasticsearch's token API, request by request: those that seed 004 prints, and what goes wrong around them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod answers;
#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::{ADMINISTRATOR_PASSWORD, Client, PASSWORD, Reply, TestServer, basic};

const OLD: &str = "/_xpack/security/oauth2/token";
const NEW: &str = "/_security/oauth2/token";

/// A server with a user who may manage tokens by a group, and one who may not.
async fn server(more: &[(&'static str, toml::Value)]) -> TestServer {
    let server = TestServer::with(more).await;
    let mut client = server.client();
    for name in ["test_admin", "guest"] {
        let user = json!({"username": name, "userpassword": PASSWORD, "mail": ["x@example.com"]});
        client.admin("POST", "/users?_action=create", &user);
    }
    client.admin(
        "POST",
        "/groups?_action=create",
        &json!({"username": "operators"}),
    );
    let dn = client.admin("GET", "/users/test_admin", &Value::Null)["dn"][0].clone();
    client.admin("PUT", "/groups/operators", &json!({"uniqueMember": [dn]}));
    let mapping = json!({
        "name": "operators", "source": "LDAP", "value": "operators",
        "roles": ["/api/admin/configuration/v1/role/2/"],
    });
    let path = "/api/admin/configuration/v1/role_mapping/";
    let made = call(&client, "POST", path, &administrator(), &mapping);
    assert_eq!(made.status, 201, "{made:?}");
    server
}

fn administrator() -> String {
    basic("amadmin", ADMINISTRATOR_PASSWORD)
}

fn call(client: &Client, method: &str, path: &str, authorization: &str, body: &Value) -> Reply {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if !authorization.is_empty() {
        headers.push(("Authorization".to_owned(), authorization.to_owned()));
    }
    let text = (!body.is_null()).then(|| body.to_string());
    client.send(method, path, &headers, text.as_deref())
}

fn bearer(issued: &Value) -> String {
    format!("Bearer {}", issued["access_token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_seed() {
    let server = server(&[]).await;
    let client = server.client();
    let user = basic("test_admin", PASSWORD);

    // A token as the authenticated user: no refresh token comes with it.
    let own = call(
        &client,
        "POST",
        OLD,
        &user,
        &json!({"grant_type": "client_credentials"}),
    );
    assert_eq!(own.status, 200, "{own:?}");
    assert_eq!(own.header("x-elastic-product"), Some("Elasticsearch"));
    assert_eq!(own.header("cache-control"), Some("no-store"));
    let own = own.json();
    assert_eq!(
        (&own["type"], &own["expires_in"]),
        (&json!("Bearer"), &json!(1200))
    );
    assert_eq!((own.get("refresh_token"), own.get("scope")), (None, None));
    // It is used like this.
    let who = call(
        &client,
        "GET",
        "/_security/_authenticate",
        &bearer(&own),
        &Value::Null,
    );
    assert_eq!(who.status, 200, "{who:?}");
    assert_eq!(who.json()["username"], "test_admin");
    assert_eq!(who.json()["authentication_type"], "token");
    assert_eq!(
        who.json()["authentication_realm"],
        json!({"name": "native", "type": "native"})
    );

    // A token for a user's password, and its refresh.
    let grant = json!({"grant_type": "password", "username": "test_admin", "password": PASSWORD, "scope": "FULL"});
    let pair = call(&client, "POST", OLD, &user, &grant);
    assert_eq!(pair.status, 200, "{pair:?}");
    let pair = pair.json();
    assert_eq!(pair["scope"], "full");
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]});
    let next = call(&client, "POST", OLD, &user, &refresh);
    assert_eq!(next.status, 200, "{next:?}");
    let next = next.json();
    assert_ne!(next["refresh_token"], pair["refresh_token"]);
    assert_eq!(next["authentication"]["username"], "test_admin");
    for issued in [&pair, &next] {
        let who = call(
            &client,
            "GET",
            "/_security/_authenticate",
            &bearer(issued),
            &Value::Null,
        );
        assert_eq!(who.status, 200, "the old access token stays good: {who:?}");
    }
    // One time only: the second time ends the family, access tokens too.
    let again = call(&client, "POST", OLD, &user, &refresh);
    assert_eq!(again.status, 400, "{again:?}");
    assert_eq!(again.json()["error"], "invalid_grant");
    for issued in [&pair, &next] {
        let who = call(
            &client,
            "GET",
            "/_security/_authenticate",
            &bearer(issued),
            &Value::Null,
        );
        assert_eq!(who.status, 401, "{who:?}");
        assert!(
            who.header("www-authenticate")
                .unwrap()
                .contains("invalid_token")
        );
    }
    let heir = json!({"grant_type": "refresh_token", "refresh_token": next["refresh_token"]});
    assert_eq!(
        call(&client, "POST", NEW, &user, &heir).json()["error"],
        "invalid_grant"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn invalidation_counts() {
    let server = server(&[]).await;
    let client = server.client();
    let user = basic("test_admin", PASSWORD);
    let grant = json!({"grant_type": "password", "username": "guest", "password": PASSWORD});
    let pair = || call(&client, "POST", NEW, &user, &grant).json();
    let end = |body: &Value| {
        let reply = call(&client, "DELETE", NEW, &user, body);
        let json = reply.json();
        assert_eq!(json["error_count"], 0, "{body}: {reply:?}");
        let number = |name: &str| json[name].as_u64().unwrap();
        (
            reply.status,
            number("invalidated_tokens"),
            number("previously_invalidated_tokens"),
        )
    };
    let one = pair();
    let token = json!({"token": one["access_token"]});
    assert_eq!(end(&token), (200, 1, 0));
    assert_eq!(end(&token), (200, 0, 1));
    let refresh = json!({"refresh_token": one["refresh_token"]});
    assert_eq!(end(&refresh), (200, 1, 0));
    let spent = json!({"grant_type": "refresh_token", "refresh_token": one["refresh_token"]});
    let refused = call(&client, "POST", NEW, &user, &spent).json();
    assert_eq!(refused["error_description"], "token has been invalidated");
    // A user's tokens, each pair two; what was ended before counts apart.
    let (two, three) = (pair(), pair());
    assert_eq!(end(&json!({"username": "guest"})), (200, 4, 2));
    for issued in [&two, &three] {
        let who = call(
            &client,
            "GET",
            "/_security/_authenticate",
            &bearer(issued),
            &Value::Null,
        );
        assert_eq!(who.status, 401);
    }
    pair();
    assert_eq!(end(&json!({"realm_name": "saml"})), (200, 0, 0));
    assert_eq!(
        end(&json!({"realm_name": "native", "username": "nobody"})),
        (200, 0, 0)
    );
    assert_eq!(end(&json!({"realm_name": "native"})).1, 2);
    for unknown in [
        json!({"token": "garbage"}),
        json!({"refresh_token": "garbage"}),
    ] {
        assert_eq!(end(&unknown), (404, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_the_products_words() {
    let server = server(&[]).await;
    let client = server.client();
    let user = basic("test_admin", PASSWORD);
    let oauth = |body: &Value| {
        let reply = call(&client, "POST", NEW, &user, body);
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        reply.json()["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let grants = [
        (json!({}), "unsupported_grant_type"),
        (
            json!({"grant_type": "authorization_code"}),
            "unsupported_grant_type",
        ),
        (
            json!({"grant_type": "client_credentials", "username": "x"}),
            "unsupported_grant_type",
        ),
        (
            json!({"grant_type": "password", "username": "x"}),
            "invalid_request",
        ),
        (
            json!({"grant_type": "password", "password": "x"}),
            "invalid_request",
        ),
        (json!({"grant_type": "refresh_token"}), "invalid_request"),
        (
            json!({"grant_type": "refresh_token", "refresh_token": "x"}),
            "invalid_grant",
        ),
    ];
    for (body, error) in grants {
        assert_eq!(oauth(&body), error, "{body}");
    }
    let none = Value::Null;
    let wrong = json!({"grant_type": "password", "username": "guest", "password": "wrong-one"});
    let unknown = json!({"grant_type": "password", "username": "nobody", "password": "wrong-one"});
    let own = json!({"grant_type": "client_credentials"});
    let both = json!({"token": "a", "refresh_token": "b"});
    let mixed = json!({"token": "a", "username": "b"});
    let guest = basic("guest", PASSWORD);
    let mistaken = basic("guest", "wrong-one");
    let product = [
        ("POST", &user, &wrong, 401, "security_exception"),
        ("POST", &user, &unknown, 401, "security_exception"),
        ("POST", &guest, &own, 403, "security_exception"),
        ("POST", &mistaken, &own, 401, "security_exception"),
        ("DELETE", &guest, &both, 403, "security_exception"),
        ("DELETE", &user, &both, 400, "illegal_argument_exception"),
        ("DELETE", &user, &mixed, 400, "illegal_argument_exception"),
        ("DELETE", &user, &none, 400, "illegal_argument_exception"),
        ("PUT", &user, &own, 405, "illegal_argument_exception"),
    ];
    for (method, authorization, body, status, kind) in product {
        let reply = call(&client, method, NEW, authorization, body);
        assert_eq!(reply.status, status, "{method} {body}: {reply:?}");
        let json = reply.json();
        assert_eq!(json["error"]["type"], kind, "{json}");
        assert_eq!(json["error"]["root_cause"][0]["type"], kind);
        assert_eq!(json["status"], status);
        assert_eq!(
            reply.header("www-authenticate").is_some(),
            status == 401,
            "{reply:?}"
        );
    }
    let unknown_member = json!({"grant_type": "client_credentials", "colour": "red"});
    let number = json!({"grant_type": 1});
    for body in [unknown_member, number, json!([])] {
        let reply = call(&client, "POST", NEW, &user, &body);
        assert_eq!(
            (reply.status, reply.json()["status"].clone()),
            (400, json!(400)),
            "{body}"
        );
    }
    let no_one = call(&client, "POST", NEW, "", &own);
    assert_eq!(no_one.status, 401);
    assert!(
        no_one
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic realm=\"security\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_gets_no_more_than_itself() {
    let server = server(&[]).await;
    let client = server.client();
    // A client whose token is narrowed to managing tokens.
    let registration = json!({
        "client_name": "narrow", "scope": "policyserver.management manage_tokens", "grant_types": ["client_credentials"],
    });
    let made = call(
        &client,
        "POST",
        "/connect/register",
        &administrator(),
        &registration,
    )
    .json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=manage_tokens",
        text("client_id"),
        text("client_secret")
    );
    let headers = [(
        "Content-Type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )];
    let narrow = client
        .send("POST", "/connect/token", &headers, Some(&form))
        .json();
    let again = call(
        &client,
        "POST",
        NEW,
        &bearer(&narrow),
        &json!({"grant_type": "client_credentials"}),
    );
    assert_eq!(again.status, 200, "{again:?}");
    let roles = call(
        &client,
        "GET",
        "/_security/_authenticate",
        &bearer(&again.json()),
        &Value::Null,
    );
    assert_eq!(roles.json()["roles"], json!(["manage_tokens"]));
    let clients = "/api/admin/configuration/v1/oauth2_client/";
    assert_eq!(
        call(
            &client,
            "GET",
            clients,
            &bearer(&again.json()),
            &Value::Null
        )
        .status,
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_renews_itself() {
    let server = server(&[]).await;
    let client = server.client();
    let registration = json!({"client_name": "brief", "access_token_lifetime": 60});
    let path = "/connect/register";
    let made = call(&client, "POST", path, &administrator(), &registration).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let proof = basic(&text("client_id"), &text("client_secret"));
    let headers = [
        (
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        ),
        ("Authorization".to_owned(), proof),
    ];
    let form = Some("grant_type=client_credentials");
    let mut token = client.send("POST", "/connect/token", &headers, form).json();
    let mut left = token["expires_in"].as_u64().unwrap();
    assert_eq!(left, 60);
    // A user who shows a password gets more than that; whoever shows a token gets what is left of it at most.
    let grant = json!({"grant_type": "client_credentials"});
    for _ in 0..3 {
        let next = call(&client, "POST", NEW, &bearer(&token), &grant);
        assert_eq!(next.status, 200, "{next:?}");
        token = next.json();
        let lasts = token["expires_in"].as_u64().unwrap();
        assert!(lasts <= left, "{lasts} s from a token of {left} s");
        left = lasts;
    }
    let by_password = basic("test_admin", PASSWORD);
    let own = call(&client, "POST", NEW, &by_password, &grant).json();
    assert_eq!(own["expires_in"], 1200);
}

#[tokio::test(flavor = "multi_thread")]
async fn official_clients_find_what_they_look_for() {
    let server = server(&[("password_grant", false.into())]).await;
    let client = server.client();
    let user = basic("test_admin", PASSWORD);
    let root = call(&client, "GET", "/", &user, &Value::Null);
    assert_eq!(root.status, 200, "{root:?}");
    assert!(
        root.json()["version"]["number"]
            .as_str()
            .unwrap()
            .starts_with("8.")
    );
    assert_eq!(root.json()["tagline"], "You Know, for Search");
    for version in ["7", "8", "9"] {
        let media = format!("application/vnd.elasticsearch+json; compatible-with={version}");
        let headers = [
            ("Content-Type".to_owned(), media),
            ("Authorization".to_owned(), user.clone()),
        ];
        let body = r#"{"grant_type":"client_credentials"}"#;
        let reply = client.send("POST", NEW, &headers, Some(body));
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    for media in [
        "text/plain",
        "application/vnd.elasticsearch+json; compatible-with=6",
    ] {
        let headers = [
            ("Content-Type".to_owned(), media.to_owned()),
            ("Authorization".to_owned(), user.clone()),
        ];
        let reply = client.send("POST", NEW, &headers, Some("{}"));
        assert_eq!(reply.status, 406, "{media}: {reply:?}");
    }
    // The password grant is a setting.
    let grant = json!({"grant_type": "password", "username": "guest", "password": PASSWORD});
    let refused = call(&client, "POST", NEW, &user, &grant);
    assert_eq!(
        (refused.status, refused.json()["error"].clone()),
        (400, json!("unsupported_grant_type"))
    );
}
