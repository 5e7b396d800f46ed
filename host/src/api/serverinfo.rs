//! `GET …/serverinfo/*`, `/cookieDomains` and `/version` (`management-rest.md` §8.3).

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::Call;
use super::answer::Answer;
use super::crest::fields::Fields;
use super::crest::operation::Operation;
use super::crest::version::Version;
use super::error::ApiError;
use crate::app::App;
use crate::auth::endpoint::{Endpoint, Permission, Verb};

const INFO: [(Version, &str); 2] = [
    (Version(1, 1), "resource=1.1"),
    (Version(2, 0), "resource=2.0"),
];
const VERSION: [(Version, &str); 1] = [(Version(1, 0), "resource=1.0")];
/// The release of AM whose REST this server speaks; clients look for digits in it before anything else.
const SPOKEN: &str = "7.5.0";

/// Answers what anybody may know, and the version to whoever has a session.
pub(crate) async fn handle(
    app: &App,
    call: &Call,
    id: Option<&str>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    let misplaced = ApiError::misplaced(&operation, id);
    let unsupported = || ApiError::not_implemented("Operation is not supported.");
    let id = match (id, operation) {
        (Some(id), Operation::Read) => id,
        (None, Operation::Read) => return Err(misplaced.unwrap_or_else(unsupported)),
        _ => {
            call.caller(app).await?;
            return Err(misplaced.unwrap_or_else(unsupported));
        }
    };
    let (served, value) = match id {
        "*" => (info_version(call)?, everything(app, call)),
        "cookieDomains" => (info_version(call)?, json!({"domains": domains(app)})),
        "version" => {
            let caller = call.find_caller(app).await?;
            let caller = caller.ok_or_else(|| ApiError::forbidden("No session for request."))?;
            let read = Permission::new(Endpoint::Realms, Verb::Read);
            if !caller.may(read, &call.realm.path) {
                return Err(ApiError::insufficient_privileges());
            }
            let served = call
                .requested
                .route(&VERSION)
                .ok_or_else(|| ApiError::no_such_resource(""))?;
            let version = json!({
                "version": SPOKEN,
                "fullVersion": format!("Assize {} (speaks AM {SPOKEN})", env!("CARGO_PKG_VERSION")),
                "revision": env!("CARGO_PKG_VERSION"),
                "date": "",
            });
            (served, version)
        }
        other => {
            return Err(ApiError::not_implemented(format!(
                "ResourceId not supported: {other}"
            )));
        }
    };
    let revision = call.live.revision.to_string();
    let mut body = Map::new();
    if !call.requested.is_protocol_one() {
        body.insert("_id".into(), id.into());
        body.insert("_rev".into(), revision.as_str().into());
    }
    if let Value::Object(members) = Fields::of(&call.parameters).select(value) {
        body.extend(members);
    }
    Ok(Answer {
        status: StatusCode::OK,
        revision: Some(revision),
        ..Answer::value(served, Value::Object(body))
    })
}

/// Without a version the older route answers, as it does in OpenAM.
fn info_version(call: &Call) -> Result<&'static str, ApiError> {
    match call.requested.resource {
        None => Ok("resource=1.1"),
        Some(_) => call
            .requested
            .route(&INFO)
            .ok_or_else(|| ApiError::no_such_resource("")),
    }
}

fn domains(app: &App) -> Vec<&str> {
    Some(app.config.cookie_domain.as_str())
        .filter(|domain| !domain.is_empty())
        .into_iter()
        .collect()
}

fn everything(app: &App, call: &Call) -> Value {
    json!({
        "domains": domains(app),
        "protectedUserAttributes": [],
        "cookieName": app.config.cookie_name,
        "secureCookie": app.config.secure_cookies(),
        "cookieHttpOnly": false,
        "cookieSameSite": null,
        "forgotPassword": "false",
        "forgotUsername": "false",
        "kbaEnabled": "false",
        "selfRegistration": "false",
        "lang": "en-US",
        "successfulUserRegistrationDestination": "default",
        "socialImplementations": [],
        "referralsEnabled": "false",
        "zeroPageLogin": {"enabled": false, "refererWhitelist": [], "allowedWithoutReferer": true},
        "realm": call.realm.path.as_str(),
        "xuiUserSessionValidationEnabled": true,
        "fileBasedConfiguration": false,
        "userIdAttributes": [],
    })
}
