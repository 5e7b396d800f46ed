//! `…/sessions`: what a session is, how long it lasts, its properties, its end (`management-rest.md` §8.2).
//!
//! Version 1.2 and 2.0 are OpenAM's; 2.1, 3.x, 4.0 and 5.x are AM 7's, whose clients put the token into the body.

mod actions;
mod properties;
mod query;

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::Call;
use super::answer::Answer;
use super::crest::operation::Operation;
use super::crest::version::Version;
use super::error::ApiError;
use crate::app::App;
use crate::auth::caller::{Caller, token};
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::auth::session::Session;

/// Which family of versions a request is served by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    One,
    Two,
    /// AM 7's.
    Later,
}

const ROUTES: [(Version, (Family, &str)); 7] = [
    (Version(1, 2), (Family::One, "resource=1.2")),
    (Version(2, 0), (Family::Two, "resource=2.0")),
    (Version(2, 1), (Family::Later, "resource=2.1")),
    (Version(3, 1), (Family::Later, "resource=3.1")),
    (Version(4, 0), (Family::Later, "resource=4.0")),
    (Version(5, 0), (Family::Later, "resource=5.0")),
    (Version(5, 1), (Family::Later, "resource=5.1")),
];

/// A session request after its checks: who asks, about which session.
struct Asked {
    family: Family,
    caller: Caller,
    target: Target,
    body: Value,
}

/// The session that is asked about.
enum Target {
    Live(Arc<Session>),
    /// A token that was named and is no session.
    Dead,
}

/// Answers any request below `sessions`.
pub(crate) async fn handle(
    app: &App,
    call: &Call,
    path: Option<&str>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    if path.is_none() && matches!(operation, Operation::Upsert | Operation::CreateWithId) {
        return Err(ApiError::no_such_resource(""));
    }
    let (family, served) = match family(call) {
        Ok(route) => route,
        Err(unserved) => return Err(call.caller(app).await.err().unwrap_or(unserved)),
    };
    let answered = match (operation, path) {
        (Operation::Action(action), _) => {
            action_of(app, call, path, &action, (family, served)).await
        }
        (Operation::Query, None) => query::answer(app, call, &call.caller(app).await?).await,
        (operation, path) => match (ApiError::misplaced(&operation, path), path, &operation) {
            (None, Some(token), Operation::Read) => {
                Err(unsupported(app, call, token, "getsessioninfo").await)
            }
            (misplaced, _, operation) => {
                let caller = call.caller(app).await?;
                if !matches!(operation, Operation::Read | Operation::Query) {
                    may_change(&caller, call)?;
                }
                let unsupported = || ApiError::not_implemented("Operation is not supported.");
                Err(misplaced.unwrap_or_else(unsupported))
            }
        },
    };
    match answered {
        Ok(value) => Ok(Answer::value(served, value)),
        Err(error)
            if matches!(
                error.status(),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            ) =>
        {
            Err(error)
        }
        Err(error) => Err(error.served(served)),
    }
}

/// # Errors
/// 403 for who does not administer the sessions of the realm: the others only have actions.
fn may_change(caller: &Caller, call: &Call) -> Result<(), ApiError> {
    let change = Permission::new(Endpoint::Sessions, Verb::Modify);
    if caller.may(change, &call.realm.path) {
        Ok(())
    } else {
        Err(ApiError::forbidden("Forbidden"))
    }
}

/// Without a version, and for 2 or 2.0, version 2.0 answers; a later one only where it is asked for.
fn family(call: &Call) -> Result<(Family, &'static str), ApiError> {
    match call.requested.resource {
        None | Some(Version(2, 0)) => Ok((Family::Two, "resource=2.0")),
        Some(_) => call
            .requested
            .route(&ROUTES)
            .ok_or_else(|| ApiError::no_such_resource("")),
    }
}

async fn action_of(
    app: &App,
    call: &Call,
    path: Option<&str>,
    action: &str,
    (family, served): (Family, &'static str),
) -> Result<Value, ApiError> {
    let body = call.json()?;
    let action = action.to_ascii_lowercase();
    if let Some(token) = path
        && family != Family::One
    {
        return Err(unsupported(app, call, token, &action).await);
    }
    let named = path
        .map(str::to_owned)
        .or_else(|| call.parameters.first("tokenId").map(str::to_owned));
    let in_body = body
        .get("tokenId")
        .and_then(Value::as_str)
        .map(str::to_owned);
    if action == "validate" {
        return validate(app, call, family, named.or(in_body)).await;
    }
    let (caller, named) = match (call.find_caller(app).await?, in_body) {
        (Some(caller), in_body) if family == Family::Later => (caller, named.or(in_body)),
        (Some(caller), _) => (caller, named),
        // AM 7: whoever holds the token may say so in the body.
        (None, Some(token)) if family == Family::Later && credentials_absent(app, call) => {
            let session = app
                .sessions
                .find(&token, call.now)
                .await?
                .ok_or_else(ApiError::unauthorized)?;
            (Caller::of_session(app, session, &call.live).await?, named)
        }
        (None, _) => return Err(ApiError::unauthorized()),
    };
    let target = match named {
        // A caller without a session has to name one.
        None => match caller.session() {
            Some(session) => Target::Live(Arc::clone(session)),
            None => return Err(ApiError::forbidden("No session for request.")),
        },
        Some(token) => match app.sessions.find(&token, call.now).await? {
            Some(session) => Target::Live(session),
            None => Target::Dead,
        },
    };
    let asked = Asked {
        family,
        caller,
        target,
        body,
    };
    permitted(app, call, &action, &asked).await?;
    let done = actions::perform(app, call, &action, asked).await;
    done.map_err(|error| error.served(served))
}

/// The error for an operation on one session in the path, which later versions than 1.2 do not have: 501 for whoever might
/// have asked for it.
async fn unsupported(app: &App, call: &Call, token: &str, action: &str) -> ApiError {
    let unsupported = ApiError::not_implemented("Operation is not supported.");
    if action == "validate" {
        return unsupported;
    }
    let asked = async {
        let target = match app.sessions.find(token, call.now).await? {
            Some(session) => Target::Live(session),
            None => Target::Dead,
        };
        let asked = Asked {
            family: Family::Two,
            caller: call.caller(app).await?,
            target,
            body: Value::Null,
        };
        permitted(app, call, action, &asked).await
    };
    asked.await.err().unwrap_or(unsupported)
}

/// Whether the request carries no session at all, good or bad.
fn credentials_absent(app: &App, call: &Call) -> bool {
    token(&call.headers, &app.config).is_none()
}

/// `validate` needs no session of the caller: the token itself is the question.
async fn validate(
    app: &App,
    call: &Call,
    family: Family,
    named: Option<String>,
) -> Result<Value, ApiError> {
    let own = token(&call.headers, &app.config).map(str::to_owned);
    let Some(asked) = named.or(own) else {
        return Err(ApiError::bad_request(
            "iPlanetDirectoryCookie not set on request",
        ));
    };
    if family == Family::Two {
        return Err(not_implemented(asked_for(call, "validate")));
    }
    let mut answer = Map::new();
    match app.sessions.find(&asked, call.now).await? {
        None => answer.insert("valid".into(), false.into()),
        Some(session) => {
            answer.insert("valid".into(), true.into());
            if family == Family::Later {
                answer.insert("sessionUid".into(), session.handle().into());
            }
            answer.insert("uid".into(), session.user.as_str().into());
            answer.insert("realm".into(), session.realm.as_str().into())
        }
    };
    Ok(Value::Object(answer))
}

/// Actions that a user may use on the session that makes the request.
const OWN: [&str; 9] = [
    "gettimeleft",
    "getmaxidle",
    "getsessioninfo",
    "getsessionproperties",
    "updatesessionproperties",
    "getpropertynames",
    "getproperty",
    "setproperty",
    "deleteproperty",
];
/// Those that AM 7 adds to them.
const OWN_LATER: [&str; 2] = ["getsessioninfoandresetidletime", "refresh"];

/// The permission that an action (its name in lower case) on the session of somebody else takes.
fn permission(action: &str) -> Permission {
    let verb = match action {
        "getpropertynames" => Verb::Action("getPropertyNames"),
        "getproperty" | "getsessionproperties" => Verb::Action("getProperty"),
        "setproperty" | "updatesessionproperties" => Verb::Action("setProperty"),
        "deleteproperty" => Verb::Action("deleteProperty"),
        _ => Verb::Modify,
    };
    Permission::new(Endpoint::Sessions, verb)
}

/// A privilege reaches the sessions of its realm and beneath; without one a user may do only what is listed, and only
/// with its own session, except to end one.
async fn permitted(app: &App, call: &Call, action: &str, asked: &Asked) -> Result<(), ApiError> {
    // Whoever brings a session's token could use it, so may end it too.
    if action == "logout" {
        return Ok(());
    }
    let realm = match &asked.target {
        Target::Live(session) => &session.realm,
        // A session that is none is in no realm that would have to be protected.
        Target::Dead => asked.caller.realm(),
    };
    if asked.caller.may(permission(action), realm) {
        return Ok(());
    }
    let listed =
        OWN.contains(&action) || (asked.family == Family::Later && OWN_LATER.contains(&action));
    let own = matches!(&asked.target, Target::Live(session) if is_own(&asked.caller, session));
    // A cookie and a header that name two sessions: it is not clear whose request this is.
    let cookie_and_header = call
        .headers
        .get(&app.config.cookie_name)
        .and_then(|value| value.to_str().ok());
    let of_one = match cookie_and_header {
        None => true,
        Some(header) => {
            let session = app.sessions.find(header, call.now).await?;
            session.is_none_or(|session| is_own(&asked.caller, &session))
        }
    };
    if listed && own && of_one {
        Ok(())
    } else {
        Err(ApiError::forbidden("Forbidden"))
    }
}

fn is_own(caller: &Caller, session: &Session) -> bool {
    caller.session().is_some_and(|own| own.is_same(session))
}

/// The action as the request spells it.
fn asked_for<'a>(call: &'a Call, action: &'a str) -> &'a str {
    call.parameters.first("_action").unwrap_or(action)
}

fn not_implemented(action: &str) -> ApiError {
    ApiError::not_implemented(format!("Action {action} not implemented for this resource"))
}
