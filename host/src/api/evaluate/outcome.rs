//! What the engine said, as AM's answers.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::api::crest::fields::Fields;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::session::{Properties, Session};
use crate::decide::AmCall;
use crate::notifications::SessionChange;
use crate::outside::Need;
use crate::publish::LiveRealm;

/// What an engine answer turns out to be.
pub(crate) enum Outcome {
    /// AM's array, and what is to be done besides.
    Decided {
        answer: Vec<u8>,
        effects: Vec<Value>,
    },
    /// Outside conditions to resolve first.
    Needs(Vec<Need>),
}

/// Reads an engine answer. The ordinary one is AM's array already and is not looked into.
///
/// # Errors
/// The engine's errors as AM's.
pub(crate) fn of(answer: Vec<u8>, realm: &Arc<LiveRealm>) -> Result<Outcome, ApiError> {
    if answer.first() == Some(&b'[') {
        return Ok(Outcome::Decided {
            answer,
            effects: Vec::new(),
        });
    }
    let object: Object<'_> = serde_json::from_slice(&answer).map_err(ApiError::internal)?;
    match object {
        Object {
            error: Some(error), ..
        } => Err(refused(&error, realm)),
        Object {
            needs: Some(needs), ..
        } => Ok(Outcome::Needs(needs)),
        Object {
            decisions: Some(decisions),
            effects: Some(effects),
            ..
        } => Ok(Outcome::Decided {
            answer: decisions.get().as_bytes().to_vec(),
            effects,
        }),
        Object { .. } => Err(ApiError::internal(
            "the engine's answer holds neither decisions nor an error",
        )),
    }
}

/// An engine answer that is not AM's array.
#[derive(Deserialize)]
struct Object<'a> {
    error: Option<Value>,
    needs: Option<Vec<Need>>,
    /// AM's array.
    #[serde(borrow)]
    decisions: Option<&'a RawValue>,
    effects: Option<Vec<Value>>,
}

/// The engine's error as AM's: its code decides the status, its message stays, its path is named.
fn refused(error: &Value, realm: &LiveRealm) -> ApiError {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, message, path) = (text("code"), text("message"), text("path"));
    let placed = || {
        if path.is_empty() {
            message.to_owned()
        } else {
            format!("{message} ({path})")
        }
    };
    match code {
        "unknownPolicySet" => ApiError::not_found(format!(
            "Unable to retrieve application under realm {}.",
            realm.path
        )),
        // The engine says in AM's words that nothing is asked for.
        "badRequest" | "badResource" if message.starts_with("Invalid ") => {
            ApiError::bad_request(message)
        }
        "badJson" => ApiError::bad_request(
            "The request could not be processed because the provided content is not valid JSON",
        )
        .with_detail(placed()),
        "badRequest" | "badResource" | "limitExceeded" | "stepsExceeded" => {
            ApiError::bad_request(placed())
        }
        "noBundle" => {
            ApiError::unavailable("No policies are loaded for this realm; nothing is decided.")
        }
        other => ApiError::internal(format!("the engine answered {other}: {message}")),
    }
}

/// The answer for a subject that is nobody's: every resource asked for, nothing said about any.
///
/// # Errors
/// 500 where the engine's answer is no array of decisions.
pub(crate) fn emptied(answer: &[u8], kind: AmCall, served: &str) -> Result<Value, ApiError> {
    let Value::Array(decisions) = parsed(answer)? else {
        return Err(ApiError::internal("decisions are no array"));
    };
    // Of a tree only the root is shown: the other entries would tell which resources have policies.
    let shown = if kind == AmCall::Evaluate {
        decisions.len()
    } else {
        1
    };
    let rows = decisions.iter().take(shown).map(|decision| {
        let mut row = Map::new();
        row.insert(
            "resource".into(),
            decision.get("resource").cloned().unwrap_or_default(),
        );
        for name in ["actions", "attributes", "advices"] {
            row.insert(name.into(), json!({}));
        }
        if served != "resource=1.0" {
            row.insert("ttl".into(), i64::MAX.into());
        }
        Value::Object(row)
    });
    Ok(Value::Array(rows.collect()))
}

/// The decisions with the wanted members alone.
pub(crate) fn select(decisions: Value, fields: &Fields) -> Value {
    match decisions {
        Value::Array(rows) => {
            Value::Array(rows.into_iter().map(|row| fields.select(row)).collect())
        }
        other => other,
    }
}

/// # Errors
/// 500 where the answer is no JSON.
pub(crate) fn parsed(answer: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(answer).map_err(ApiError::internal)
}

/// Does what the decision asks for besides: session properties first, as a session may end with the same decision.
///
/// # Errors
/// 503 where the store did not take it: a decision whose effect failed is not given.
pub(crate) async fn carry_out(
    app: &App,
    session: &Arc<Session>,
    effects: &[Value],
) -> Result<(), ApiError> {
    let mut properties = None;
    let mut terminate = false;
    for effect in effects {
        let text = |name: &str| effect.get(name).and_then(Value::as_str);
        match (text("type"), text("name"), text("value")) {
            (Some("setSessionProperty"), Some(name), Some(value)) => {
                let others = properties.get_or_insert_with(Properties::new);
                others.insert(name.to_owned(), value.to_owned());
            }
            (Some("terminateSession"), ..) => terminate = true,
            _ => {
                return Err(ApiError::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Internal Server Error",
                ));
            }
        }
    }
    if let Some(properties) = properties {
        app.sessions.set_properties_soon(session, properties);
    }
    if terminate {
        app.sessions.end(session, SessionChange::Destroyed).await?;
    }
    Ok(())
}
