//! Revoked access tokens, in memory on every node until they have expired.
//!
//! A JWT is good by itself; what ends it early is this list. A revocation is stored first, told to the other nodes in the
//! same transaction, and read by each of them by its number, so none is missed whatever notice gets lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::{Oauth, audit};
use crate::clock::Millis;
use crate::store::tokens::{Revoke, Revoked};
use crate::store::{Store, StoreError};

/// The list.
#[derive(Default)]
pub(super) struct Revocations {
    /// By `jti`: when the token would have expired.
    list: RwLock<HashMap<Box<str>, Millis>>,
    /// The number of the latest revocation on the list.
    seen: AtomicI64,
}

impl Revocations {
    pub(super) fn contains(&self, jti: &str) -> bool {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.contains_key(jti)
    }

    /// Reads revocations that are not on the list yet.
    async fn catch_up(&self, store: &dyn Store) -> Result<(), StoreError> {
        let seen = self.seen.load(Ordering::Acquire);
        let new = store.revocations(seen).await?;
        let Some(newest) = new.last().map(|last| last.number) else {
            return Ok(());
        };
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        list.extend(
            new.into_iter()
                .map(|token| (token.jti.into(), token.expires)),
        );
        self.seen.fetch_max(newest, Ordering::AcqRel);
        Ok(())
    }

    /// Forgets tokens that have expired.
    pub(super) fn forget(&self, now: Millis) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        list.retain(|_, expires| *expires > now);
    }
}

impl Oauth {
    /// Revokes tokens, durably and on this node at once; other nodes hear of it. `about` is who asked for it.
    ///
    /// # Errors
    /// The store did not answer: nothing was revoked.
    pub(crate) async fn revoke(
        &self,
        which: Revoke<'_>,
        about: audit::About<'_>,
        now: Millis,
    ) -> Result<Revoked, StoreError> {
        let revoked = self.store.revoke_tokens(which, now).await?;
        self.take_over_revocations().await?;
        let name = match which {
            Revoke::Access(_) => "access token",
            Revoke::Refresh(_) => "refresh token",
            Revoke::Family(_) => "family",
            Revoke::Client(_) => "client",
            Revoke::User(..) => "user",
            Revoke::Realm(_) => "realm",
        };
        audit::revoked(about, name, revoked.now);
        Ok(revoked)
    }

    /// Reads what was revoked, here or elsewhere.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn take_over_revocations(&self) -> Result<(), StoreError> {
        self.revocations.catch_up(self.store.as_ref()).await
    }
}
