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
