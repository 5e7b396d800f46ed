//! `POST …/authenticate`: log in with two headers (zero page), or by filling in callbacks (`management-rest.md` §8.1).
//!
//! Not a CREST endpoint: no `_action`, its own errors under version 1, 404 without a body for a version it lacks.

mod callbacks;
mod encoded_word;
mod index;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::Call;
use super::answer::json_response;
use super::crest::path::by_parameter;
use super::crest::version::Version;
use super::error::ApiError;
use super::json_body::{self, BodyFault};
use crate::app::App;
use crate::auth::caller::token;
use crate::auth::login::{self, AuthIdError, LoginError, Outcome};
use crate::auth::plan::{Configured, Plan};
use crate::auth::session::{NewSession, Properties, Session};
use crate::clock;
use crate::notifications::SessionChange;
use crate::publish::LiveRealm;
use crate::realm::IdentityKind;
use callbacks::Credentials;
use index::{Index, Lookup, unconfirmed};

const ROUTES: [(Version, &str); 2] = [
    (Version(1, 2), "resource=1.2"),
    (Version(2, 1), "resource=2.1"),
];

/// Answers a log-in request.
pub(crate) async fn handle(app: &App, call: &Call) -> Response<Body> {
    if call.method != Method::POST {
        let mut refused = ApiError::method_not_allowed().into_response();
        let headers = refused.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
        return refused;
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

async fn answer(app: &App, call: &Call) -> Result<LoginAnswer, ApiError> {
    let body = body(call)?;
    let realm = match call.parameters.first("realm") {
        Some(named) => by_parameter(&call.live, named)?,
        None => Arc::clone(&call.realm),
    };
    if !realm.active {
        return Err(ApiError::bad_request("Org is inactive"));
    }
    let step = Step::of(app, call, &realm, &body).await?;
    let lookup = Lookup {
        realm: Configured {
            store: &app.store,
            realm_key: &realm.key,
        },
        transactions: app.outside.transactions(),
        now: call.now,
    };
    let wanted = step.index.wanted(&lookup).await?;
    if let Some(token) = &step.upgraded_token
        && let Some(session) = &step.upgraded
        && wanted.transaction.is_none()
        && wanted.is_met_by(session)
        && !is_true(call, "ForceAuth")
    {
        let body = welcome(call, &realm, Some(token));
        return Ok(LoginAnswer::Token {
            token: token.clone(),
            body,
        });
    }
    match credentials(call, &body, step.begun)? {
        Credentials::Given { user, password } => {
            let login = Login {
                realm: &realm,
                user: &user,
                plan: &wanted.plan,
                transaction: wanted.transaction.as_deref(),
                upgraded: step.upgraded.as_deref(),
            };
            login.perform(app, call, &password).await
        }
        Credentials::Wanted { user } => {
            let upgrade = step.upgraded.map(|session| session.handle());
            let index = (step.index.kind, step.index.value);
            let auth_id = app
                .auth_ids
                .issue(&realm.path, index, upgrade, call.now)
                .map_err(|_| ApiError::internal("the system gave no randomness"))?;
            Ok(LoginAnswer::Callbacks(callbacks::page(&auth_id, &user)))
        }
    }
}

fn is_true(call: &Call, parameter: &str) -> bool {
    let value = call.parameters.first(parameter);
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Where a log-in stands: what the request says of it, or the `authId` that it brings back.
struct Step {
    index: Index,
    /// The session that is to be stepped up.
    upgraded: Option<Arc<Session>>,
    /// Its token, where the request itself named it.
    upgraded_token: Option<String>,
    begun: Begun,
}

/// Whether an earlier request has begun the log-in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Earlier,
    Now,
}

impl Step {
    /// # Errors
    /// 400 for an `authId` that is none, or of another realm, and for a session to step up that is none; 408 for a
    /// log-in whose time is over.
    async fn of(
        app: &App,
        call: &Call,
        realm: &LiveRealm,
        body: &Map<String, Value>,
    ) -> Result<Step, ApiError> {
        if let Some(auth_id) = body.get("authId") {
            let claims = claims(app, call, realm, auth_id)?;
            let upgraded = match &claims.upgrade {
                Some(handle) => app.sessions.find_by_handle(handle, call.now).await?,
                None => None,
            };
            return Ok(Step {
                index: Index {
                    kind: claims.index_type,
                    value: claims.index_value,
                },
                upgraded,
                upgraded_token: None,
                begun: Begun::Earlier,
            });
        }
        let token = call.parameters.first("sessionUpgradeSSOTokenId");
        let upgraded = match token {
            None => None,
            Some(token) => {
                let session = app.sessions.find(token, call.now).await?;
                let ended =
                    || ApiError::bad_request("Invalid Session Id, or the session has ended");
                Some(session.ok_or_else(ended)?)
            }
        };
        Ok(Step {
            index: Index::of(&call.parameters),
            upgraded,
            upgraded_token: token.map(str::to_owned),
            begun: Begun::Now,
        })
    }
}

fn claims(
    app: &App,
    call: &Call,
    realm: &LiveRealm,
    auth_id: &Value,
) -> Result<login::Claims, ApiError> {
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
            AuthIdError::BadSignature => ApiError::bad_request("AuthId JWT Signature not valid"),
            AuthIdError::Over => {
                ApiError::new(StatusCode::REQUEST_TIMEOUT, "Session has timed out")
            }
        })?;
    if !claims.realm.eq_ignore_ascii_case(realm.path.as_str()) {
        return Err(ApiError::bad_request(
            "The authId was given for another realm",
        ));
    }
    Ok(claims)
}

/// The members of the body; none where it is empty or `null`.
fn body(call: &Call) -> Result<Map<String, Value>, ApiError> {
    if json_body::is_blank(&call.body) {
        return Ok(Map::new());
    }
    json_body::check_media_type(&call.headers)?;
    match json_body::parse(&call.body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(ApiError::bad_request(BodyFault::NoObject.to_string())),
        Err(BodyFault::Syntax(error) | BodyFault::Trailing(error)) => Err(ApiError::bad_request(
            format!("The body is not valid JSON: {error}"),
        )),
        Err(fault) => Err(fault.into()),
    }
}

/// The credentials of the request: from its callbacks, or else from its headers.
fn credentials(
    call: &Call,
    body: &Map<String, Value>,
    begun: Begun,
) -> Result<Credentials, ApiError> {
    if begun == Begun::Earlier {
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

/// A log-in whose credentials are given.
struct Login<'a> {
    realm: &'a LiveRealm,
    user: &'a str,
    plan: &'a Plan,
    /// The transaction that the log-in confirms.
    transaction: Option<&'a str>,
    upgraded: Option<&'a Session>,
}

impl Login<'_> {
    /// Checks the password and makes the session. One that is stepped up ends: what it earned goes over to the new one.
    async fn perform(
        &self,
        app: &App,
        call: &Call,
        password: &str,
    ) -> Result<LoginAnswer, ApiError> {
        let (realm, user) = (self.realm, self.user);
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
        if let Some(id) = self.transaction {
            return self.confirm(app, call, id).await;
        }
        if is_true(call, "noSession") {
            return Ok(LoginAnswer::Checked(welcome(call, realm, None)));
        }
        let before = self.upgraded.map(Session::properties);
        if self.upgraded.is_some_and(|session| {
            session.user_key != user.to_lowercase() || session.realm.key() != realm.key
        }) {
            return Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                "The session to be upgraded is somebody else's",
            ));
        }
        let mut properties = properties(app, call, realm, user)?;
        self.plan
            .describe(call.now, before.as_deref(), &mut properties);
        for (name, value) in before.iter().flat_map(|before| before.iter()) {
            properties
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        let new = NewSession {
            realm: realm.path.clone(),
            user: user.to_owned(),
            client_ip: call.peer.to_canonical().to_string(),
            properties,
        };
        let (token, _) = app.sessions.begin(new, call.now).await?;
        if let Some(session) = self.upgraded {
            app.sessions.end(session, SessionChange::Destroyed).await?;
        }
        tracing::info!(user, realm = %realm.path, level = self.plan.level(), "log-in");
        let body = welcome(call, realm, Some(&token));
        Ok(LoginAnswer::Token { token, body })
    }

    /// Confirms a transaction. No session is made and none is stepped up: the client goes on with the one that it has.
    async fn confirm(&self, app: &App, call: &Call, id: &str) -> Result<LoginAnswer, ApiError> {
        let (realm, user) = (self.realm, self.user);
        app.outside
            .transactions()
            .confirm(id, &realm.key, &user.to_lowercase(), call.now)
            .await
            .map_err(unconfirmed)?;
        tracing::info!(user, realm = %realm.path, "transaction confirmed");
        let token = token(&call.headers, &app.config);
        Ok(LoginAnswer::Checked(welcome(call, realm, token)))
    }
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

/// The properties of every session; the plan of the log-in adds its own.
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
    let list: [(&str, String); 17] = [
        ("AMCtxId", context),
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
