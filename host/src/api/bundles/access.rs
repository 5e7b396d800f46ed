//! Who may have a bundle: the readers that its definition names, and those who may read the realm's policies anyway.

use std::sync::Arc;

use axum::http::HeaderMap;

use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::clock::Millis;
use crate::publish::{LiveRealm, PublishedBundle};
use crate::realm::IdentityKind;

/// Somebody who may have this bundle.
pub(super) struct Reader {
    /// By what the reader is known.
    pub(super) id: String,
    pub(super) bundle: Arc<PublishedBundle>,
}

/// Finds a bundle for a caller; keeps the caller's session alive.
///
/// # Errors
/// 401 without a caller; 403 for who is no reader of it, whether it exists or not; 404 for no such bundle, to those who
/// may see which there are.
pub(super) async fn reader(
    app: &App,
    headers: &HeaderMap,
    realm: &LiveRealm,
    name: &str,
    now: Millis,
) -> Result<Reader, ApiError> {
    let live = Arc::clone(&app.publisher.live());
    let caller = Caller::find(app, headers, &live, now).await?;
    let caller = caller.ok_or_else(ApiError::unauthorized)?;
    let bundle = app.publisher.bundle(&realm.key, name).await?;
    let id = caller.author(&app.subjects.directory);
    let sees_all = caller.may(Permission::new(Endpoint::Bundles, Verb::Read), &realm.path);
    let bundle = match bundle {
        Some(bundle)
            if sees_all
                || bundle.definition.is_for([id.as_str()])
                || is_in_a_group_of(app, &caller, &bundle).await? =>
        {
            bundle
        }
        None if sees_all => return Err(missing(name)),
        // INVARIANT: nobody learns the names of bundles by asking for them.
        Some(_) | None => {
            return Err(ApiError::forbidden(format!(
                "Not a reader of bundle {name}"
            )));
        }
    };
    caller.touch(app, now);
    Ok(Reader { id, bundle })
}

pub(super) fn missing(name: &str) -> ApiError {
    ApiError::not_found(format!("Bundle {name} does not exist"))
}

async fn is_in_a_group_of(
    app: &App,
    caller: &Caller,
    bundle: &PublishedBundle,
) -> Result<bool, ApiError> {
    let Some(session) = caller.session() else {
        return Ok(false);
    };
    let realm = session.realm.key();
    let groups = app.store.groups_of(&realm, &session.user_key).await?;
    let directory = &app.subjects.directory;
    let ids: Vec<String> = groups
        .iter()
        .map(|group| directory.universal_id(IdentityKind::Group, group, &session.realm))
        .collect();
    Ok(bundle.definition.is_for(ids.iter().map(String::as_str)))
}
