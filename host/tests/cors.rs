//! Browsers on other origins.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use support::{Client, Reply, TestServer};

fn send(client: &Client, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    client.send(method, path, &headers, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_origins_may_call_with_credentials_and_others_may_not() {
    let origins = toml::Value::Array(vec!["https://app.example".into()]);
    let server = TestServer::with(&[("cors_origins", origins)]).await;
    let client = server.client();
    tokio::task::spawn_blocking(move || {
        let authenticate = "/am/json/realms/root/authenticate";
        let asked = ("Access-Control-Request-Method", "POST");
        let preflight = send(
            &client,
            "OPTIONS",
            authenticate,
            &[("Origin", "https://app.example"), asked],
        );
        assert_eq!(preflight.status, 204);
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            Some("https://app.example")
        );
        assert_eq!(
            preflight.header("access-control-allow-credentials"),
            Some("true")
        );
        let headers = preflight.header("access-control-allow-headers").unwrap();
        for name in [
            "accept-api-version",
            "content-type",
            "x-requested-with",
            "x-requested-platform",
            "iplanetdirectorypro",
        ] {
            assert!(headers.contains(name), "{name}: {headers}");
        }
        assert!(
            preflight
                .header("access-control-allow-methods")
                .unwrap()
                .contains("PUT")
        );
        let info = send(
            &client,
            "GET",
            "/am/json/serverinfo/*",
            &[("Origin", "https://app.example")],
        );
        assert_eq!(info.status, 200);
        assert_eq!(
            info.header("access-control-allow-origin"),
            Some("https://app.example")
        );
        assert_eq!(info.header("vary"), Some("Origin"));
        // Errors can be read, too.
        let refused = send(
            &client,
            "GET",
            "/am/json/policies?_queryFilter=true",
            &[("Origin", "https://app.example")],
        );
        assert_eq!(
            (
                refused.status,
                refused.header("access-control-allow-credentials")
            ),
            (401, Some("true"))
        );
        for other in [
            "https://evil.example",
            "https://app.example.evil.example",
            "null",
            "http://app.example",
        ] {
            let preflight = send(
                &client,
                "OPTIONS",
                authenticate,
                &[("Origin", other), asked],
            );
            assert_eq!(
                preflight.header("access-control-allow-origin"),
                None,
                "{other}"
            );
            let info = send(
                &client,
                "GET",
                "/am/json/serverinfo/*",
                &[("Origin", other)],
            );
            assert_eq!(
                (info.status, info.header("access-control-allow-origin")),
                (200, None),
                "{other}"
            );
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_origin_is_allowed_unless_configured() {
    let server = TestServer::start().await;
    let client = server.client();
    tokio::task::spawn_blocking(move || {
        let info = send(
            &client,
            "GET",
            "/am/json/serverinfo/*",
            &[("Origin", "https://app.example")],
        );
        assert_eq!(
            (info.status, info.header("access-control-allow-origin")),
            (200, None)
        );
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_has_no_cookie() {
    let home = "https://app.example";
    let origins = toml::Value::Array(vec![home.into()]);
    let server = TestServer::with(&[("cors_origins", origins)]).await;
    let mut client = server.client();
    let token = client.token("amadmin");
    let ask = |proof: &str, origin: Option<&str>| {
        let (name, value) = match proof {
            "cookie" => ("Cookie", format!("iPlanetDirectoryPro={token}")),
            _ => ("iPlanetDirectoryPro", token.clone()),
        };
        let mut headers = vec![(name.to_owned(), value)];
        headers.extend(origin.map(|origin| ("Origin".to_owned(), origin.to_owned())));
        let path = "/am/json/users?_action=idFromSession";
        client.send("POST", path, &headers, None).status
    };
    // The host that the client names is `test.example`.
    for (proof, origin, status) in [
        ("cookie", None, 200),
        ("cookie", Some(home), 200),
        ("cookie", Some("http://test.example"), 200),
        ("cookie", Some("https://evil.example"), 401),
        ("cookie", Some("null"), 401),
        ("cookie", Some("http://test.example.evil.example"), 401),
        // A page elsewhere cannot set a header without a preflight, which it is not granted.
        ("header", Some("https://evil.example"), 200),
    ] {
        assert_eq!(ask(proof, origin), status, "{proof} {origin:?}");
    }
}
