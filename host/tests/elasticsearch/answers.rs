//! Who is shown, who is known by which name, and what monitors see.

use serde_json::{Value, json};

use crate::support::{ADMINISTRATOR_PASSWORD, PASSWORD, basic};
use crate::{NEW, OLD, administrator, bearer, call, server};

/// Whoever redeems a refresh token is shown whom the tokens are for; once it is used, the text says for how long a repeat
/// would have been answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_about_the_tokens_user() {
    let server = server(&[("refresh_grace_seconds", 1.into())]).await;
    let client = server.client();
    let grant = json!({"grant_type": "password", "username": "guest", "password": PASSWORD});
    let pair = call(&client, "POST", NEW, &administrator(), &grant).json();
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]});
    let first = call(&client, "POST", NEW, &administrator(), &refresh).json();
    let repeat = call(&client, "POST", NEW, &administrator(), &refresh).json();
    assert_eq!(first["access_token"], repeat["access_token"]);
    for answer in [&first, &repeat] {
        let who = &answer["authentication"];
        assert_eq!(who["username"], "guest");
        assert_eq!(who["authentication_type"], "token");
        assert_eq!(who["roles"], json!([]));
    }
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let late = call(&client, "POST", NEW, &administrator(), &refresh);
    assert_eq!(
        late.json(),
        json!({
            "error": "invalid_grant",
            "error_description": "token has already been refreshed more than 1 seconds in the past",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_spelled_as_they_are() {
    let server = server(&[]).await;
    let client = server.client();
    let own = json!({"grant_type": "client_credentials"});
    for (name, password) in [
        ("Test_Admin", PASSWORD),
        ("AmAdmin", ADMINISTRATOR_PASSWORD),
    ] {
        let refused = call(&client, "POST", NEW, &basic(name, password), &own);
        assert_eq!(refused.status, 401, "{name}: {refused:?}");
    }
    let grant =
        |name: &str| json!({"grant_type": "password", "username": name, "password": PASSWORD});
    let user = basic("test_admin", PASSWORD);
    let other = call(&client, "POST", NEW, &user, &grant("Guest"));
    assert_eq!(other.status, 401, "{other:?}");
    assert_eq!(
        call(&client, "POST", NEW, &user, &grant("guest")).status,
        200
    );
    for (name, ended) in [("GUEST", 0), ("guest", 2)] {
        let reply = call(&client, "DELETE", NEW, &user, &json!({"username": name}));
        assert_eq!(reply.json()["invalidated_tokens"], ended, "{name}");
    }
    // AM finds the same user whatever the case.
    assert_eq!(client.log_in("", "Test_Admin", PASSWORD).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_token_opens_the_health() {
    let server = server(&[]).await;
    let client = server.client();
    let own = json!({"grant_type": "client_credentials"});
    let token = call(&client, "POST", OLD, &basic("test_admin", PASSWORD), &own).json();
    let health = |authorization: &str| {
        let reply = call(
            &client,
            "GET",
            "/_cluster/health",
            authorization,
            &Value::Null,
        );
        assert_eq!(reply.header("x-elastic-product"), Some("Elasticsearch"));
        reply
    };
    let healthy = health(&bearer(&token));
    assert_eq!(healthy.status, 200, "{healthy:?}");
    let healthy = healthy.json();
    assert_eq!(
        (
            &healthy["status"],
            &healthy["timed_out"],
            &healthy["number_of_nodes"]
        ),
        (&json!("green"), &json!(false), &json!(1))
    );
    assert_eq!(health("").status, 401);
    let refused = health(&basic("guest", PASSWORD));
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.json()["error"]["type"], "security_exception");
    let unknown = call(&client, "GET", "/_nowhere/x", "", &Value::Null);
    assert_eq!(unknown.status, 400, "{unknown:?}");
    assert_eq!(unknown.header("x-elastic-product"), Some("Elasticsearch"));
    assert_eq!(
        unknown.json()["error"],
        "no handler found for uri [/_nowhere/x] and method [GET]"
    );
    // A slash at the end makes no other address.
    let slash = format!("{NEW}/");
    let user = basic("test_admin", PASSWORD);
    assert_eq!(call(&client, "POST", &slash, &user, &own).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_that_are_not_taken_are_not_asked_for() {
    let server = server(&[]).await;
    let client = server.client();
    let challenges = || {
        let who = "/_security/_authenticate";
        let reply = call(&client, "GET", who, "", &Value::Null);
        assert_eq!(reply.status, 401, "{reply:?}");
        reply.header("www-authenticate").unwrap().to_owned()
    };
    assert!(challenges().starts_with("Basic "));
    let own = json!({"grant_type": "client_credentials"});
    let token = call(&client, "POST", NEW, &administrator(), &own).json();
    let authentication = "/api/admin/configuration/v1/authentication/1/";
    let off = json!({"api_oauth2_disable_basic": true});
    let changed = call(&client, "PATCH", authentication, &administrator(), &off);
    assert_eq!(changed.status, 202, "{changed:?}");
    assert!(challenges().starts_with("Bearer "));
    let wrong = json!({"grant_type": "password", "username": "guest", "password": "wrong-one"});
    let refused = call(&client, "POST", NEW, &bearer(&token), &wrong);
    assert_eq!(refused.status, 401, "{refused:?}");
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer "), "{challenge}");
}
