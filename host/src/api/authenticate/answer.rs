//! What a log-in is answered with when nothing is wrong with it.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use super::super::Call;
use super::super::answer::json_response;
use super::super::goto;
use crate::app::App;
use crate::publish::LiveRealm;

/// The answer to a log-in request.
pub(super) enum LoginAnswer {
    /// Fill these in, and send them back.
    Callbacks(Value),
    Token {
        token: String,
        body: Value,
    },
    /// `noSession=true`: the credentials are right, and that is all.
    Checked(Value),
}

impl LoginAnswer {
    pub(super) fn into_response(self, app: &App, served: &'static str) -> Response<Body> {
        let (body, cookies) = match self {
            LoginAnswer::Callbacks(body) | LoginAnswer::Checked(body) => (body, Vec::new()),
            LoginAnswer::Token { token, body } => (body, cookies(app, &token)),
        };
        let mut response =
            json_response(StatusCode::OK, body.to_string().into_bytes(), Some(served));
        let headers = response.headers_mut();
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-store, must-revalidate"),
        );
        for cookie in cookies {
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                headers.append(SET_COOKIE, cookie);
            }
        }
        response
    }
}

fn cookies(app: &App, token: &str) -> Vec<String> {
    let mut tail = "; Path=/".to_owned();
    if !app.config.cookie_domain.is_empty() {
        tail.push_str(&format!("; Domain={}", app.config.cookie_domain));
    }
    if app.config.secure_cookies() {
        tail.push_str("; Secure");
    }
    tail.push_str(app.config.cookie_same_site.attribute());
    vec![
        format!("{}={token}{tail}", app.config.cookie_name),
        format!("amlbcookie=01{tail}"),
        format!("AMAuthCookie=LOGOUT; Max-Age=0{tail}"),
    ]
}

/// The body of an answer that tells the client that it is logged in.
pub(super) fn welcome(call: &Call, realm: &LiveRealm, token: Option<&str>) -> Value {
    let goto = call.parameters.first("goto").and_then(goto::followed);
    let success = goto.map_or_else(|| format!("{}/console", call.deployment), str::to_owned);
    let mut body = Map::new();
    match token {
        Some(token) => body.insert("tokenId".into(), token.into()),
        None => body.insert("message".into(), "Authentication Successful".into()),
    };
    body.insert("successUrl".into(), success.into());
    body.insert("realm".into(), realm.path.as_str().into());
    Value::Object(body)
}
