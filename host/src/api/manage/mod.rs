//! The management endpoints: what administers policies, policy sets, resource types, realms and identities
//! (`management-rest.md` §1.3, §4–§8).

mod bundles;
mod guard;
mod listings;
mod policies;
mod policy_sets;
mod realms;
mod resource_types;
mod revisions;
mod rows;
mod users;

use serde_json::{Map, Value};

use super::Call;
use super::answer::Answer;
use super::crest::fields::Fields;
use super::crest::operation::Operation;
use super::error::ApiError;
use crate::app::App;
use crate::documents::Members;
use crate::realm::IdentityKind;

/// Answers a request of a management endpoint, or 404 for an endpoint that there is not.
pub(crate) async fn handle(
    app: &App,
    call: &Call,
    endpoint: &[&str],
    operation: Operation,
) -> Result<Answer, ApiError> {
    match endpoint {
        ["policies"] => policies::handle(app, call, None, operation).await,
        ["policies", name] => policies::handle(app, call, Some(name), operation).await,
        ["applications"] => policy_sets::handle(app, call, None, operation).await,
        ["applications", name] => policy_sets::handle(app, call, Some(name), operation).await,
        ["resourcetypes"] => resource_types::handle(app, call, None, operation).await,
        ["resourcetypes", uuid] => resource_types::handle(app, call, Some(uuid), operation).await,
        ["bundles"] => bundles::handle(app, call, None, operation).await,
        ["bundles", name] => bundles::handle(app, call, Some(name), operation).await,
        ["users"] => users::handle(app, call, IdentityKind::User, None, operation).await,
        ["users", name] => {
            users::handle(app, call, IdentityKind::User, Some(name), operation).await
        }
        ["groups"] => users::handle(app, call, IdentityKind::Group, None, operation).await,
        ["groups", name] => {
            users::handle(app, call, IdentityKind::Group, Some(name), operation).await
        }
        ["global-config", "realms"] => realms::handle(app, call, None, operation).await,
        ["global-config", "realms", id] => realms::handle(app, call, Some(id), operation).await,
        ["global-config", "revisions"] => revisions::handle(app, call, None, operation).await,
        ["global-config", "revisions", number] => {
            revisions::handle(app, call, Some(number), operation).await
        }
        ["realms"] => realms::handle_paths(app, call, operation).await,
        [name, id @ ..]
            if id.len() <= 1
                && let Some(listing) = listings::listing(name) =>
        {
            let id = id.first().copied();
            listings::handle(app, call, (listing, name), id, operation).await
        }
        [
            "policies" | "applications" | "resourcetypes" | "bundles" | "users" | "groups",
            below @ ..,
        ] => Err(ApiError::no_such_resource(&below.join("/"))),
        other => Err(ApiError::no_such_resource(&other.join("/"))),
    }
}

/// A request of an endpoint with a collection and instances, once it is clear which of the two is meant.
enum Wanted<'a> {
    Query,
    Create,
    Read(&'a str),
    CreateWithId(&'a str),
    Upsert(&'a str),
    Update(&'a str),
    Delete(&'a str),
    Patch,
    Action(String),
}

impl<'a> Wanted<'a> {
    /// # Errors
    /// 400 for an operation on a collection that only instances have, or the reverse; 404 for a bare PUT on a collection.
    fn of(operation: Operation, id: Option<&'a str>) -> Result<Self, ApiError> {
        let misuse = |what: &str, how: &str| {
            Err(ApiError::bad_request(format!(
                "The resource {what}  cannot be {how}"
            )))
        };
        match (operation, id) {
            (Operation::Action(action), _) => Ok(Wanted::Action(action)),
            (Operation::Query, None) => Ok(Wanted::Query),
            (Operation::Create, None) => Ok(Wanted::Create),
            (Operation::Query, Some(_)) => misuse("instance", "queried"),
            (Operation::Create, Some(_)) => misuse("instance", "created"),
            (Operation::Read, None) => misuse("collection", "read"),
            (Operation::Update, None) => misuse("collection", "updated"),
            (Operation::Delete, None) => misuse("collection", "deleted"),
            (Operation::Patch, None) => misuse("collection", "patched"),
            (Operation::Upsert | Operation::CreateWithId, None) => {
                Err(ApiError::no_such_resource(""))
            }
            (Operation::Read, Some(id)) => Ok(Wanted::Read(id)),
            (Operation::Update, Some(id)) => Ok(Wanted::Update(id)),
            (Operation::Delete, Some(id)) => Ok(Wanted::Delete(id)),
            (Operation::Upsert, Some(id)) => Ok(Wanted::Upsert(id)),
            (Operation::CreateWithId, Some(id)) => Ok(Wanted::CreateWithId(id)),
            (Operation::Patch, Some(_)) => Ok(Wanted::Patch),
        }
    }
}

/// One object as the answer of a read or a write: `_id` and `_rev` first from protocol 2 on, then the wanted members.
fn single(
    call: &Call,
    served: &'static str,
    id: &str,
    revision: Option<String>,
    members: Members,
) -> Answer {
    let value = identified(call, id, revision.as_deref(), members);
    Answer {
        revision,
        ..Answer::value(served, value)
    }
}

/// An object with its `_id` and `_rev`, as far as the protocol shows them.
fn identified(call: &Call, id: &str, revision: Option<&str>, members: Members) -> Value {
    let mut ids = Map::new();
    if !call.requested.is_protocol_one() {
        ids.insert("_id".into(), id.into());
        ids.extend(revision.map(|revision| ("_rev".to_owned(), revision.into())));
    }
    let mut all = ids.clone();
    all.extend(members);
    match Fields::of(&call.parameters).select(Value::Object(all)) {
        Value::Object(selected) => {
            ids.extend(selected);
            Value::Object(ids)
        }
        other => other,
    }
}

/// The answer to a creation: 201, and where the new object is.
fn created(app: &App, call: &Call, endpoint: &str, id: &str, answer: Answer) -> Answer {
    let location = format!("{}/{id}", call.collection_url(app, endpoint));
    Answer {
        status: axum::http::StatusCode::CREATED,
        location: Some(location),
        ..answer
    }
}

/// What a deletion answers: the id and a revision of its own.
fn deleted(call: &Call, served: &'static str, id: &str) -> Answer {
    let revision = Some("0".to_owned());
    let value = identified(call, id, revision.as_deref(), Members::new());
    Answer {
        revision,
        ..Answer::value(served, value)
    }
}
