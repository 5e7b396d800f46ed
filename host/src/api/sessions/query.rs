//! Sessions of one user in one realm: `_queryFilter=username eq "…" and realm eq "…"`.

use serde_json::{Value, json};

use super::actions;
use crate::api::Call;
use crate::api::crest::fields::Fields;
use crate::api::crest::filter::{Filter, Literal, Operator};
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::auth::session::Session;
use crate::realm::RealmPath;

/// # Errors
/// 403 for whoever does not administer the realm; 400 for a filter that does not name one realm, and at most one
/// user of it.
pub(super) async fn answer(app: &App, call: &Call, caller: &Caller) -> Result<Value, ApiError> {
    let read = Permission::new(Endpoint::Sessions, Verb::Read);
    if !caller.may(read, caller.realm()) {
        return Err(ApiError::forbidden("Forbidden"));
    }
    let text = call.parameters.single("_queryFilter")?;
    let text = text.ok_or_else(|| ApiError::bad_request("Sessions are queried by _queryFilter"))?;
    let filter = Filter::parse(text)?;
    let (mut user, mut realm) = (None, None);
    for part in filter.conjuncts() {
        match part {
            Filter::Compare(field, Operator::Equal, Literal::Text(value)) => {
                match field.to_string().as_str() {
                    "/username" => user = Some(value.clone()),
                    "/realm" => realm = Some(value.clone()),
                    other => {
                        return Err(ApiError::bad_request(format!(
                            "{} is not supported in query filter",
                            other.trim_start_matches('/')
                        )));
                    }
                }
            }
            _ => {
                return Err(ApiError::bad_request(
                    "The query filter must be of the form: realm eq \"…\", or username eq \"…\" and realm eq \"…\"",
                ));
            }
        }
    }
    let realm =
        realm.ok_or_else(|| ApiError::bad_request("The query filter must specify the realm"))?;
    let sessions = match RealmPath::parse(&realm) {
        Some(realm) => {
            if !caller.may(read, &realm) {
                return Err(ApiError::forbidden("Forbidden"));
            }
            match user {
                Some(user) => {
                    let key = user.to_lowercase();
                    app.sessions.of_user(&realm, &key, call.now).await?
                }
                None => app.sessions.of_realm(&realm, call.now).await?,
            }
        }
        None => Vec::new(),
    };
    let rows = sessions.iter().map(|session| row(app, call, session));
    let rows: Vec<Value> = rows.collect();
    Ok(json!({
        "resultCount": rows.len(),
        "result": rows,
        "pagedResultsCookie": null,
        "totalPagedResultsPolicy": "NONE",
        "totalPagedResults": -1,
        "remainingPagedResults": -1,
    }))
}

/// A session with the wanted members; from protocol 2 on with a revision, which changes with each use of the session.
fn row(app: &App, call: &Call, session: &Session) -> Value {
    let mut row = Fields::of(&call.parameters).select(actions::info(app, session));
    if let Value::Object(members) = &mut row
        && !call.requested.is_protocol_one()
    {
        members.shift_insert(0, "_rev".into(), session.last_used().to_string().into());
    }
    row
}
