//! `POST …/authenticate`: log in with two headers (zero page), or by filling in callbacks (`management-rest.md` §8.1).
//!
//! Not a CREST endpoint: no `_action`, its own errors under version 1, 404 without a body for a version it lacks.

mod answer;
mod attempt;
mod callbacks;
mod encoded_word;
mod index;
mod step;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::Call;
use super::crest::path::{Style, by_parameter};
use super::crest::version::Version;
use super::error::ApiError;
use super::json_body::{self, BodyFault};
use crate::app::App;
use crate::auth::plan::Configured;
use crate::publish::LiveRealm;
use answer::{LoginAnswer, welcome};
use attempt::{Attempt, failed};
use callbacks::Credentials;
use index::Lookup;
use step::Step;

const ROUTES: [(Version, &str); 2] = [
    (Version(1, 2), "resource=1.2"),
    (Version(2, 1), "resource=2.1"),
];

/// Answers a log-in request.
pub(crate) async fn handle(app: &App, call: &Call) -> Response<Body> {
    let served = call.requested.route(&ROUTES);
    if call.method != Method::POST {
        let refused = ApiError::method_not_allowed();
        let refused = match served {
            Some(served) => refused.served(served),
            None => refused,
        };
        let mut refused = refused.into_response();
        let headers = refused.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
        return refused;
    }
    let Some(served) = served else {
        let mut missing = Response::new(Body::empty());
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    match log_in(app, call).await {
        Ok(answer) => answer.into_response(app, served),
        Err(error) if served == "resource=1.2" => {
            let body = json!({"errorMessage": error.body().get("message").cloned()});
            let mut response = error.served(served).into_response();
            *response.body_mut() = Body::from(body.to_string());
            response
        }
        Err(error) => error.served(served).into_response(),
    }
}

async fn log_in(app: &App, call: &Call) -> Result<LoginAnswer, ApiError> {
    let body = body(call)?;
    let realm = realm(call)?;
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
    match credentials(call, &body, step.auth_id.is_some())? {
        Credentials::Given { user, password } => {
            let attempt = Attempt {
                realm: &realm,
                user: &user,
                plan: &wanted.plan,
                transaction: wanted.transaction.as_deref(),
                upgraded: step.upgraded.as_deref(),
                auth_id: step.auth_id.as_ref(),
            };
            attempt.perform(app, call, &password).await
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

/// The realm of the log-in: the parameter comes before the path, where it says anything.
///
/// # Errors
/// 400 for a realm that there is not, in the words of who looks for it: in the old style the path's router does.
fn realm(call: &Call) -> Result<Arc<LiveRealm>, ApiError> {
    match (call.parameters.first("realm"), call.style) {
        (None, _) | (Some(""), Style::New) => Ok(Arc::clone(&call.realm)),
        (Some(named), Style::Old) => by_parameter(&call.live, named),
        (Some(named), Style::New) => by_parameter(&call.live, named).map_err(|_| {
            ApiError::bad_request(format!(
                "No mapping organization found for organization identifier: {named}"
            ))
        }),
    }
}

fn is_true(call: &Call, parameter: &str) -> bool {
    let value = call.parameters.first(parameter);
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
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
    begun_earlier: bool,
) -> Result<Credentials, ApiError> {
    if begun_earlier {
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
