//! What users do with themselves: who am I, where to go after log-in, a new password.

use serde_json::{Value, json};

use super::super::Place;
use super::write::long_enough;
use super::{Asked, Deed};
use crate::api::answer::Answer;
use crate::api::error::ApiError;
use crate::api::goto;
use crate::auth::login::{self, Given};
use crate::auth::session::Session;
use crate::documents::identity;
use crate::realm::IdentityKind;
use crate::store::Object;

/// Self-service that nobody switched on is refused whoever asks.
///
/// # Errors
/// 503, 501 and 400, as AM has them.
pub(super) fn switched_off(action: &str, place: Place<'_>) -> Result<(), ApiError> {
    const MESSAGE: &str = "Legacy Self Service REST Endpoint is not enabled.";
    let refusal = match action.to_ascii_lowercase().as_str() {
        "forgotpassword" => ApiError::unavailable(MESSAGE),
        "register" => ApiError::not_implemented(MESSAGE),
        "confirm" => ApiError::bad_request("confirmationId not provided"),
        "anonymouscreate" => ApiError::bad_request("Self-registration disabled"),
        "forgotpasswordreset" => ApiError::bad_request("username not provided"),
        _ => return Ok(()),
    };
    Err(match place.id()? {
        None => refusal,
        Some(_) => not_on_instances(action),
    })
}

fn not_on_instances(action: &str) -> ApiError {
    ApiError::not_implemented(format!("{action} not supported for resource instances"))
}

/// Performs an action on the collection or on one identity.
pub(super) async fn perform(
    asked: &Asked<'_>,
    action: &str,
    id: Option<&str>,
) -> Result<Answer, ApiError> {
    match (asked.kind, action.to_ascii_lowercase().as_str(), id) {
        (_, "idfromsession", None) => {
            let session = asked.caller.session();
            let session =
                session.ok_or_else(|| ApiError::forbidden("SSO Token cannot be retrieved."))?;
            Ok(Answer::value(asked.served, id_from_session(asked, session)))
        }
        (IdentityKind::User, "validategoto", None) => {
            let body = asked.call.json()?;
            let goto = match body.get("goto") {
                None | Some(Value::Null) => None,
                Some(Value::String(goto)) => goto::followed(goto),
                Some(_) => return Err(ApiError::bad_request("/goto must be a string")),
            };
            let success = goto.map_or_else(|| console(asked), str::to_owned);
            Ok(Answer::value(asked.served, json!({"successURL": success})))
        }
        (IdentityKind::User, "changepassword", Some(name)) => change_password(asked, name).await,
        (_, _, Some(_)) => Err(not_on_instances(action)),
        (_, _, None) => Err(ApiError::not_implemented("Operation is not supported.")),
    }
}

fn console(asked: &Asked<'_>) -> String {
    format!("{}/console", asked.call.deployment)
}

fn id_from_session(asked: &Asked<'_>, session: &Session) -> Value {
    json!({
        "id": session.user,
        "realm": session.realm.as_str(),
        "dn": asked.caller_id(),
        "successURL": console(asked),
        "fullLoginURL": format!("{}/UI/Login?realm={}", asked.call.deployment, session.realm.as_str().replace('/', "%2F")),
    })
}

async fn change_password(asked: &Asked<'_>, name: &str) -> Result<Answer, ApiError> {
    let body = asked.call.json()?;
    let text = |name: &str| {
        let given = body.get(name).and_then(Value::as_str);
        given.filter(|given| !given.is_empty()).ok_or_else(|| {
            ApiError::bad_request(format!("'{name}' attribute not set in JSON content."))
        })
    };
    let wanted = text("userpassword")?;
    asked.permitted(Deed::Edit, Some(name))?;
    let there = asked
        .find(name)
        .await?
        .ok_or_else(|| ApiError::not_found(format!("Identity {name} of type user not found.")))?;
    long_enough(wanted)?;
    let known = match text("currentpassword") {
        // Who administers users may leave it out, as in AM 7.
        Err(_) if asked.administers() => None,
        known => Some(known?),
    };
    if asked.administers() {
        asked.may_become(&there.key).await?;
    }
    if let Some(password) = known {
        let given = Given {
            realm: &asked.call.realm.path,
            user: name,
            password,
            address: asked.call.peer,
        };
        if !login::is_current(asked.app, &given, there.secret.as_deref()).await? {
            return Err(ApiError::bad_request("Old password is incorrect."));
        }
    }
    let secret = asked.app.passwords.hash(wanted).await?;
    let draft = |there: &Object| {
        let attributes = identity::user_attributes(there);
        let realm = &asked.call.realm.path;
        let secret = Some(secret.clone());
        Ok(identity::user_draft(
            realm,
            &there.name,
            &attributes,
            secret,
        ))
    };
    asked.rewrite("password changed", there, draft).await?;
    Ok(Answer::value(asked.served, json!({})))
}
