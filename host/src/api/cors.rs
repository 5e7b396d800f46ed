//! Browsers on other origins (Fetch standard, "CORS protocol"): the JavaScript SDK of AM calls with credentials, so an
//! origin is answered by its exact name, and only where it is configured. Without configured origins none of this runs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::middleware::Next;

use crate::app::App;

/// What the SDK and AM's REST clients send (`clients.md` §11); the cookie's header is added to it.
const HEADERS: &str = "accept-api-version, authorization, content-type, if-match, if-none-match, x-openam-username, \
    x-openam-password, x-requested-with, x-requested-platform, x-http-method-override";
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
const EXPOSED: &str = "assize-bundle, content-api-version, etag, location, www-authenticate";
/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "600";

/// Whether a configured origin is one: a scheme, a host, perhaps a port, and nothing after it.
pub(crate) fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && !host.contains(['/', '*', '?', '#', '@', ' ']) && host.is_ascii()
    })
}

/// Answers preflights of configured origins, and lets them read what others answer.
pub(crate) async fn layer(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let origin = request.headers().get(ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        let known = &app.config.cors_origins;
        origin
            .to_str()
            .is_ok_and(|origin| known.iter().any(|one| one == origin))
    });
    let preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (&allowed, preflight) {
        (Some(_), true) => preflighted(&app),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    // What is answered depends on who asks, also where nothing is allowed.
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
    }
    response
}

fn preflighted(app: &App) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let names = format!("{HEADERS}, {}", app.config.cookie_name.to_lowercase());
    if let Ok(names) = HeaderValue::from_str(&names) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(METHODS),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for good in [
            "https://app.example",
            "http://localhost:8443",
            "https://[::1]:1",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "*",
            "https://*",
            "https://a.example/",
            "app.example",
            "https://",
            "null",
            "",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
