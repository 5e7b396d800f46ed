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

pub(super) mod clients;
pub(super) mod mappings;
pub(super) mod roles;
pub(super) mod tokens;

use std::sync::Arc;

use super::collection::Asked;
use crate::api::Call;
use crate::api::error::ApiError;
use crate::api::oauth::registration::MetadataFault;
use crate::documents::Members;
use crate::limits::CLIENT_NAME_CHARACTERS;
use crate::oauth::permission::Permissions;
use crate::oauth::registry::Registry;
use crate::oauth::role::RoleId;
use serde_json::Value;

/// The only form that these endpoints have.
#[derive(Clone, Copy)]
pub(super) struct Form;

/// Checks that a request is about the root realm.
///
/// # Errors
/// 404: other realms have no clients.
pub(super) fn in_root(call: &Call, path: &str) -> Result<(), ApiError> {
    if call.realm.path.is_root() {
        Ok(())
    } else {
        Err(ApiError::no_such_resource(path))
    }
}

impl<F> Asked<'_, F> {
    /// Clients and roles as they are now, what this request has written included.
    async fn registry(&self) -> Result<Arc<Registry>, ApiError> {
        let revision = self.app.publisher.live().revision;
        Ok(self.app.oauth.registries.at(revision).await?)
    }

    /// Checks that the caller may give others these permissions.
    ///
    /// # Errors
    /// 403.
    fn may_give(&self, registry: &Registry, given: Permissions) -> Result<(), ApiError> {
        if registry.may_give(self.caller.caller().held(), given) {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "A role that this is about permits more than the caller may",
            ))
        }
    }

    /// What roles permit together.
    fn permitted(registry: &Registry, roles: &[RoleId]) -> Permissions {
        let roles = roles.iter().filter_map(|id| registry.role(*id));
        roles.fold(Permissions::NONE, |sum, role| sum.or(role.permissions))
    }
}

/// The answer for an id in the address of something that is to be made.
fn ids_are_generated() -> ApiError {
    ApiError::bad_request("Ids are generated: create with POST and _action=create")
}

/// A name of a role or mapping.
fn name(body: &Members) -> Result<String, ApiError> {
    let name = text(body, "name")?.trim().to_owned();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(refused("name", "must be text without control characters"));
    }
    if name.chars().count() > CLIENT_NAME_CHARACTERS {
        let why = format!("has more than {CLIENT_NAME_CHARACTERS} characters");
        return Err(refused("name", &why));
    }
    Ok(name)
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
