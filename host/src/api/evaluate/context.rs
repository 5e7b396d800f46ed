//! The context of an engine request: the resolved subject, the instant, the zone and the version.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::super::Call;
use super::body::Peek;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Authorized;
use crate::auth::session::Session;
use crate::limits::NEEDS_PER_REQUEST;

/// Whom the decision is about.
pub(crate) enum Resolution {
    /// A known subject, with its session where it has one.
    Somebody(Option<Arc<Session>>),
    /// A well-formed token that is nobody's, or nobody's any more: it is told nothing (ruling B26).
    Nobody,
}

/// The context for the engine, and whom it stands for.
pub(crate) struct Question {
    pub(crate) context: Vec<u8>,
    pub(crate) subject: Resolution,
}

/// Resolves the subject of a request: its own `subject`, or else the caller.
///
/// # Errors
/// 400 for a malformed subject; 503 where the store did not answer.
pub(crate) async fn resolve(
    app: &App,
    call: &Call,
    caller: &Authorized,
    peek: &Peek<'_>,
    served: &str,
) -> Result<Question, ApiError> {
    let given = peek.subject.filter(|raw| raw.get() != "null");
    let (session, claims) = match given {
        None => (Some(Arc::clone(caller.session())), Vec::new()),
        Some(raw) => {
            let given = Given::parse(raw.get())?;
            let session = match given.sso_token {
                None => None,
                Some(token) => match app.sessions.find(&token, call.now).await? {
                    Some(session) => Some(session),
                    None => return Ok(nobody(app, call, served)),
                },
            };
            (session, given.claims)
        }
    };
    let mut context = Vec::with_capacity(512);
    context.extend_from_slice(br#"{"subject":{"#);
    if let Some(session) = &session {
        let resolved = app
            .subjects
            .of_session(session, &call.live, &call.realm)
            .await?;
        match resolved.members() {
            Some(members) => context.extend_from_slice(members),
            None => return Ok(nobody(app, call, served)),
        }
    }
    if !claims.is_empty() {
        if session.is_none() {
            let subs = claims
                .iter()
                .filter_map(|claims| claims.get("sub").and_then(Value::as_str));
            for sub in subs.take(1) {
                if let Some(profile) = app.subjects.profile(&call.live, &call.realm, sub).await? {
                    member(&mut context, "profile", &profile.to_string());
                }
            }
        }
        member(&mut context, "claims", &Value::Array(claims).to_string());
    }
    if call.realm.facts.memberships {
        let named = peek.named_identities();
        if !named.is_empty() {
            let memberships = app.subjects.memberships(&call.live, &named).await?;
            member(&mut context, "memberships", &memberships.to_string());
        }
    }
    context.push(b'}');
    close(&mut context, app, call, served);
    Ok(Question {
        context,
        subject: Resolution::Somebody(session),
    })
}

/// The same context with every outside condition answered by an error.
pub(crate) fn with_unresolved(context: &[u8], needs: &[String]) -> Vec<u8> {
    let externals: Map<String, Value> = needs
        .iter()
        .take(NEEDS_PER_REQUEST)
        .map(|id| {
            (
                id.clone(),
                serde_json::json!({"error": "outside conditions are not resolved by this server"}),
            )
        })
        .collect();
    let mut again = context.strip_suffix(b"}").unwrap_or(context).to_vec();
    again.extend_from_slice(br#","externals":"#);
    again.extend_from_slice(Value::Object(externals).to_string().as_bytes());
    again.push(b'}');
    again
}

/// The context of nobody: the engine still checks the request, and its decisions are thrown away.
fn nobody(app: &App, call: &Call, served: &str) -> Question {
    let mut context = br#"{"subject":{}"#.to_vec();
    close(&mut context, app, call, served);
    Question {
        context,
        subject: Resolution::Nobody,
    }
}

fn close(context: &mut Vec<u8>, app: &App, call: &Call, served: &str) {
    context.extend_from_slice(br#","now":"#);
    context.extend_from_slice(call.now.to_string().as_bytes());
    member(context, "timeZone", &app.time_zone_json);
    if served == "resource=1.0" {
        member(context, "resourceVersion", "\"1.0\"");
    }
    context.push(b'}');
}

fn member(object: &mut Vec<u8>, name: &str, json: &str) {
    if object.last() != Some(&b'{') {
        object.push(b',');
    }
    object.push(b'"');
    object.extend_from_slice(name.as_bytes());
    object.extend_from_slice(b"\":");
    object.extend_from_slice(json.as_bytes());
}

/// A `subject` as a client writes it.
struct Given {
    sso_token: Option<String>,
    claims: Vec<Value>,
}

impl Given {
    /// # Errors
    /// 400 with the member at fault: no usable key, wrong types, a token that is no JWT, claims without `sub`.
    fn parse(text: &str) -> Result<Self, ApiError> {
        let Ok(Value::Object(mut members)) = serde_json::from_str::<Value>(text) else {
            return Err(invalid());
        };
        let mut given = Given {
            sso_token: None,
            claims: Vec::new(),
        };
        match members.remove("ssoToken") {
            None => {}
            Some(Value::String(token)) if !token.is_empty() => given.sso_token = Some(token),
            Some(Value::Null | Value::String(_)) => return Err(invalid()),
            Some(_) => return Err(wrong_type("ssoToken", "a string")),
        }
        match members.remove("jwt") {
            None => {}
            Some(Value::String(jwt)) => given
                .claims
                .push(Value::Object(claims_of(&jwt).ok_or_else(invalid)?)),
            Some(Value::Null) => return Err(invalid()),
            Some(_) => return Err(wrong_type("jwt", "a string")),
        }
        match members.remove("claims") {
            None => {}
            Some(Value::Object(claims)) => given.claims.push(Value::Object(claims)),
            Some(Value::Null) => return Err(invalid()),
            Some(_) => return Err(wrong_type("claims", "an object")),
        }
        for claims in &given.claims {
            match claims.get("sub") {
                Some(Value::String(_)) => {}
                None | Some(Value::Null) => return Err(invalid()),
                Some(_) => return Err(wrong_type("claims/sub", "a string")),
            }
        }
        if given.sso_token.is_none() && given.claims.is_empty() {
            return Err(invalid());
        }
        Ok(given)
    }
}

/// The claims of a JWT, unverified: AM's contract is that the caller has verified it. Encrypted ones are not read;
/// a JWT inside a JWT is.
fn claims_of(jwt: &str) -> Option<Map<String, Value>> {
    const NESTED: usize = 4;
    let mut jwt = jwt.to_owned();
    for _ in 0..NESTED {
        let parts: Vec<&str> = jwt.split('.').collect();
        let &[header, payload, _signature] = parts.as_slice() else {
            return None;
        };
        let header: Value = serde_json::from_slice(&decoded(header)?).ok()?;
        header.as_object()?;
        let payload = decoded(payload)?;
        if let Ok(claims) = serde_json::from_slice::<Map<String, Value>>(&payload) {
            return Some(claims);
        }
        jwt = String::from_utf8(payload).ok()?;
    }
    None
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD
        .decode(part)
        .or_else(|_| URL_SAFE.decode(part))
        .ok()
}

fn invalid() -> ApiError {
    ApiError::bad_request("Invalid value subject")
}

fn wrong_type(path: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!(
        "Invalid value subject: /subject/{path} must be {expected}"
    ))
}
