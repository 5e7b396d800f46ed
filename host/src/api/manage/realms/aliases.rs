//! Aliases of realms: names that a host or a path may have, and so everybody's, whichever realm has them.
//!
//! INVARIANT: only who administers the root realm gives or takes aliases. An alias leads requests that name no realm, by
//! the host that they were sent to, so whoever could choose one would answer in the root realm's place.

use serde_json::Value;

use super::creation::{forbidden_name, unaddressable};
use crate::api::error::ApiError;
use crate::api::manage::ENDPOINTS;
use crate::auth::caller::Caller;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::naming::is_dot_segment;
use crate::publish::Live;
use crate::realm::{RealmPath, forbidden};

/// The aliases that a body asks for, each once.
///
/// # Errors
/// 400
pub(super) fn read(value: &Value) -> Result<Vec<String>, ApiError> {
    let wrong = || ApiError::bad_request("Wrong parameter type provided in aliases. Expected list");
    let mut aliases = Vec::new();
    for alias in value.as_array().ok_or_else(wrong)? {
        let alias = alias.as_str().ok_or_else(wrong)?;
        if alias.trim().is_empty() {
            return Err(ApiError::bad_request("No aliases parameter provided"));
        }
        if forbidden(alias) {
            return Err(forbidden_name("alias"));
        }
        if !aliases.iter().any(|known| known == alias) {
            aliases.push(alias.to_owned());
        }
    }
    Ok(aliases)
}

/// Whether an endpoint is called so: a realm or an alias of that name would hide it.
pub(super) fn is_endpoint(name: &str) -> bool {
    const BESIDE: [&str; 4] = ["realms", "authenticate", "sessions", "serverinfo"];
    let first = ENDPOINTS.iter().filter_map(|path| path.split('/').next());
    let mut words = first.chain(BESIDE);
    words.any(|word| word.eq_ignore_ascii_case(name))
}

/// Checks the aliases that a realm is to have. `before` are those that it has.
///
/// # Errors
/// 403 for who may not change aliases; 400 for what cannot be part of an address, or is a word of the API; 409 for what
/// another realm is called.
pub(super) fn check(
    caller: &Caller,
    live: &Live,
    path: &RealmPath,
    before: &[String],
    after: &[String],
) -> Result<(), ApiError> {
    if before == after {
        return Ok(());
    }
    let modify = Permission::new(Endpoint::Realms, Verb::Modify);
    if !caller.may(modify, &RealmPath::root()) {
        return Err(ApiError::forbidden(
            "Aliases are changed by who administers the root realm (at /aliases)",
        ));
    }
    let added = after.iter().filter(|alias| !before.contains(alias));
    for alias in added {
        if alias.trim().is_empty() || forbidden(alias) {
            return Err(forbidden_name("alias"));
        }
        if is_dot_segment(alias) {
            return Err(unaddressable());
        }
        let same = |other: &str| other.eq_ignore_ascii_case(alias);
        if is_endpoint(alias) || same("root") {
            return Err(ApiError::bad_request(format!(
                "The alias {alias} is a word of this API (at /aliases)"
            )));
        }
        let mut others = live.realms().filter(|realm| realm.path != *path);
        let taken = others.any(|realm| {
            !realm.path.is_root() && same(realm.path.name())
                || realm.aliases.iter().any(|other| same(other))
        });
        if taken {
            return Err(ApiError::conflict(format!(
                "The realm {alias} already exists."
            )));
        }
    }
    Ok(())
}
