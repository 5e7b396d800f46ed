//! Registering clients (RFC 7591).

use serde_json::json;

use crate::{
    ADMINISTRATOR_PASSWORD, Backend, Place, anything, basic, bearer, error, on_both, registered,
};

on_both! {
    registrations_are_checked
}

async fn registrations_are_checked(backend: Backend) {
    let place = Place::start(backend).await;
    let client = place.client();
    let admin = || basic("amadmin", ADMINISTRATOR_PASSWORD);
    let send = |headers: &[(String, String)], body: &str| {
        let mut all = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        all.extend_from_slice(headers);
        client.send("POST", "/connect/register", &all, Some(body))
    };
    for headers in [
        vec![],
        vec![basic("amadmin", "wrong")],
        vec![basic("nobody", "x")],
        vec![bearer("x")],
    ] {
        let reply = send(&headers, "{}");
        assert_eq!(reply.status, 401, "{reply:?}");
        assert!(reply.header("WWW-Authenticate").is_some(), "{reply:?}");
    }
    let ec = crate::jwt::Key::ec().jwk;
    let named = || {
        let mut jwk = crate::jwt::Key::ec().jwk;
        jwk["kid"] = "one".into();
        jwk
    };
    let mut private = ec.clone();
    private["d"] = "x".into();
    for (member, body) in [
        ("client_id", json!({"client_id": "chosen"})),
        ("client_name", json!({"client_name": 7})),
        ("client_name", json!({"client_name": "x".repeat(101)})),
        ("client_name", json!({"client_name": "a\nb"})),
        ("grant_types", json!({"grant_types": ["password"]})),
        ("grant_types", json!({"grant_types": "client_credentials"})),
        (
            "token_endpoint_auth_method",
            json!({"token_endpoint_auth_method": "none"}),
        ),
        (
            "token_endpoint_auth_method",
            json!({"token_endpoint_auth_method": "client_secret_jwt"}),
        ),
        (
            "token_endpoint_auth_signing_alg",
            json!({"jwks": {"keys": [ec]}, "token_endpoint_auth_signing_alg": "HS256"}),
        ),
        (
            "token_endpoint_auth_signing_alg",
            json!({"jwks": {"keys": [ec]}, "token_endpoint_auth_signing_alg": "RS256"}),
        ),
        (
            "token_endpoint_auth_signing_alg",
            json!({"token_endpoint_auth_signing_alg": "ES256"}),
        ),
        (
            "jwks",
            json!({"token_endpoint_auth_method": "private_key_jwt"}),
        ),
        ("jwks", json!({"jwks": {"keys": []}})),
        ("jwks", json!({"jwks": {"keys": vec![ec.clone(); 9]}})),
        ("jwks", json!({"jwks": {"keys": [private]}})),
        ("jwks", json!({"jwks": {"keys": [named(), named()]}})),
        (
            "jwks",
            json!({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}),
        ),
        (
            "jwks",
            json!({"jwks": {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}}),
        ),
        ("jwks_uri", json!({"jwks_uri": "https://keys.example"})),
        (
            "scope",
            json!({"scope": "policyserver.management everything"}),
        ),
        ("client_secret", json!({"client_secret": "short"})),
        ("client_secret", json!({"client_secret": "0123456789abcdé"})),
        (
            "client_secret",
            json!({"jwks": {"keys": [ec]}, "client_secret": "0123456789abcdef"}),
        ),
        ("role", json!({"role": 99})),
        ("access_token_lifetime", json!({"access_token_lifetime": 0})),
        (
            "access_token_lifetime",
            json!({"access_token_lifetime": 86_401}),
        ),
    ] {
        let reply = send(&[admin()], &body.to_string());
        assert_eq!(
            error(&reply),
            (400, "invalid_client_metadata".into()),
            "{body}"
        );
        let said = reply.json()["error_description"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(said.starts_with(&format!("/{member}:")), "{body}: {said}");
    }
    for body in ["[]", "7", "{", ""] {
        assert_eq!(
            error(&send(&[admin()], body)),
            (400, "invalid_client_metadata".into()),
            "{body:?}"
        );
    }
    let reply = send(
        &[admin()],
        r#"{"client_name":"Ünïcode","redirect_uris":["ignored"]}"#,
    );
    assert_eq!(
        (reply.status, reply.header("Cache-Control")),
        (201, Some("no-store"))
    );
    let made = reply.json();
    assert_eq!(
        (&made["client_secret_expires_at"], &made["client_name"]),
        (&json!(0), &json!("Ünïcode"))
    );
    // A token may register too, as far as its own permissions go.
    let writer = registered(&client, &anything());
    let token = writer.token(&client, "policyserver.management");
    assert_eq!(send(&[bearer(&token)], "{}").status, 201);
    let narrow = writer.token(&client, "change_clients");
    let refused = send(&[bearer(&narrow)], "{}");
    assert_eq!(error(&refused), (403, "access_denied".into()));
    assert_eq!(send(&[bearer(&narrow)], r#"{"role":null}"#).status, 201);
    let reader = registered(&client, &json!({"role": "Read-only"}));
    let token = reader.token(&client, "policyserver.management");
    let refused = send(&[bearer(&token)], "{}");
    assert_eq!(error(&refused), (403, "insufficient_scope".into()));
}
