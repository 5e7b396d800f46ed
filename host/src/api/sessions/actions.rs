//! The actions on one session.

use serde_json::{Value, json};

use super::properties;
use super::{Asked, Family, Target, asked_for, not_implemented};
use crate::api::Call;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::auth::session::{HANDLE_PREFIX, Session};
use crate::clock::seconds_text;
use crate::notifications::SessionChange;
use crate::realm::{IdentityKind, RealmPath};

/// Performs an action (its name in lower case) that the caller may perform.
pub(super) async fn perform(
    app: &App,
    call: &Call,
    action: &str,
    asked: Asked,
) -> Result<Value, ApiError> {
    use Family::{Later, One, Two};
    match (asked.family, action) {
        (_, "logout") => logout(app, &asked).await,
        (Two | Later, "getsessioninfo") => Ok(match &asked.target {
            Target::Live(session) => info(app, session),
            Target::Dead => json!({"valid": false}),
        }),
        (Later, "getsessioninfoandresetidletime") => Ok(match &asked.target {
            Target::Live(session) => {
                app.sessions.touch(session, call.now);
                info(app, session)
            }
            Target::Dead => json!({"valid": false}),
        }),
        (Two | Later, "refresh") => Ok(refresh(app, call, &asked)),
        (Two | Later, "getsessionproperties") => properties::all(app, &asked),
        (Two | Later, "updatesessionproperties") => properties::update(app, &asked).await,
        (Two | Later, "logoutbyhandle") => logout_by_handle(app, &asked).await,
        (Later, "logoutbyuser") => logout_by_user(app, call, &asked).await,
        (One, "isactive") => {
            if let (Target::Live(session), Some("true")) =
                (&asked.target, call.parameters.first("refresh"))
            {
                app.sessions.touch(session, call.now);
            }
            Ok(json!({"active": matches!(asked.target, Target::Live(_))}))
        }
        (One, "getidle") => {
            Ok(json!({"idletime": number(&asked, |s| (call.now - s.last_used()) / 1000)}))
        }
        (One, "getmaxidle") => {
            Ok(json!({"maxidletime": number(&asked, |_| app.sessions.idle_minutes())}))
        }
        (One, "getmaxsessiontime") => {
            Ok(json!({"maxsessiontime": number(&asked, |_| app.sessions.max_minutes())}))
        }
        (One, "gettimeleft" | "getmaxtime") => {
            Ok(json!({"maxtime": number(&asked, |s| left(app, s, call.now))}))
        }
        (One, "getpropertynames") => Ok(json!({"properties": app.config.session_properties})),
        (One, "getproperty") => properties::named(app, &asked),
        (One, "setproperty") => properties::set(app, &asked).await,
        (One, "deleteproperty") => properties::delete(app, &asked).await,
        _ => Err(not_implemented(asked_for(call, action))),
    }
}

/// What `getSessionInfo` and queries say of a session.
pub(super) fn info(app: &App, session: &Session) -> Value {
    json!({
        "username": session.user,
        "universalId": app.subjects.directory.universal_id(IdentityKind::User, &session.user, &session.realm),
        "realm": session.realm.as_str(),
        "sessionHandle": session.handle(),
        "latestAccessTime": seconds_text(session.last_used()),
        "maxIdleExpirationTime": seconds_text(app.sessions.idle_end(session)),
        "maxSessionExpirationTime": seconds_text(app.sessions.age_end(session)),
    })
}

async fn logout(app: &App, asked: &Asked) -> Result<Value, ApiError> {
    match &asked.target {
        Target::Live(session) => {
            app.sessions.end(session, SessionChange::LoggedOut).await?;
            Ok(json!({"result": "Successfully logged out"}))
        }
        Target::Dead => Ok(json!({"result": "Token has expired"})),
    }
}

fn refresh(app: &App, call: &Call, asked: &Asked) -> Value {
    let Target::Live(session) = &asked.target else {
        return json!({"valid": false});
    };
    app.sessions.touch(session, call.now);
    json!({
        "uid": session.user,
        "realm": session.realm.as_str(),
        "idletime": (call.now - session.last_used()) / 1000,
        "maxidletime": app.sessions.idle_minutes(),
        "maxsessiontime": app.sessions.max_minutes(),
        "maxtime": left(app, session, call.now),
    })
}

async fn logout_by_handle(app: &App, asked: &Asked) -> Result<Value, ApiError> {
    let refused = || {
        ApiError::bad_request(
            "The \"sessionHandles\" field is not defined in the request or it's not a JSON array",
        )
    };
    let handles = asked
        .body
        .get("sessionHandles")
        .and_then(Value::as_array)
        .ok_or_else(refused)?;
    let mut result = serde_json::Map::new();
    for handle in handles {
        let handle = handle.as_str().ok_or_else(refused)?;
        // A session out of reach is answered like one that is not there; whom none is out of reach is told that it is
        // gone.
        let ended = match app.sessions.realm_of_handle(handle).await? {
            Some(realm) if may_end(asked, &realm) => app.sessions.end_by_handle(handle).await?,
            _ => handle.starts_with(HANDLE_PREFIX) && may_end(asked, &RealmPath::root()),
        };
        result.insert(handle.to_owned(), ended.into());
    }
    Ok(json!({"result": result}))
}

fn may_end(asked: &Asked, realm: &RealmPath) -> bool {
    let end = Permission::new(Endpoint::Sessions, Verb::Modify);
    asked.caller.may(end, realm)
}

async fn logout_by_user(app: &App, call: &Call, asked: &Asked) -> Result<Value, ApiError> {
    let user = asked.body.get("username").and_then(Value::as_str);
    let user = user.ok_or_else(|| {
        ApiError::bad_request("The \"username\" field is not defined in the request")
    })?;
    let realm: &RealmPath = &call.realm.path;
    if !may_end(asked, realm) {
        return Err(ApiError::forbidden("Forbidden"));
    }
    app.sessions.end_all_of(realm, &user.to_lowercase()).await?;
    Ok(json!({"result": true}))
}

fn number(asked: &Asked, of: impl Fn(&Session) -> i64) -> i64 {
    match &asked.target {
        Target::Live(session) => of(session),
        Target::Dead => -1,
    }
}

/// Seconds until the session ends whatever its use.
fn left(app: &App, session: &Session, now: i64) -> i64 {
    (app.sessions.age_end(session) - now).max(0) / 1000
}
