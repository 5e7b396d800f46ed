//! Where a log-in stands.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::super::Call;
use super::super::error::ApiError;
use super::index::Index;
use crate::app::App;
use crate::auth::login::{AuthIdError, Claims};
use crate::auth::session::Session;
use crate::publish::LiveRealm;

/// What the request says of its log-in, or the `authId` that it brings back.
pub(super) struct Step {
    pub(super) index: Index,
    /// The session that is to be stepped up.
    pub(super) upgraded: Option<Arc<Session>>,
    /// Its token, where the request itself named it.
    pub(super) upgraded_token: Option<String>,
    /// The `authId`, where an earlier request has begun the log-in.
    pub(super) auth_id: Option<Claims>,
}

impl Step {
    /// # Errors
    /// 400 for an `authId` that is none, or of another realm, and for a session to step up that is none; 408 for a
    /// log-in whose time is over.
    pub(super) async fn of(
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
                    kind: claims.index_type.clone(),
                    value: claims.index_value.clone(),
                },
                upgraded,
                upgraded_token: None,
                auth_id: Some(claims),
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
            auth_id: None,
        })
    }
}

/// The time of a log-in is over, or it was answered before.
pub(super) fn timed_out() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "Session has timed out")
}

fn claims(app: &App, call: &Call, realm: &LiveRealm, auth_id: &Value) -> Result<Claims, ApiError> {
    let auth_id = auth_id
        .as_str()
        .ok_or_else(|| ApiError::bad_request("authId must be a string"))?;
    let claims = app
        .auth_ids
        .read(auth_id, call.now)
        .map_err(|error| match error {
            AuthIdError::Unreadable(why) => {
                ApiError::bad_request(format!("Failed to parse JWT, {why}"))
            }
            AuthIdError::BadSignature => ApiError::bad_request("AuthId JWT Signature not valid"),
            AuthIdError::Over => timed_out(),
        })?;
    if !claims.realm.eq_ignore_ascii_case(realm.path.as_str()) {
        return Err(ApiError::bad_request(
            "The authId was given for another realm",
        ));
    }
    Ok(claims)
}
