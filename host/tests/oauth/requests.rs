//! The token endpoint: what it takes, and every way of asking wrongly.

use serde_json::json;

use crate::jwt::claims;
use crate::support::{Client, Reply};
use crate::{
    ADMINISTRATOR_PASSWORD, Backend, Place, Registered, anything, basic, bearer, error, form,
    on_both, post_form, registered,
};

on_both! {
    clients_get_what_they_are_registered_for wrong_requests_have_their_errors failures_are_throttled
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
    // What is left of a registration after the role became narrower never means more than the registration.
    let narrow = registered(
        &client,
        &json!({"scope": "policyserver.management change_policies", "role": "Read-only"}),
    );
    let refused = ask(&client, &narrow, &[]);
    assert_eq!(error(&refused), (400, "invalid_scope".into()));
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
            401,
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
    // One token in one place; how many blanks stand before it says nothing.
    let token = registered.token(client, "is_admin");
    let listed = |authorization: String, query: &str| {
        let path = format!("/am/json/global-config/roles?_queryFilter=true{query}");
        let headers = [("Authorization".to_owned(), authorization)];
        client.send("GET", &path, &headers, None).status
    };
    assert_eq!(listed(format!("Bearer {token}"), ""), 200);
    assert_eq!(listed(format!("Bearer  {token}"), ""), 200);
    assert_eq!(listed(format!("Bearer {token}"), "&access_token=x"), 400);
    assert_eq!(listed(format!("Bearer {token} {token}"), ""), 400);
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
