//! The management endpoints: what administers policies, policy sets, resource types, realms and identities
//! (`management-rest.md` §1.3, §4–§8).

mod authentication;
mod bundles;
mod collection;
mod guard;
mod listings;
mod oauth;
mod policies;
mod policy_sets;
mod realm_settings;
mod realms;
mod resource_types;
mod revisions;
mod rows;
mod scripts;
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

/// The endpoints here. What is not in the list is not found, so that nothing is served that is not described.
pub(crate) const ENDPOINTS: [&str; 22] = [
    "policies",
    "applications",
    "resourcetypes",
    "applicationtypes",
    "conditiontypes",
    "subjecttypes",
    "subjectattributes",
    "decisioncombiners",
    "scripts",
    "bundles",
    "users",
    "groups",
    "realms",
    "realm-config/authentication/modules/datastore",
    "realm-config/authentication/chains",
    "realm-config/services/policyconfiguration",
    "global-config/realms",
    "global-config/revisions",
    "global-config/clients",
    "global-config/roles",
    "global-config/rolemappings",
    "global-config/tokens",
];

/// Answers a request of a management endpoint, or 404 for an endpoint that there is not.
pub(crate) async fn handle(
    app: &App,
    call: &Call,
    elements: &[&str],
    operation: Operation,
) -> Result<Answer, ApiError> {
    use IdentityKind::{Group, User};
    use collection::handle;
    let (path, below) = elements.split_at(depth(elements).min(elements.len()));
    let place = Place(below);
    let path = path.join("/");
    if !ENDPOINTS.contains(&path.as_str()) {
        return Err(no_such_endpoint(elements));
    }
    match path.as_str() {
        "policies" => handle::<policies::Policies>(app, call, place, operation).await,
        "applications" => handle::<policy_sets::PolicySets>(app, call, place, operation).await,
        "resourcetypes" => {
            handle::<resource_types::ResourceTypes>(app, call, place, operation).await
        }
        "scripts" => handle::<scripts::Scripts>(app, call, place, operation).await,
        "realm-config/authentication/modules/datastore" => {
            handle::<authentication::Modules>(app, call, place, operation).await
        }
        "realm-config/authentication/chains" => {
            handle::<authentication::Chains>(app, call, place, operation).await
        }
        "realm-config/services/policyconfiguration" if below.is_empty() => {
            realm_settings::handle(app, call, operation).await
        }
        "bundles" => handle::<bundles::Bundles>(app, call, place, operation).await,
        "users" => users::handle(app, call, User, place, operation).await,
        "groups" => users::handle(app, call, Group, place, operation).await,
        "global-config/realms" => handle::<realms::Realms>(app, call, place, operation).await,
        "global-config/revisions" => revisions::handle(app, call, place.id()?, operation).await,
        "global-config/clients"
        | "global-config/roles"
        | "global-config/rolemappings"
        | "global-config/tokens" => oauth::handle(app, call, &path, place, operation).await,
        "realms" if below.is_empty() => realms::handle_paths(app, call, operation).await,
        name => match listings::listing(name) {
            Some(listing) => listings::handle(app, call, (listing, name), place, operation).await,
            None => Err(no_such_endpoint(elements)),
        },
    }
}

/// Where a request leads below an endpoint: to the collection, an instance, or deeper, where nothing is.
#[derive(Clone, Copy)]
struct Place<'a>(&'a [&'a str]);

impl<'a> Place<'a> {
    /// The instance; `None` for the collection.
    ///
    /// # Errors
    /// 404 for what lies deeper.
    fn id(self) -> Result<Option<&'a str>, ApiError> {
        match self.0 {
            [] => Ok(None),
            [id] => Ok(Some(id)),
            deeper => Err(ApiError::no_such_resource(&deeper.join("/"))),
        }
    }

    /// The error for a version that the endpoint at `path` does not have.
    fn no_such_version(self, path: &str, operation: &Operation) -> ApiError {
        let below = self.0.join("/");
        let id = Some(below.as_str()).filter(|below| !below.is_empty());
        ApiError::no_such_version(path, id, operation)
    }

    /// A PUT that may create makes an instance of the path above it, which says who may and what is there.
    ///
    /// # Errors
    /// 404 where it names the collection itself, whoever asks.
    fn check_creation(self, operation: &Operation) -> Result<(), ApiError> {
        match operation {
            Operation::Upsert | Operation::CreateWithId if self.0.is_empty() => {
                Err(ApiError::no_such_resource(""))
            }
            _ => Ok(()),
        }
    }

    /// The instance, once it is clear who asks for which version.
    ///
    /// # Errors
    /// 404 for what lies deeper; 400 where something would be made beneath an instance.
    fn settled(self, operation: &Operation) -> Result<Option<&'a str>, ApiError> {
        match (operation, self.0) {
            (Operation::Upsert | Operation::CreateWithId, [above, _]) => {
                let beneath = ApiError::misplaced(&Operation::Create, Some(above));
                Err(beneath.unwrap_or_else(|| ApiError::no_such_resource(above)))
            }
            _ => self.id(),
        }
    }
}

/// Paths below which AM has endpoints, the longer ones first.
const ABOVE_ENDPOINTS: [&str; 8] = [
    "realm-config/services/policyconfiguration",
    "realm-config/authentication/modules",
    "realm-config/authentication",
    "realm-config/services",
    "realm-config",
    "global-config",
    "sessions",
    "serverinfo",
];

/// The error for an endpoint that there is not: it names what is left of the path below those that there are.
fn no_such_endpoint(elements: &[&str]) -> ApiError {
    let path = elements.join("/");
    let rest = ABOVE_ENDPOINTS.iter().find_map(|above| {
        let rest = path.strip_prefix(above)?;
        if rest.is_empty() {
            Some(rest)
        } else {
            rest.strip_prefix('/')
        }
    });
    ApiError::no_such_resource(rest.unwrap_or(&path))
}

/// How many elements of a path name the endpoint.
fn depth(elements: &[&str]) -> usize {
    match elements {
        ["realm-config", "authentication", "modules", ..] => 4,
        ["realm-config", ..] => 3,
        ["global-config", ..] => 2,
        _ => 1,
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
        if let Some(misplaced) = ApiError::misplaced(&operation, id) {
            return Err(misplaced);
        }
        Ok(match (operation, id) {
            (Operation::Action(action), _) => Wanted::Action(action),
            (Operation::Query, _) => Wanted::Query,
            (Operation::Create, _) => Wanted::Create,
            (_, None) => return Err(ApiError::no_such_resource("")),
            (Operation::Read, Some(id)) => Wanted::Read(id),
            (Operation::Update, Some(id)) => Wanted::Update(id),
            (Operation::Delete, Some(id)) => Wanted::Delete(id),
            (Operation::Upsert, Some(id)) => Wanted::Upsert(id),
            (Operation::CreateWithId, Some(id)) => Wanted::CreateWithId(id),
            (Operation::Patch, Some(_)) => Wanted::Patch,
        })
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
