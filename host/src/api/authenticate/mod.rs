//! `POST …/authenticate`: log in with two headers (zero page), or by filling in callbacks (`management-rest.md` §8.1).
//!
//! Not a CREST endpoint: no `_action`, its own errors under version 1, 404 without a body for a version it lacks.

mod callbacks;
mod encoded_word;
mod index;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::Call;
use super::answer::json_response;
use super::crest::path::by_parameter;
use super::crest::version::Version;
use super::error::ApiError;
use crate::app::App;
use crate::auth::login::{self, AuthIdError, LoginError, Outcome};
use crate::auth::session::{NewSession, Properties, Session};
use crate::clock;
use crate::publish::LiveRealm;
use crate::realm::IdentityKind;
use callbacks::Credentials;
use index::Index;

const ROUTES: [(Version, &str); 2] = [
    (Version(1, 2), "resource=1.2"),
    (Version(2, 1), "resource=2.1"),
];
/// The chain and the module that log users of the store in, by AM's names for them.
pub(crate) const CHAIN: &str = "ldapService";
pub(crate) const MODULE: &str = "DataStore";

/// Answers a log-in request.
pub(crate) async fn handle(app: &App, call: &Call) -> Response<Body> {
    if call.method != Method::POST {
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response();
    }
    let Some(served) = call.requested.route(&ROUTES) else {
        let mut missing = Response::new(Body::empty());
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    match answer(app, call).await {
        Ok(answer) => answer.into_response(app, served),
        Err(error) if served == "resource=1.2" && error.status() == StatusCode::UNAUTHORIZED => {
            let body = json!({"errorMessage": error.body().get("message").cloned()});
            json_response(error.status(), body.to_string().into_bytes(), Some(served))
        }
        Err(error) => error.served(served).into_response(),
    }
}

/// What a log-in request is answered with when nothing is wrong with it.
enum LoginAnswer {
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
    fn into_response(self, app: &App, served: &'static str) -> Response<Body> {
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
    if app.config.tls() {
        tail.push_str("; Secure");
    }
    vec![
        format!("{}={token}{tail}", app.config.cookie_name),
        format!("amlbcookie=01{tail}"),
        format!("AMAuthCookie=LOGOUT; Max-Age=0{tail}"),
    ]
}

async fn answer(app: &App, call: &Call) -> Result<LoginAnswer, ApiError> {
    let body = body(call)?;
    let realm = match call.parameters.first("realm") {
        Some(named) => by_parameter(&call.live, named)?,
        None => Arc::clone(&call.realm),
    };
    if !realm.active {
        return Err(ApiError::bad_request("Org is inactive"));
    }
    let index = Index::of(&call.parameters)?;
    if let Some(token) = call.parameters.first("sessionUpgradeSSOTokenId") {
        let session = app.sessions.find(token, call.now).await?;
        let session = session
            .ok_or_else(|| ApiError::bad_request("Invalid Session Id, or the session has ended"))?;
        if index.is_met_by(&session) {
            let body = welcome(call, &realm, Some(token));
            return Ok(LoginAnswer::Token {
                token: token.to_owned(),
                body,
            });
        }
    }
    match credentials(app, call, &realm, &body)? {
        Credentials::Given { user, password } => log_in(app, call, &realm, &user, &password).await,
        Credentials::Wanted { user } => {
            let auth_id = app.auth_ids.issue(&realm.path, index.as_given(), call.now);
            let auth_id =
                auth_id.map_err(|_| ApiError::internal("the system gave no randomness"))?;
            Ok(LoginAnswer::Callbacks(callbacks::page(&auth_id, &user)))
        }
    }
}

/// The members of the body; none where it is empty or `null`.
fn body(call: &Call) -> Result<Map<String, Value>, ApiError> {
    if call.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let content_type = call
        .headers
        .get("content-type")
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let essence = content_type
        .as_deref()
        .and_then(|text| text.split(';').next())
        .unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported Media Type",
        ));
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(ApiError::bad_request("The body must be a JSON object")),
        Err(error) => Err(ApiError::bad_request(format!(
            "The body is not valid JSON: {error}"
        ))),
    }
}

/// The credentials of the request: from its callbacks, or else from its headers.
fn credentials(
    app: &App,
    call: &Call,
    realm: &LiveRealm,
    body: &Map<String, Value>,
) -> Result<Credentials, ApiError> {
    if let Some(auth_id) = body.get("authId") {
        let auth_id = auth_id
            .as_str()
            .ok_or_else(|| ApiError::bad_request("authId must be a string"))?;
        let claims = app
            .auth_ids
            .take(auth_id, call.now)
            .map_err(|error| match error {
                AuthIdError::Unreadable(why) => {
                    ApiError::bad_request(format!("Failed to parse JWT, {why}"))
                }
                AuthIdError::BadSignature => {
                    ApiError::bad_request("AuthId JWT Signature not valid")
                }
                AuthIdError::Over => {
                    ApiError::new(StatusCode::REQUEST_TIMEOUT, "Session has timed out")
                }
            })?;
        if !claims.realm.eq_ignore_ascii_case(realm.path.as_str()) {
            return Err(ApiError::bad_request(
                "The authId was given for another realm",
            ));
        }
        return callbacks::filled_in(body)?.ok_or_else(failed);
    }
    if let Some(given) = callbacks::filled_in(body)? {
        return Ok(given);
    }
    let header = |name: &str| {
        call.headers
            .get(name)
            .map(|value| encoded_word::decode(value.as_bytes()))
            .unwrap_or_default()
    };
    let (user, password) = (header("x-openam-username"), header("x-openam-password"));
    if user.is_empty() || password.is_empty() {
        return Ok(Credentials::Wanted { user });
    }
    Ok(Credentials::Given { user, password })
}

async fn log_in(
    app: &App,
    call: &Call,
    realm: &LiveRealm,
    user: &str,
    password: &str,
) -> Result<LoginAnswer, ApiError> {
    let outcome = login::check(&app.store, &app.passwords, &realm.path, user, password).await;
    match outcome {
        Ok(Outcome::Welcome) => {}
        Ok(Outcome::Failed) => return Err(failed()),
        Ok(Outcome::Locked) => {
            return Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                "Your account has been locked.",
            ));
        }
        Err(LoginError::Store(error)) => return Err(error.into()),
        Err(LoginError::Password(error)) => return Err(error.into()),
    }
    if call
        .parameters
        .first("noSession")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        return Ok(LoginAnswer::Checked(welcome(call, realm, None)));
    }
    let new = NewSession {
        realm: realm.path.clone(),
        user: user.to_owned(),
        client_ip: call.peer.to_canonical().to_string(),
        properties: properties(app, call, realm, user)?,
    };
    let (token, _) = app.sessions.begin(new, call.now).await?;
    tracing::info!(user, realm = %realm.path, "log-in");
    let body = welcome(call, realm, Some(&token));
    Ok(LoginAnswer::Token { token, body })
}

fn failed() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "Authentication Failed")
}

fn welcome(call: &Call, realm: &LiveRealm, token: Option<&str>) -> Value {
    let success = match call.parameters.first("goto") {
        Some(goto) if !goto.is_empty() => goto.to_owned(),
        _ => format!("{}/console", call.deployment),
    };
    let mut body = Map::new();
    match token {
        Some(token) => body.insert("tokenId".into(), token.into()),
        None => body.insert("message".into(), "Authentication Successful".into()),
    };
    body.insert("successUrl".into(), success.into());
    body.insert("realm".into(), realm.path.as_str().into());
    Value::Object(body)
}

/// The properties that AM's DataStore module gives a session.
fn properties(
    app: &App,
    call: &Call,
    realm: &LiveRealm,
    user: &str,
) -> Result<Properties, ApiError> {
    let universal_id = app
        .subjects
        .directory
        .universal_id(IdentityKind::User, user, &realm.path);
    let client = call.peer.to_canonical().to_string();
    let context = crate::auth::random_text(16)
        .map_err(|_| ApiError::internal("the system gave no randomness"))?;
    let login_url = format!("{}/UI/Login", call.deployment);
    let list: [(&str, String); 20] = [
        ("AMCtxId", context),
        ("AuthLevel", "0".into()),
        ("AuthType", MODULE.into()),
        ("CharSet", "UTF-8".into()),
        (
            "FullLoginURL",
            format!(
                "{login_url}?realm={}",
                realm.path.as_str().replace('/', "%2F")
            ),
        ),
        ("Host", client.clone()),
        ("HostName", client),
        ("Locale", "en".into()),
        ("Organization", app.subjects.directory.realm_dn(&realm.path)),
        ("Principal", universal_id.clone()),
        ("Principals", user.to_owned()),
        ("Service", CHAIN.into()),
        ("UserId", user.to_owned()),
        ("UserProfile", "Required".into()),
        ("UserToken", user.to_owned()),
        ("authInstant", clock::seconds_text(call.now)),
        ("clientType", "genericHTML".into()),
        ("loginURL", login_url),
        ("successURL", format!("{}/console", call.deployment)),
        ("sun.am.UniversalIdentifier", universal_id),
    ];
    Ok(list
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

/// Whether a session was made by the chain or module that a log-in asks for.
pub(super) fn made_by(session: &Session, property: &str, name: &str) -> bool {
    let properties = session.properties();
    let plain = |part: &str| {
        part.split_once(':')
            .map_or_else(|| part.to_owned(), |(_, name)| name.to_owned())
    };
    properties
        .get(property)
        .is_some_and(|value| value.split('|').any(|part| plain(part) == name))
}
