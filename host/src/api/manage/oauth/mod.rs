//! What administers the token service: `…/global-config/{clients, roles, rolemappings, tokens}`. AM has other endpoints
//! for it, with hundreds of settings that mean nothing here; the shapes are CREST's, the members those of RFC 7591.
//!
//! ```text
//! POST   …/clients?_action=create      client metadata (RFC 7591 §2), `role`, `access_token_lifetime`, `enabled`
//! GET    …/clients?_queryFilter=…      clients, without their secrets
//! GET, PUT, DELETE …/clients/ID
//! POST   …/clients/ID?_action=rotateSecret   {"client_secret"?}: a new secret; the one before is good no more
//! POST   …/roles?_action=create        {"name", "permissions": [codenames]}
//! GET, PUT, DELETE …/roles/NUMBER
//! POST   …/rolemappings?_action=create {"name", "source": "sub"|"role"|"group", "value", "roles": [numbers or names]}
//! GET, PUT, DELETE …/rolemappings/NUMBER
//! GET    …/tokens?_queryFilter=…       tokens that are good now: whose, for what, until when
//! GET, DELETE …/tokens/JTI             DELETE revokes the token
//! POST   …/tokens?_action=revoke       {"client_id"} or {"realm", "user"}: revokes all of them
//! ```
//!
//! Clients and roles are the whole server's, so they are found in the root realm only. Nobody gives a client or a role
//! more than they may themselves.

mod clients;
mod mappings;
mod registrations;
mod roles;
mod tokens;

use std::sync::Arc;

use serde_json::Value;

use super::Place;
use super::collection::{self, Route};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::api::oauth::registration::MetadataFault;
use crate::app::App;
use crate::documents::Members;
use crate::oauth::client::Client;
use crate::oauth::name::Name;
use crate::oauth::registry::Registry;
use crate::oauth::role::{Role, RoleMapping};
use registrations::{Administered, Registrations};
use tokens::Tokens;

/// The only form that these endpoints have.
#[derive(Clone, Copy)]
pub(super) struct Form;

const ROUTES: [Route<Form>; 1] = [(Version(1, 0), (Form, "resource=1.0"))];

type Asked<'a> = collection::Asked<'a, Form>;

/// Answers a request of one of these endpoints.
///
/// # Errors
/// 404 for a realm below the root, and as [`collection::handle`].
pub(super) async fn handle(
    app: &App,
    call: &Call,
    path: &str,
    place: Place<'_>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    if !call.realm.path.is_root() {
        return Err(ApiError::no_such_resource(path));
    }
    match path {
        Client::PATH => {
            collection::handle::<Registrations<Client>>(app, call, place, operation).await
        }
        Role::PATH => collection::handle::<Registrations<Role>>(app, call, place, operation).await,
        RoleMapping::PATH => {
            collection::handle::<Registrations<RoleMapping>>(app, call, place, operation).await
        }
        _ => collection::handle::<Tokens>(app, call, place, operation).await,
    }
}

impl Asked<'_> {
    /// Clients and roles as they are now, what this request has written included.
    async fn registry(&self) -> Result<Arc<Registry>, ApiError> {
        let revision = self.app.publisher.live().revision;
        Ok(self.app.oauth.registries.at(revision).await?)
    }
}

/// A name of a role or mapping.
fn name(body: &Members) -> Result<Name, ApiError> {
    Name::parse(text(body, "name")?).map_err(|fault| refused("name", &fault.to_string()))
}

fn text<'a>(body: &'a Members, member: &str) -> Result<&'a str, ApiError> {
    let found = body.get(member).and_then(Value::as_str);
    found.ok_or_else(|| refused(member, "a string is needed"))
}

fn array<'a>(body: &'a Members, member: &str) -> Result<&'a [Value], ApiError> {
    let found = body.get(member).and_then(Value::as_array);
    let found = found.ok_or_else(|| refused(member, "an array is needed"))?;
    Ok(found)
}

fn refused(path: &str, why: &str) -> ApiError {
    ApiError::bad_request(format!("{why} (at /{path})"))
}

impl From<MetadataFault> for ApiError {
    fn from(fault: MetadataFault) -> Self {
        refused(fault.member, &fault.why)
    }
}
