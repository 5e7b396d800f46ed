//! The form endpoints: what they take, and every way of asking wrongly.

use serde_json::{Value, json};

use crate::support::{Client, Reply};
use crate::{
    ADMINISTRATOR_PASSWORD, Backend, Place, Registered, anything, basic, bearer, error, form,
    list_clients, on_both, post_form, registered,
};

on_both! {
    clients_get_what_they_are_registered_for wrong_requests_have_their_errors failures_are_throttled
    tokens_are_seen_and_ended_by_their_client registrations_are_checked documents_are_found
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn ask(client: &Client, registered: &Registered, more: &[(&str, &str)]) -> Reply {
    let mut parameters = vec![GRANT];
    parameters.extend_from_slice(more);
    post_form(client, "/connect/token", &[registered.basic()], &parameters)
}

async fn clients_get_what_they_are_registered_for(backend: Backend) {
    let place = Place::start(backend).await;
    let client = place.client();
    let both = registered(
        &client,
        &json!({"scope": "policyserver.management policyserver.runtime", "access_token_lifetime": 90}),
    );
    let management = "policyserver.management";
    let all = "policyserver.management policyserver.runtime";
    for (parameters, scope, audience) in [
        (vec![], all, json!([management, "policyserver.runtime"])),
        (vec![("scope", management)], management, json!(management)),
        (
            vec![("scope", "view_policies")],
            "view_policies",
            json!(management),
        ),
        (
            vec![("resource", management)],
            management,
            json!(management),
        ),
        (
            vec![
                ("resource", management),
                ("resource", "policyserver.runtime"),
            ],
            all,
            json!([management, "policyserver.runtime"]),
        ),
        (
            vec![("resource", &*format!("{}/management", place.issuer()))],
            management,
            json!(management),
        ),
        (
            vec![("scope", ""), ("unknown", "ignored")],
            all,
            json!([management, "policyserver.runtime"]),
        ),
    ] {
        let reply = ask(&client, &both, &parameters);
        assert_eq!(reply.status, 200, "{parameters:?}: {reply:?}");
        let json = reply.json();
        assert_eq!(
            (&json["token_type"], &json["expires_in"], &json["scope"]),
            (&json!("Bearer"), &json!(90), &json!(scope)),
            "{parameters:?}"
        );
        assert!(json.get("refresh_token").is_none());
        assert_eq!(
            claims(json["access_token"].as_str().unwrap())["aud"],
            audience,
            "{parameters:?}"
        );
        assert_eq!(reply.header("Cache-Control"), Some("no-store"));
        assert_eq!(reply.header("Pragma"), Some("no-cache"));
        assert_eq!(
            reply.header("Content-Type"),
            Some("application/json;charset=UTF-8")
        );
    }
    // By the body too, and with an imported secret whose spelling in Basic can be meant in two ways.
    let imported = registered(&client, &json!({"client_secret": "a+b%20c=d&e f/g:h"}));
    for headers in [
        basic(&imported.id, "a+b%20c=d&e f/g:h"),
        basic(&imported.id, "a%2Bb%2520c%3Dd%26e+f%2Fg%3Ah"),
    ] {
        assert_eq!(
            post_form(&client, "/token", &[headers], &[GRANT]).status,
            200
        );
    }
    let body = [
        GRANT,
        ("client_id", &*imported.id),
        ("client_secret", "a+b%20c=d&e f/g:h"),
    ];
    assert_eq!(post_form(&client, "/token", &[], &body).status, 200);
}

pub(crate) fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// A name for the case, headers, form, and the status and code of the answer.
type Wrong<'a> = (
    &'a str,
    Vec<(String, String)>,
    Vec<(&'a str, &'a str)>,
    u16,
    &'a str,
);

async fn wrong_requests_have_their_errors(backend: Backend) {
    let place = Place::with(backend, &[("failures_per_address", 0.into())]).await;
    let client = place.client();
    let runtime = registered(
        &client,
        &json!({"scope": "policyserver.runtime is_admin", "role": "Read-only"}),
    );
    let idle = registered(&client, &json!({"grant_types": []}));
    let (id, secret) = (runtime.id.as_str(), runtime.secret.as_str());
    let good = || vec![runtime.basic()];
    let own = [("client_id", id), ("client_secret", secret)];
    let assertion_type = (
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    );
    let html = || {
        vec![
            runtime.basic(),
            ("Accept".to_owned(), "text/html, */*;q=0.1".to_owned()),
        ]
    };
    let none: Vec<(String, String)> = Vec::new();
    let cases: Vec<Wrong> = vec![
        ("no grant", good(), vec![], 400, "invalid_request"),
        (
            "grant twice",
            good(),
            vec![GRANT, GRANT],
            400,
            "invalid_request",
        ),
        (
            "scope twice",
            good(),
            vec![GRANT, ("scope", "a"), ("scope", "b")],
            400,
            "invalid_request",
        ),
        (
            "id twice",
            none.clone(),
            vec![GRANT, own[0], own[0], own[1]],
            400,
            "invalid_request",
        ),
        (
            "password grant",
            good(),
            vec![
                ("grant_type", "password"),
                ("username", "amadmin"),
                ("password", ADMINISTRATOR_PASSWORD),
            ],
            400,
            "unsupported_grant_type",
        ),
        (
            "refresh grant",
            good(),
            vec![("grant_type", "refresh_token"), ("refresh_token", "x")],
            400,
            "unsupported_grant_type",
        ),
        (
            "code grant",
            good(),
            vec![("grant_type", "authorization_code"), ("code", "x")],
            400,
            "unsupported_grant_type",
        ),
        (
            "grant in another case",
            good(),
            vec![("grant_type", "Client_Credentials")],
            400,
            "unsupported_grant_type",
        ),
        (
            "a client without grants",
            vec![idle.basic()],
            vec![GRANT],
            400,
            "unauthorized_client",
        ),
        (
            "unknown scope",
            good(),
            vec![GRANT, ("scope", "policyserver.runtime everything")],
            400,
            "invalid_scope",
        ),
        (
            "scope of no registration",
            good(),
            vec![GRANT, ("scope", "policyserver.management")],
            400,
            "invalid_scope",
        ),
        (
            "permission of no registration",
            good(),
            vec![GRANT, ("scope", "change_policies")],
            400,
            "invalid_scope",
        ),
        (
            "unknown resource",
            good(),
            vec![GRANT, ("resource", "https://elsewhere.example")],
            400,
            "invalid_target",
        ),
        (
            "resource of another scope",
            good(),
            vec![
                GRANT,
                ("scope", "is_admin"),
                ("resource", "policyserver.runtime"),
            ],
            400,
            "invalid_target",
        ),
        (
            "basic and secret",
            good(),
            vec![GRANT, own[0], own[1]],
            400,
            "invalid_request",
        ),
        (
            "basic and assertion",
            good(),
            vec![GRANT, assertion_type, ("client_assertion", "x")],
            400,
            "invalid_request",
        ),
        (
            "secret and assertion",
            none.clone(),
            vec![
                GRANT,
                own[0],
                own[1],
                assertion_type,
                ("client_assertion", "x"),
            ],
            400,
            "invalid_request",
        ),
        (
            "assertion without type",
            none.clone(),
            vec![GRANT, ("client_assertion", "x")],
            400,
            "invalid_request",
        ),
        (
            "unknown assertion type",
            none.clone(),
            vec![
                GRANT,
                ("client_assertion_type", "saml"),
                ("client_assertion", "x"),
            ],
            400,
            "invalid_request",
        ),
        (
            "basic and another id",
            good(),
            vec![GRANT, ("client_id", "other")],
            400,
            "invalid_request",
        ),
        (
            "secret without id",
            none.clone(),
            vec![GRANT, own[1]],
            400,
            "invalid_request",
        ),
        (
            "id without secret",
            none.clone(),
            vec![GRANT, own[0]],
            400,
            "invalid_client",
        ),
        (
            "wrong secret",
            none.clone(),
            vec![GRANT, own[0], ("client_secret", "wrong")],
            400,
            "invalid_client",
        ),
        (
            "unknown client",
            none.clone(),
            vec![GRANT, ("client_id", "nobody"), own[1]],
            400,
            "invalid_client",
        ),
        (
            "wrong basic",
            vec![basic(id, "wrong")],
            vec![GRANT],
            401,
            "invalid_client",
        ),
        (
            "empty basic",
            vec![basic("", "")],
            vec![GRANT],
            401,
            "invalid_client",
        ),
        (
            "id in another case",
            vec![basic(&id.to_uppercase(), secret)],
            vec![GRANT],
            if id.to_uppercase() == id { 200 } else { 401 },
            "invalid_client",
        ),
        ("nothing", none.clone(), vec![GRANT], 401, "invalid_client"),
        (
            "a bearer token as proof",
            vec![bearer("x")],
            vec![GRANT],
            401,
            "invalid_client",
        ),
        (
            "damaged basic",
            vec![("Authorization".into(), "Basic !!".into())],
            vec![GRANT],
            401,
            "invalid_client",
        ),
        (
            "two headers",
            vec![runtime.basic(), runtime.basic()],
            vec![GRANT],
            400,
            "invalid_request",
        ),
        (
            "an administrator",
            vec![basic("amadmin", ADMINISTRATOR_PASSWORD)],
            vec![GRANT],
            401,
            "invalid_client",
        ),
        (
            "for a browser",
            html(),
            vec![GRANT, ("scope", "everything")],
            400,
            "invalid_scope",
        ),
    ];
    for (name, headers, parameters, status, code) in &cases {
        let reply = post_form(&client, "/connect/token", headers, parameters);
        if *status == 200 {
            continue;
        }
        assert_eq!(
            error(&reply),
            (*status, (*code).to_owned()),
            "{name}: {reply:?}"
        );
        assert_eq!(reply.header("Cache-Control"), Some("no-store"), "{name}");
        assert_eq!(
            reply.header("Content-Type"),
            Some("application/json;charset=UTF-8"),
            "{name}"
        );
        let challenge = reply.header("WWW-Authenticate").unwrap_or_default();
        assert_eq!(
            challenge.starts_with("Basic realm="),
            *status == 401,
            "{name}: {challenge}"
        );
    }
    // Unknown and known clients are not told apart.
    let unknown = post_form(&client, "/token", &[basic("nobody", "x")], &[GRANT]);
    let wrong = post_form(&client, "/token", &[basic(id, "x")], &[GRANT]);
    assert_eq!(unknown.text, wrong.text);
    println!("{} wrong requests had their errors", cases.len());
    other_shapes(&client, &runtime);
}

/// Requests that are no forms, or too much of one.
fn other_shapes(client: &Client, registered: &Registered) {
    let send = |path: &str, content_type: &str, body: &str| {
        let headers = [
            ("Content-Type".to_owned(), content_type.to_owned()),
            registered.basic(),
        ];
        client.send("POST", path, &headers, Some(body))
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    let good = form(&[GRANT]);
    let json = send(
        "/connect/token",
        "application/json",
        r#"{"grant_type":"client_credentials"}"#,
    );
    assert_eq!(error(&json), (400, "invalid_request".into()));
    let query = send("/connect/token?a=b&client%5Fsecret=x", FORM, &good);
    assert_eq!(error(&query), (400, "invalid_request".into()));
    let query = send("/connect/token?client_secret=x", FORM, &good);
    assert_eq!(error(&query), (400, "invalid_request".into()));
    let no_text = send("/connect/token", FORM, &format!("{good}&scope=%ff"));
    assert_eq!(error(&no_text), (400, "invalid_request".into()));
    let many = send(
        "/connect/token",
        FORM,
        &format!("{good}{}", "&a=b".repeat(100)),
    );
    assert_eq!(error(&many), (400, "invalid_request".into()));
    let large = send(
        "/connect/token",
        FORM,
        &format!("{good}&a={}", "x".repeat(70_000)),
    );
    assert_eq!(error(&large), (413, "invalid_request".into()));
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        for path in [
            "/connect/token",
            "/token",
            "/connect/introspect",
            "/connect/revocation",
            "/connect/register",
        ] {
            let reply = client.send(method, path, &[registered.basic()], None);
            assert_eq!(
                (reply.status, reply.header("Allow")),
                (405, Some("POST")),
                "{method} {path}"
            );
            assert_eq!(
                reply.header("Cache-Control"),
                Some("no-store"),
                "{method} {path}"
            );
        }
    }
}

async fn failures_are_throttled(backend: Backend) {
    let place = Place::with(backend, &[("failures_per_address", 5.into())]).await;
    let client = place.client();
    let registered = registered(&client, &anything());
    // Successes do not count.
    for _ in 0..8 {
        assert_eq!(ask(&client, &registered, &[]).status, 200);
    }
    for n in 0..5 {
        let wrong = post_form(&client, "/token", &[basic(&format!("c{n}"), "x")], &[GRANT]);
        assert_eq!(wrong.status, 401, "{n}");
    }
    let refused = ask(&client, &registered, &[]);
    assert_eq!(refused.status, 429, "{refused:?}");
    let seconds: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(refused.header("Cache-Control"), Some("no-store"));
    // Passwords of users are guarded by the same count.
    let headers = [
        basic("amadmin", ADMINISTRATOR_PASSWORD),
        ("Content-Type".into(), "application/json".into()),
    ];
    let reply = client.send("POST", "/connect/register", &headers, Some("{}"));
    assert_eq!(reply.status, 429, "{reply:?}");
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
    for headers in [vec![], vec![bearer(&token)], vec![basic(&own.id, "wrong")]] {
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

async fn documents_are_found(backend: Backend) {
    let place = Place::with(
        backend,
        &[("public_url", "https://pdp.example.org/base/".into())],
    )
    .await;
    let client = place.client();
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let reply = client.send("GET", path, &[], None);
        let document = reply.json();
        assert_eq!(reply.status, 200);
        assert_eq!(document["issuer"], "https://pdp.example.org/base");
        assert_eq!(
            document["token_endpoint"],
            "https://pdp.example.org/base/connect/token"
        );
        assert_eq!(
            document["grant_types_supported"],
            json!(["client_credentials"])
        );
        assert!(document.get("authorization_endpoint").is_none());
        let algorithms = document["token_endpoint_auth_signing_alg_values_supported"]
            .as_array()
            .unwrap();
        assert!(
            !algorithms
                .iter()
                .any(|alg| alg == "none" || alg.as_str().unwrap().starts_with("HS"))
        );
    }
    let registered = registered(&client, &anything());
    let token = registered.token(&client, "policyserver.management");
    assert_eq!(claims(&token)["iss"], "https://pdp.example.org/base");
    assert_eq!(list_clients(&client, &token).status, 200);
}
