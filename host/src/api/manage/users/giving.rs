//! Nobody gives more than they have: who writes a group gives its members what it grants, and who sets a user's password
//! can become that user.

use super::Asked;
use crate::api::error::ApiError;
use crate::auth::delegation;
use crate::auth::privilege::Privileges;
use crate::oauth::permission::Permissions;
use crate::oauth::role::Source;

impl Asked<'_> {
    /// Checks that the caller may give what a group with these privileges gives its members.
    ///
    /// # Errors
    /// 403; 503 where the store did not answer.
    pub(super) async fn may_give_by_group(
        &self,
        name: &str,
        privileges: Privileges,
    ) -> Result<(), ApiError> {
        self.may_give(privileges, &[name]).await
    }

    /// Checks that the caller may become a user, by a password of its own choice.
    ///
    /// # Errors
    /// As [`Asked::may_give_by_group`].
    pub(super) async fn may_become(&self, user_key: &str) -> Result<(), ApiError> {
        let (store, realm) = (&self.app.store, &self.call.realm.key);
        let privileges = delegation::of_groups(store, realm, user_key).await?;
        let groups = store.groups_of(realm, user_key).await?;
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        self.may_give(privileges, &groups).await
    }

    async fn may_give(&self, privileges: Privileges, groups: &[&str]) -> Result<(), ApiError> {
        let mut given = Permissions::to_give(privileges);
        // Groups are mapped to roles in the root realm, where roles are.
        if self.call.realm.path.is_root() {
            let revision = self.app.publisher.live().revision;
            let registry = self.app.oauth.registries.at(revision).await?;
            let mapped = registry.mapped(Source::Group, groups);
            given = given.or(mapped.unwrap_or(Permissions::NONE));
        }
        if self.caller.held().covers(given) {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "This would give somebody more than the caller may",
        ))
    }
}
