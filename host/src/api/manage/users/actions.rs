//! What users do with themselves: who am I, where to go after log-in, a new password.

use serde_json::{Value, json};

use super::write::long_enough;
use super::{Asked, Deed};
use crate::api::answer::Answer;
use crate::api::error::ApiError;
use crate::auth::login::{self, Given};
use crate::auth::session::Session;
use crate::documents::identity;
use crate::realm::IdentityKind;
use crate::store::Object;

/// Self-service that nobody switched on is refused whoever asks.
///
/// # Errors
/// 503 and 501, as AM has them.
pub(super) fn switched_off(action: &str) -> Result<(), ApiError> {
    const MESSAGE: &str = "Legacy Self Service REST Endpoint is not enabled.";
    match action {
        "forgotPassword" | "forgotPasswordReset" => Err(ApiError::unavailable(MESSAGE)),
        "register" | "confirm" | "anonymousCreate" => Err(ApiError::not_implemented(MESSAGE)),
        _ => Ok(()),
    }
}

/// Performs an action on the collection or on one identity.
pub(super) async fn perform(
    asked: &Asked<'_>,
    action: &str,
    id: Option<&str>,
) -> Result<Answer, ApiError> {
    match (asked.kind, action, id) {
        (IdentityKind::User, "idFromSession", None) => {
            let session = asked.caller.session();
            let session =
                session.ok_or_else(|| ApiError::forbidden("SSO Token cannot be retrieved."))?;
            Ok(Answer::value(asked.served, id_from_session(asked, session)))
        }
        (IdentityKind::User, "validateGoto", None) => {
            let body = asked.call.json()?;
            let goto = body
                .get("goto")
                .and_then(Value::as_str)
                .filter(|goto| !goto.is_empty());
            let success = goto.map_or_else(|| console(asked), str::to_owned);
            Ok(Answer::value(asked.served, json!({"successURL": success})))
        }
        (IdentityKind::User, "changePassword", Some(name)) => change_password(asked, name).await,
        (_, action, Some(_)) => Err(ApiError::not_implemented(format!(
            "{action} not supported for resource instances"
        ))),
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
    asked.permitted(Deed::Edit, Some(name))?;
    let there = asked
        .find(name)
        .await?
        .ok_or_else(|| ApiError::not_found("Resource cannot be found."))?;
    let body = asked.call.json()?;
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if asked.administers() {
        asked.may_become(&there.key).await?;
    } else {
        let given = Given {
            realm: &asked.call.realm.path,
            user: name,
            password: &text("currentpassword"),
            address: asked.call.peer,
        };
        if !login::is_current(asked.app, &given, there.secret.as_deref()).await? {
            return Err(ApiError::bad_request("Old password is incorrect."));
        }
    }
    let secret = asked
        .app
        .passwords
        .hash(long_enough(&text("userpassword"))?)
        .await?;
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
