//! What the token service keeps: issued tokens, refresh tokens, used assertions. Nothing of it is a
//! document, and nothing of it is in the revision history.

use async_trait::async_trait;

use super::Result;
use crate::clock::Millis;

/// An issued access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessRow {
    /// The claim `jti`.
    pub(crate) jti: String,
    /// Who asked for it: the claim `client_id`.
    pub(crate) client: String,
    /// Key of the realm of the user that it stands for; empty where it stands for its client.
    pub(crate) realm: String,
    /// Key of that user; empty where it stands for its client.
    pub(crate) user_key: String,
    /// The refresh tokens that it belongs to; empty where there are none.
    pub(crate) family: String,
    pub(crate) issued: Millis,
    pub(crate) expires: Millis,
    /// JSON: what a list of tokens shows.
    pub(crate) body: String,
    /// The number of its revocation.
    pub(crate) revoked: Option<i64>,
}

/// A refresh token; its members mean what those of [`AccessRow`] do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefreshRow {
    /// SHA-256 of the token, in hex.
    pub(crate) hash: String,
    pub(crate) client: String,
    pub(crate) realm: String,
    pub(crate) user_key: String,
    pub(crate) family: String,
    pub(crate) issued: Millis,
    pub(crate) expires: Millis,
    /// JSON: what the next token of the family is made of.
    pub(crate) body: String,
    /// When it was redeemed.
    pub(crate) used: Option<Millis>,
    /// What it was redeemed for, sealed; kept only where it may be asked for again.
    pub(crate) successor: Option<String>,
    pub(crate) revoked: Option<i64>,
}

/// A refresh token that is being redeemed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpentRefresh<'a> {
    pub(crate) hash: &'a str,
    pub(crate) at: Millis,
    /// As [`RefreshRow::successor`].
    pub(crate) successor: &'a Option<String>,
}

/// Which tokens a revocation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revoke<'a> {
    /// The access token with this `jti`, and no other.
    Access(&'a str),
    /// The refresh token with this hash, and no other.
    Refresh(&'a str),
    /// All refresh and access tokens that descend from one grant.
    Family(&'a str),
    /// All tokens that a client asked for.
    Client(&'a str),
    /// All tokens that stand for a user: key of the realm, key of the user.
    User(&'a str, &'a str),
    /// All tokens that stand for users of a realm.
    Realm(&'a str),
}

/// What a revocation found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revoked {
    /// Tokens that were good until now, access and refresh tokens each counting one.
    pub(crate) now: u64,
    /// Tokens that had been revoked before.
    pub(crate) before: u64,
}

/// A revoked access token that may not have expired yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevokedAccess {
    pub(crate) jti: String,
    pub(crate) expires: Millis,
    pub(crate) number: i64,
}

/// The token service's part of the store. What revokes tokens is told to other nodes as
/// [`Notice::Tokens`](super::Notice::Tokens), in the same transaction.
#[async_trait]
pub(crate) trait TokenStore: Send + Sync {
    /// Keeps an issued token, and the refresh token that came with it.
    async fn add_token(&self, access: &AccessRow, refresh: Option<&RefreshRow>) -> Result<()>;
    /// Marks a refresh token as used and keeps what it was exchanged for, unless it had been used or revoked
    /// before; whether it did. Of two that try, one does.
    async fn redeem_refresh_token(
        &self,
        spent: SpentRefresh<'_>,
        access: &AccessRow,
        refresh: &RefreshRow,
    ) -> Result<bool>;
    async fn access_token(&self, jti: &str) -> Result<Option<AccessRow>>;
    async fn refresh_token(&self, hash: &str) -> Result<Option<RefreshRow>>;
    /// Tokens that were not revoked and expire after `now`, the oldest first, from the one after `after` (a `jti`; empty
    /// for the first) on.
    async fn active_tokens(&self, now: Millis, after: &str, limit: u32) -> Result<Vec<AccessRow>>;

    /// Revokes tokens that expire after `now`.
    async fn revoke_tokens(&self, which: Revoke<'_>, now: Millis) -> Result<Revoked>;
    /// Access tokens whose revocation has a number above `after`, in that order.
    async fn revocations(&self, after: i64) -> Result<Vec<RevokedAccess>>;

    /// Notes that a client used an assertion; false where it had used one with that `jti` before.
    async fn spend_assertion(&self, client: &str, jti: &str, expires: Millis) -> Result<bool>;

    /// Removes access tokens and assertions that expired before `access`, and refresh tokens that did before `refresh`.
    async fn delete_expired_tokens(&self, access: Millis, refresh: Millis) -> Result<u64>;
}
