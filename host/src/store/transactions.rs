//! What is kept of transactions that policies ask for: little, and for minutes. Nothing of it is in the revision history.

use async_trait::async_trait;

use super::Result;
use crate::clock::Millis;

/// A transaction that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransactionRow {
    pub(crate) id: String,
    pub(crate) bound: BoundTo,
    /// Key of the realm of the user who is to confirm it.
    pub(crate) realm: String,
    /// Key of that user.
    pub(crate) user_key: String,
    pub(crate) expires: Millis,
    pub(crate) confirmed: bool,
}

/// What a confirmation is good for: all of it must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoundTo {
    /// Handle of the session.
    pub(crate) session: String,
    /// Key of the realm of the policies.
    pub(crate) policy_realm: String,
    /// Key of the policy set.
    pub(crate) policy_set: String,
    pub(crate) resource: String,
    /// The advice that a confirmation follows, and its value.
    pub(crate) strategy: String,
    pub(crate) specifier: String,
}

/// Transactions in the store.
#[async_trait]
pub(crate) trait TransactionStore {
    /// Adds transactions, none of them confirmed. Of one session only the latest `most` stay.
    async fn add_transactions(&self, rows: &[TransactionRow], most: u32) -> Result<()>;

    async fn transaction(&self, id: &str) -> Result<Option<TransactionRow>>;

    /// Marks one as confirmed that is there and not over; false where there is none, or it was confirmed before.
    async fn confirm_transaction(&self, id: &str, now: Millis) -> Result<bool>;

    /// Uses one up that is confirmed, not over, and good for exactly this. True for one caller only, whatever the node.
    async fn use_transaction(&self, id: &str, bound: &BoundTo, now: Millis) -> Result<bool>;

    async fn delete_expired_transactions(&self, now: Millis) -> Result<u64>;
}
