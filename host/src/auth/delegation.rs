//! Delegation: which privileges a user has, by the groups of its realm (`management-rest.md` §3.3, §8.4).

use std::sync::Arc;

use super::privilege::{Privilege, Privileges};
use super::session::{ADMINISTRATOR, Session};
use crate::documents::identity;
use crate::oauth::token::User;
use crate::publish::Live;
use crate::store::{Kind, Store, StoreError};
use crate::subject::is_inactive;

/// The group of AM that nobody is put into and everybody with a session in its realm belongs to.
pub(crate) const ALL_AUTHENTICATED: &str = "allauthenticatedusers";

/// Privileges of a session's user, as long as they hold.
pub(crate) struct Granted {
    /// The store's revision that they were looked up at.
    revision: u64,
    privileges: Privileges,
}

/// The privileges of a session's user in the realm of the session, and so beneath it. They are looked up again
/// whenever the store has changed.
///
/// # Errors
/// The store did not answer.
pub(crate) async fn privileges(
    store: &Arc<dyn Store>,
    session: &Session,
    live: &Live,
) -> Result<Privileges, StoreError> {
    if session.is_administrator() {
        return Ok(Privileges::from_iter([Privilege::RealmAdmin]));
    }
    if let Some(known) = session.granted.load_full()
        && known.revision == live.revision
    {
        return Ok(known.privileges);
    }
    let found = of_user(store, &session.realm.key(), &session.user_key).await?;
    let privileges = found.unwrap_or(Privileges::NONE);
    session.granted.store(Some(Arc::new(Granted {
        revision: live.revision,
        privileges,
    })));
    Ok(privileges)
}

/// The privileges of a user in its realm; `None` for one who is gone or inactive, whatever groups still name it.
///
/// # Errors
/// The store did not answer.
pub(crate) async fn of_user(
    store: &Arc<dyn Store>,
    realm: &str,
    user_key: &str,
) -> Result<Option<Privileges>, StoreError> {
    let user = store.object(Kind::User, realm, user_key).await?;
    if user.is_none_or(|user| is_inactive(&identity::user_attributes(&user))) {
        return Ok(None);
    }
    of_groups(store, realm, user_key).await.map(Some)
}

/// What the groups of a user grant, whether it may log in or not.
///
/// # Errors
/// The store did not answer.
pub(crate) async fn of_groups(
    store: &Arc<dyn Store>,
    realm: &str,
    user_key: &str,
) -> Result<Privileges, StoreError> {
    let mut groups = store.groups_of(realm, user_key).await?;
    groups.push(ALL_AUTHENTICATED.to_owned());
    let mut all = Privileges::NONE;
    for name in groups {
        if let Some(group) = store
            .object(Kind::Group, realm, &name.to_lowercase())
            .await?
        {
            all = all.and(identity::group_parts(&group).privileges);
        }
    }
    Ok(all)
}

/// The privileges of a user who is known by an access token.
///
/// # Errors
/// The store did not answer.
pub(crate) async fn of_user_or_administrator(
    store: &Arc<dyn Store>,
    user: &User,
) -> Result<Privileges, StoreError> {
    if user.realm.is_root() && user.key() == ADMINISTRATOR {
        return Ok(Privileges::from_iter([Privilege::RealmAdmin]));
    }
    let found = of_user(store, &user.realm.key(), &user.key()).await?;
    Ok(found.unwrap_or(Privileges::NONE))
}
