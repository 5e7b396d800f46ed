//! Revisions of the store: `…/global-config/revisions`. AM has nothing like it; the shapes are CREST's.
//!
//! ```text
//! GET  …/revisions?_queryFilter=true[&_pageSize=N][&_pagedResultsCookie=C]   who changed what and when, the latest first
//! GET  …/revisions/N                                                         one of them
//! POST …/revisions/N?_action=diff      {"from": M}                           what differs from M, or from the one before
//! POST …/revisions/N?_action=rollback                                        policies as they were, under a new revision
//! ```
//!
//! A revision is of the whole store, so only who administers the root realm may see it or go back to it, whatever realm
//! the path names. Secrets are in no revision.

use serde_json::{Value, json};

use super::{Wanted, guard, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::filter::Filter;
use crate::api::crest::operation::{self, Operation};
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Authorized;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::clock::millis_text;
use crate::documents::{Members, members};
use crate::limits::{DIFFERENCES_SHOWN, REVISIONS_PER_PAGE};
use crate::realm::RealmPath;
use crate::store::{Difference, Object, Revision, StoreError};

const ROUTES: [(Version, &str); 1] = [(Version(1, 0), "resource=1.0")];

/// Answers any request of the endpoint.
pub(super) async fn handle(
    app: &App,
    call: &Call,
    id: Option<&str>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    let caller = call.caller(app).await?;
    let verb = match &operation {
        Operation::Read | Operation::Query => Verb::Read,
        Operation::Action(action) if action == "diff" => Verb::Read,
        _ => Verb::Modify,
    };
    let permission = Permission::new(Endpoint::Revisions, verb);
    let caller = Authorized::check(caller, permission, &RealmPath::root())?;
    caller.caller().touch(app, call.now);
    let served = call
        .requested
        .route(&ROUTES)
        .ok_or_else(|| ApiError::no_such_version("global-config/revisions", id, &operation))?;
    let done = match (Wanted::of(operation, id)?, id) {
        (Wanted::Query, _) => query(app, call, served).await,
        (Wanted::Read(id), _) => {
            let revision = find(app, number(id)?).await?;
            let id = revision.number.to_string();
            Ok(single(
                call,
                served,
                &id,
                Some(id.clone()),
                shown(&revision),
            ))
        }
        (Wanted::Action(action), Some(id)) if action == "diff" => {
            diff(app, call, served, number(id)?).await
        }
        (Wanted::Action(action), Some(id)) if action == "rollback" => {
            let author = guard::author(app, &caller);
            roll_back(app, call, served, number(id)?, &author).await
        }
        (Wanted::Action(action), _) => Err(ApiError::not_implemented(format!(
            "There is no action {action} here; an instance has diff and rollback"
        ))),
        _ => Err(ApiError::not_implemented(
            "Revisions are made by changes; they are neither written nor deleted",
        )),
    };
    done.map_err(|error| error.served(served))
}

/// # Errors
/// 404 for what is no number: there can be no such revision.
fn number(id: &str) -> Result<u64, ApiError> {
    id.parse().map_err(|_| unknown(id))
}

fn unknown(id: impl std::fmt::Display) -> ApiError {
    ApiError::not_found(format!("There is no revision {id}"))
}

async fn find(app: &App, number: u64) -> Result<Revision, ApiError> {
    let above = number.checked_add(1).ok_or_else(|| unknown(number))?;
    let found = app.store.revisions(Some(above), 1).await?;
    let found = found.into_iter().find(|found| found.number == number);
    found.ok_or_else(|| unknown(number))
}

async fn query(app: &App, call: &Call, served: &'static str) -> Result<Answer, ApiError> {
    let wanted = call.parameters.single("_queryFilter")?;
    if !wanted
        .map(Filter::parse)
        .transpose()?
        .is_some_and(|filter| matches!(filter, Filter::Literal(true)))
    {
        return Err(ApiError::not_implemented(
            "Revisions are listed by _queryFilter=true only",
        ));
    }
    if let Some(keys) = call.parameters.single("_sortKeys")? {
        return Err(ApiError::not_implemented(format!(
            "Revisions come the latest first and cannot be sorted by {keys}"
        )));
    }
    let size = operation::integer(&call.parameters, "_pageSize")?.unwrap_or(0);
    let size = match u32::try_from(size) {
        Ok(0) => REVISIONS_PER_PAGE,
        Ok(size) if size <= REVISIONS_PER_PAGE => size,
        _ => {
            return Err(ApiError::bad_request(format!(
                "_pageSize must be between 1 and {REVISIONS_PER_PAGE}"
            )));
        }
    };
    if operation::integer(&call.parameters, "_pagedResultsOffset")?.is_some_and(|n| n != 0) {
        return Err(ApiError::bad_request(
            "Pages of revisions are asked for by _pagedResultsCookie, not by _pagedResultsOffset",
        ));
    }
    let before = match call.parameters.single("_pagedResultsCookie")? {
        None | Some("") => None,
        Some(cookie) => Some(cookie.parse::<u64>().map_err(|_| {
            ApiError::bad_request(format!("_pagedResultsCookie {cookie:?} is none of ours"))
        })?),
    };
    // One more than asked for tells whether there is another page.
    let mut page = app.store.revisions(before, size + 1).await?;
    let is_last = page.len() <= size as usize;
    page.truncate(size as usize);
    let cookie = page.last().filter(|_| !is_last);
    let cookie = cookie.map(|last| last.number.to_string());
    let rows = page.iter().map(|revision| {
        let id = revision.number.to_string();
        super::identified(call, &id, Some(&id), shown(revision))
    });
    let envelope = json!({
        "result": rows.collect::<Vec<_>>(),
        "resultCount": page.len(),
        "pagedResultsCookie": cookie,
        "totalPagedResultsPolicy": "NONE",
        "totalPagedResults": -1,
        "remainingPagedResults": -1,
    });
    let protocol = (!page.is_empty()).then(|| call.requested.protocol_text());
    Ok(Answer {
        protocol,
        ..Answer::value(served, envelope)
    })
}

fn shown(revision: &Revision) -> Members {
    Members::from_iter([
        ("revision".to_owned(), revision.number.into()),
        ("date".to_owned(), millis_text(revision.at).into()),
        ("author".to_owned(), revision.author.as_str().into()),
        ("summary".to_owned(), revision.summary.as_str().into()),
    ])
}

async fn diff(app: &App, call: &Call, served: &'static str, to: u64) -> Result<Answer, ApiError> {
    let body = call.json()?;
    if !(body.is_object() || body.is_null()) {
        return Err(ApiError::bad_request(
            "The body must be an object such as {\"from\": 0}",
        ));
    }
    find(app, to).await?;
    let from = match body.get("from") {
        None | Some(Value::Null) => {
            let before = app.store.revisions(Some(to), 1).await?;
            before.first().map_or(0, |before| before.number)
        }
        Some(from) => from.as_u64().ok_or_else(|| {
            ApiError::bad_request("/from must be the number of a revision; 0 is the empty store")
        })?,
    };
    let differences = app
        .store
        .diff(from, to)
        .await
        .map_err(|error| match error {
            StoreError::Missing { .. } => unknown(from),
            other => other.into(),
        })?;
    let rows = differences.iter().take(DIFFERENCES_SHOWN).map(difference);
    Ok(Answer::value(
        served,
        json!({
            "from": from,
            "to": to,
            "result": rows.collect::<Vec<_>>(),
            "resultCount": differences.len().min(DIFFERENCES_SHOWN),
            "totalResults": differences.len(),
        }),
    ))
}

fn difference(difference: &Difference) -> Value {
    let (before, after) = (difference.before.as_ref(), difference.after.as_ref());
    let change = match (before, after) {
        (None, _) => "created",
        (Some(_), None) => "deleted",
        (Some(_), Some(_)) => "changed",
    };
    let body = |object: Option<&Object>| object.map(|object| Value::Object(members(object)));
    json!({
        "kind": difference.kind.name(),
        "realm": difference.realm,
        "name": after.or(before).map_or(difference.key.as_str(), |object| object.name.as_str()),
        "change": change,
        "before": body(before),
        "after": body(after),
    })
}

async fn roll_back(
    app: &App,
    call: &Call,
    served: &'static str,
    to: u64,
    author: &str,
) -> Result<Answer, ApiError> {
    find(app, to).await?;
    let made = app.publisher.roll_back(author, to).await?;
    let revision = find(app, made).await?;
    let id = revision.number.to_string();
    Ok(single(
        call,
        served,
        &id,
        Some(id.clone()),
        shown(&revision),
    ))
}
