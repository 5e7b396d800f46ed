//! Registering clients (RFC 7591).

use serde_json::json;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::{
    ADMINISTRATOR_PASSWORD, Backend, Place, anything, basic, bearer, error, eventually, on_both,
    post_form, registered,
};

on_both! {
    registrations_are_checked what_was_stored_is_told
}

/// The store has a realm that nobody can read, so nothing that is written is live: neither what cannot be understood, nor,
/// on SQLite, what the database itself cannot give.
async fn what_was_stored_is_told(backend: Backend) {
    let place = Place::start(backend).await;
    let client = place.client();
    let mut bodies = vec!["'x'"];
    if backend == Backend::Sqlite {
        bodies.push("x'ff'");
    }
    for body in bodies {
        let sql = format!(
            "INSERT INTO objects (realm, kind, key, name_key, name, owner, body, created_by, created_at, modified_by, \
             modified_at, revision) SELECT '', 'realm', '/spoilt', '/spoilt', '/spoilt', '', {body}, '', 0, '', 0, \
             number + 1 FROM counter; UPDATE counter SET previous = number, number = number + 1"
        );
        run(&place, sql).await;
        let made = registered(&client, &anything());
        assert!(!made.secret.is_empty());
        let mend = "DELETE FROM objects WHERE key = '/spoilt'; UPDATE counter SET previous = number, number = number + 1";
        run(&place, mend.to_owned()).await;
        let grant = [("grant_type", "client_credentials")];
        eventually(|| post_form(&client, "/connect/token", &[made.basic()], &grant).status == 200);
    }
}

/// Runs statements behind the server's back.
async fn run(place: &Place, sql: String) {
    let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
    if place.database.is_empty() {
        let file = place.server.folder.path().join("assize.db");
        let url = format!("sqlite://{}", file.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sql.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let mut connection = PgConnection::connect(&place.database).await.unwrap();
        sql.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
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
