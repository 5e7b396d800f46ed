//! How a realm is made, and what it may be called.

use super::aliases::is_endpoint;
use crate::api::Call;
use crate::api::error::ApiError;
use crate::app::App;
use crate::documents::realm;
use crate::naming::is_dot_segment;
use crate::publish::{CommitError, RealmBody};
use crate::realm::{FORBIDDEN_IN_REALM, RealmPath};
use crate::store::StoreError;

/// What AM's directory does not take in a realm's name, beside what realms must not hold at all.
const INVALID: [char; 4] = ['*', '(', ')', '!'];

/// Makes a realm; `name` is what the request calls it.
///
/// # Errors
/// 400 for a name that no address can hold, 409 where there is such a realm, 404 where the one above it is gone.
pub(super) async fn make(
    app: &App,
    call: &Call,
    path: &RealmPath,
    body: RealmBody,
    name: &str,
    author: &str,
) -> Result<(), ApiError> {
    if is_dot_segment(path.name()) {
        return Err(unaddressable());
    }
    if name.contains(INVALID) || is_endpoint(path.name()) {
        return Err(ApiError::bad_request(format!(
            "Organization name {name} is invalid"
        )));
    }
    let taken = || ApiError::conflict(format!("The realm {name} already exists."));
    if call.live.realm(path).is_some() {
        return Err(taken());
    }
    match app
        .publisher
        .commit(author, "realm created", realm::creation(path, &body))
        .await
    {
        Err(CommitError::Store(StoreError::Exists { .. })) => Err(taken()),
        Err(CommitError::Store(StoreError::NoRealm { .. })) => {
            let parent = path.parent().unwrap_or_else(RealmPath::root);
            Err(ApiError::not_found(format!(
                "Realm cannot be read: {parent}"
            )))
        }
        other => Ok(other.map(drop)?),
    }
}

/// AM writes its set of forbidden characters as a list.
pub(super) fn forbidden_name(what: &str) -> ApiError {
    let list: Vec<String> = FORBIDDEN_IN_REALM.chars().map(String::from).collect();
    ApiError::bad_request(format!(
        "Realm {what} cannot contain: [{}]",
        list.join(", ")
    ))
}

pub(super) fn unaddressable() -> ApiError {
    ApiError::bad_request(
        "Realms and aliases cannot be called . or ..: clients take such names out of addresses",
    )
}
