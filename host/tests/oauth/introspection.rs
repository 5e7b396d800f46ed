//! Tokens are seen and ended by whom they concern (RFC 7662, RFC 7009).

use serde_json::json;

use crate::jwt::claims;
use crate::{
    Backend, Place, Registered, anything, basic, bearer, error, list_clients, on_both, post_form,
    registered,
};

on_both! {
    tokens_are_seen_and_ended_by_their_client
}

async fn tokens_are_seen_and_ended_by_their_client(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    let role = client.admin(
        "POST",
        "/global-config/roles?_action=create",
        &json!({"name": "Auditors", "permissions": ["introspect_all"]}),
    );
    let (own, other) = (
        registered(&client, &anything()),
        registered(&client, &anything()),
    );
    let auditor = registered(
        &client,
        &json!({"role": role["_id"].as_str().unwrap().parse::<u32>().unwrap()}),
    );
    let token = own.token(&client, "policyserver.management");
    let see = |who: &Registered, token: &str| {
        post_form(
            &client,
            "/connect/introspect",
            &[who.basic()],
            &[("token", token), ("token_type_hint", "nonsense")],
        )
    };
    let seen = see(&own, &token).json();
    let expected = claims(&token);
    for claim in ["iss", "sub", "client_id", "exp", "iat", "jti", "scope"] {
        assert_eq!(seen[claim], expected[claim], "{claim}: {seen}");
    }
    assert_eq!(
        (&seen["active"], &seen["token_type"]),
        (&json!(true), &json!("Bearer"))
    );
    assert_eq!(see(&auditor, &token).json()["active"], true);
    for (who, token) in [(&other, token.as_str()), (&own, "garbage"), (&own, "a.b.c")] {
        assert_eq!(see(who, token).text, r#"{"active":false}"#);
    }
    let missing = post_form(&client, "/connect/introspect", &[own.basic()], &[]);
    assert_eq!(error(&missing), (400, "invalid_request".into()));
    // By a Bearer token too: its own client's tokens, or all; a bad one is refused as RFC 6750 says.
    let by_bearer = |proof: &str, token: &str| {
        post_form(
            &client,
            "/connect/introspect",
            &[bearer(proof)],
            &[("token", token)],
        )
    };
    let others = other.token(&client, "policyserver.management");
    let all = auditor.token(&client, "policyserver.management");
    for (proof, seen, active) in [
        (&token, &token, true),
        (&others, &token, false),
        (&all, &token, true),
    ] {
        let reply = by_bearer(proof, seen);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["active"], active);
    }
    let bad = by_bearer("x.y.z", &token);
    assert_eq!(error(&bad), (401, "invalid_token".into()));
    let challenge = bad.header("WWW-Authenticate").unwrap();
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    let twice = post_form(
        &client,
        "/connect/introspect",
        &[bearer(&token)],
        &[
            ("token", &token),
            ("client_id", &own.id),
            ("client_secret", &own.secret),
        ],
    );
    assert_eq!(error(&twice), (400, "invalid_request".into()));
    for headers in [vec![], vec![basic(&own.id, "wrong")]] {
        let reply = post_form(
            &client,
            "/connect/introspect",
            &headers,
            &[("token", &token)],
        );
        assert_eq!(error(&reply), (401, "invalid_client".into()));
        assert!(reply.header("WWW-Authenticate").is_some());
    }

    let end = |who: &Registered, token: &str| {
        post_form(
            &client,
            "/connect/revocation",
            &[who.basic()],
            &[("token", token)],
        )
    };
    assert_eq!(
        error(&end(&other, &token)),
        (400, "unauthorized_client".into())
    );
    assert_eq!(
        see(&own, &token).json()["active"],
        true,
        "nothing was revoked"
    );
    assert_eq!(list_clients(&client, &token).status, 200);
    for token in [token.as_str(), token.as_str(), "garbage"] {
        let reply = end(&own, token);
        assert_eq!((reply.status, reply.text.as_str()), (200, ""), "{token}");
    }
    assert_eq!(see(&own, &token).text, r#"{"active":false}"#);
    assert_eq!(list_clients(&client, &token).status, 401);
    let second = own.token(&client, "policyserver.management");
    assert_eq!(
        list_clients(&client, &second).status,
        200,
        "only the one was revoked"
    );
    assert_eq!(end(&auditor, &second).status, 200);
    assert_eq!(list_clients(&client, &second).status, 401);
}
