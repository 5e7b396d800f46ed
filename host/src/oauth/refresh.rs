//! Refresh tokens: each good once, for the client that got it, for a day; used twice, the whole family ends.
//!
//! RFC 9700 §4.14.2: one that comes a second time was stolen, from the client or by it; who is who cannot be told, so all
//! refresh and access tokens that descend from the same grant are revoked.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::token::{IssueError, Issued, TokenBody, User};
use super::{Oauth, audit};
use crate::clock::Millis;
use crate::limits::TOKEN_BYTES;
use crate::realm::RealmPath;
use crate::store::StoreError;
use crate::store::tokens::{RefreshRow, Revoke, SpentRefresh};

/// Why a refresh token was not taken. The order is that in which the checks are made.
#[derive(Debug)]
pub(crate) enum RefreshError {
    Unknown,
    Expired,
    Revoked,
    /// It belongs to another client.
    OtherClient,
    /// It had been used: its family is revoked now.
    Used,
    /// The same where a repeat would have been answered for so many seconds after the use.
    UsedTooLongAgo(Millis),
    Failed(IssueError),
}

impl From<StoreError> for RefreshError {
    fn from(error: StoreError) -> Self {
        RefreshError::Failed(IssueError::Store(error))
    }
}

/// What a refresh token was redeemed for.
pub(crate) struct Refreshed {
    pub(crate) issued: Issued,
    /// Whom the tokens stand for, whoever redeemed them; `None` for a client.
    pub(crate) user: Option<User>,
}

/// What a used refresh token was redeemed for, for the client that did not get the answer.
#[derive(Serialize, Deserialize)]
struct Successor {
    access_token: String,
    /// When the access token expires, milliseconds.
    expires: Millis,
    refresh_token: String,
}

impl Oauth {
    /// Exchanges a refresh token for a new access token and the next refresh token of its family. `client` is who got
    /// the token that is exchanged.
    ///
    /// # Errors
    /// [`RefreshError`]; after [`RefreshError::Used`] nothing of the family is good any more.
    pub(crate) async fn refresh(
        &self,
        token: &str,
        client: &str,
        now: Millis,
    ) -> Result<Refreshed, RefreshError> {
        if token.is_empty() || token.len() > TOKEN_BYTES {
            return Err(RefreshError::Unknown);
        }
        let hash = hash(token);
        let found = self.store.refresh_token(&hash).await?;
        let row = found.ok_or(RefreshError::Unknown)?;
        self.usable(&row, client, now)?;
        let body: TokenBody = serde_json::from_str(&row.body).map_err(|_| RefreshError::Unknown)?;
        let user = user(&body);
        if row.used.is_some() {
            let issued = self.used_again(token, row, now).await?;
            return Ok(Refreshed { issued, user });
        }
        let signed = self.sign(
            TokenBody {
                grant: "refresh_token".into(),
                ..body
            },
            &row.client,
            row.family.clone(),
            now,
        );
        let signed = signed.map_err(RefreshError::Failed)?;
        let next = self.new_refresh_token().map_err(RefreshError::Failed)?;
        let next_row = self.refresh_row(&next, &signed.row, now);
        let successor = (self.settings.refresh_grace_ms > 0)
            .then(|| Successor {
                access_token: signed.token.clone(),
                expires: signed.row.expires,
                refresh_token: next.clone(),
            })
            .and_then(|successor| seal(token, &successor));
        let spent = SpentRefresh {
            hash: &hash,
            at: now,
            successor: &successor,
        };
        if self
            .store
            .redeem_refresh_token(spent, &signed.row, &next_row)
            .await?
        {
            let issued = signed.issued(Some(next));
            return Ok(Refreshed { issued, user });
        }
        // Somebody else was faster with the same token, or it was revoked meanwhile.
        let found = self.store.refresh_token(&hash).await?;
        let row = found.ok_or(RefreshError::Unknown)?;
        self.usable(&row, client, now)?;
        let issued = self.used_again(token, row, now).await?;
        Ok(Refreshed { issued, user })
    }

    /// A refresh token as it is kept, by its hash, whatever has become of it.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn refresh_row_of(
        &self,
        hash: &str,
    ) -> Result<Option<RefreshRow>, StoreError> {
        self.store.refresh_token(hash).await
    }

    fn usable(&self, row: &RefreshRow, client: &str, now: Millis) -> Result<(), RefreshError> {
        if now >= row.expires {
            Err(RefreshError::Expired)
        } else if row.revoked.is_some() {
            Err(RefreshError::Revoked)
        } else if row.client != client {
            Err(RefreshError::OtherClient)
        } else {
            Ok(())
        }
    }

    /// A used token: within the time that the operator allows (none by default) the same answer again, later the end of
    /// the family.
    async fn used_again(
        &self,
        token: &str,
        row: RefreshRow,
        now: Millis,
    ) -> Result<Issued, RefreshError> {
        let grace = self.settings.refresh_grace_ms;
        let over = now >= row.used.unwrap_or(now).saturating_add(grace);
        if !over
            && let Some(successor) = row.successor.as_deref().and_then(|text| open(token, text))
        {
            return Ok(Issued {
                access_token: successor.access_token,
                expires_in: (successor.expires - now).max(0) / 1000,
                refresh_token: Some(successor.refresh_token),
            });
        }
        let about = audit::About {
            client: &row.client,
            ..audit::About::default()
        };
        audit::refused(about, "a refresh token was used again");
        self.revoke(Revoke::Family(&row.family), about, now).await?;
        Err(if grace > 0 && over {
            RefreshError::UsedTooLongAgo(grace / 1000)
        } else {
            RefreshError::Used
        })
    }
}

/// The user that a token was issued for.
fn user(body: &TokenBody) -> Option<User> {
    if body.user.is_empty() {
        return None;
    }
    Some(User {
        realm: RealmPath::parse(&body.realm)?,
        name: body.user.clone(),
    })
}

/// What the store knows a refresh token by: SHA-256, in hex.
pub(crate) fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The key that only who holds the token can make; another one than the hash that the store has.
fn key(token: &str) -> Option<LessSafeKey> {
    let mut hasher = Sha256::new();
    hasher.update(b"successor of ");
    hasher.update(token.as_bytes());
    let key = UnboundKey::new(&AES_256_GCM, &hasher.finalize()).ok()?;
    Some(LessSafeKey::new(key))
}

/// INVARIANT: a key seals one text only, as a token is redeemed once, so its nonce may be constant.
fn seal(token: &str, successor: &Successor) -> Option<String> {
    let mut text = serde_json::to_vec(successor).ok()?;
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    key(token)?
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut text)
        .ok()?;
    Some(STANDARD.encode(text))
}

fn open(token: &str, sealed: &str) -> Option<Successor> {
    let mut bytes = STANDARD.decode(sealed).ok()?;
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let text = key(token)?
        .open_in_place(nonce, Aad::empty(), &mut bytes)
        .ok()?;
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_successor_is_for_who_holds_the_token() {
        let successor = Successor {
            access_token: "the access token".into(),
            expires: 7,
            refresh_token: "the refresh token".into(),
        };
        let sealed = seal("token", &successor).unwrap();
        let bytes = STANDARD.decode(&sealed).unwrap();
        for clear in ["the access token", "the refresh token", "access_token"] {
            let length = clear.len();
            assert!(bytes.windows(length).all(|part| part != clear.as_bytes()));
        }
        let opened = open("token", &sealed).unwrap();
        assert_eq!(opened.refresh_token, "the refresh token");
        assert!(open("other", &sealed).is_none());
        assert!(open("token", "AAAA").is_none());
        assert_ne!(hash("token"), hash("other"));
    }
}
