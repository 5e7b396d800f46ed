//! Log-ins: checking a name and a password, and the signed `authId` of a log-in that is under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::password::{PasswordError, Passwords};
use super::session::ADMINISTRATOR;
use super::{NoRandomness, random_text};
use crate::clock::Millis;
use crate::limits::{LOGIN_AGE_MS, SPENT_LOGINS, TOKEN_BYTES};
use crate::realm::RealmPath;
use crate::store::{Kind, Store, StoreError};
use crate::subject::{Attributes, is_inactive};

/// The setting that holds the administrator's password hash.
pub(crate) const ADMINISTRATOR_PASSWORD: &str = "administrator.password";

/// What came of a log-in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Welcome,
    /// Unknown user or wrong password: not told apart.
    Failed,
    /// The account is inactive, whatever the password.
    Locked,
}

/// Why there is no outcome.
#[derive(Debug)]
pub(crate) enum LoginError {
    Store(StoreError),
    Password(PasswordError),
}

/// Checks a name and a password.
///
/// # Errors
/// The store did not answer, or too many wait for their password to be hashed.
pub(crate) async fn check(
    store: &Arc<dyn Store>,
    passwords: &Passwords,
    realm: &RealmPath,
    user: &str,
    password: &str,
) -> Result<Outcome, LoginError> {
    let key = user.to_lowercase();
    let (stored, inactive) = if realm.is_root() && key == ADMINISTRATOR {
        (
            store
                .setting(ADMINISTRATOR_PASSWORD)
                .await
                .map_err(LoginError::Store)?,
            false,
        )
    } else if user.len() > TOKEN_BYTES {
        (None, false)
    } else {
        match store
            .object(Kind::User, &realm.key(), &key)
            .await
            .map_err(LoginError::Store)?
        {
            Some(found) => {
                let attributes: Attributes = serde_json::from_str(&found.body).unwrap_or_default();
                (found.secret, is_inactive(&attributes))
            }
            None => (None, false),
        }
    };
    let same = passwords
        .verify(password, stored.as_deref())
        .await
        .map_err(LoginError::Password)?;
    Ok(match (inactive, same) {
        (true, _) => Outcome::Locked,
        (false, true) => Outcome::Welcome,
        (false, false) => Outcome::Failed,
    })
}

/// What an `authId` says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Makes each log-in one of its own.
    otk: String,
    pub(crate) realm: String,
    #[serde(
        rename = "authIndexType",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub(crate) index_type: Option<String>,
    #[serde(
        rename = "authIndexValue",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub(crate) index_value: Option<String>,
    /// Handle of the session that the log-in is to step up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) upgrade: Option<String>,
    /// Seconds since 1970.
    exp: i64,
    iat: i64,
}

/// Why an `authId` is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AuthIdError {
    /// No JWT of ours.
    Unreadable(&'static str),
    BadSignature,
    /// Its time is over, or it was used up.
    Over,
}

/// Makes and takes `authId`s: JWTs signed with HMAC-SHA-256, each good for one answer.
pub(crate) struct AuthIds {
    keyed: Hmac<Sha256>,
    spent: Mutex<HashMap<String, Millis>>,
}

impl AuthIds {
    /// # Errors
    /// The key's length is none that HMAC takes.
    pub(crate) fn new(key: &[u8]) -> Result<Self, InvalidLength> {
        Ok(AuthIds {
            keyed: Hmac::new_from_slice(key)?,
            spent: Mutex::default(),
        })
    }

    pub(crate) fn issue(
        &self,
        realm: &RealmPath,
        index: (Option<String>, Option<String>),
        upgrade: Option<String>,
        now: Millis,
    ) -> Result<String, NoRandomness> {
        let claims = Claims {
            otk: random_text(16)?,
            realm: realm.as_str().to_owned(),
            index_type: index.0,
            index_value: index.1,
            upgrade,
            exp: (now + LOGIN_AGE_MS) / 1000,
            iat: now / 1000,
        };
        let header = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"HS256"}"#);
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap_or_default());
        let signed = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed).finalize().into_bytes());
        Ok(format!("{signed}.{signature}"))
    }

    /// Takes an `authId` and spends it: the next one who brings it is told that its time is over.
    pub(crate) fn take(&self, text: &str, now: Millis) -> Result<Claims, AuthIdError> {
        let (signed, signature) = text
            .rsplit_once('.')
            .ok_or(AuthIdError::Unreadable("not right number of dots"))?;
        let (_, payload) = signed
            .split_once('.')
            .ok_or(AuthIdError::Unreadable("not right number of dots"))?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| AuthIdError::Unreadable("signature is no base64url"))?;
        self.mac(signed)
            .verify_slice(&signature)
            .map_err(|_| AuthIdError::BadSignature)?;
        let payload = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| AuthIdError::Unreadable("payload is no base64url"))?;
        let claims: Claims = serde_json::from_slice(&payload)
            .map_err(|_| AuthIdError::Unreadable("payload is no claims"))?;
        if now >= claims.exp * 1000 {
            return Err(AuthIdError::Over);
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= SPENT_LOGINS {
            spent.retain(|_, end| *end > now);
        }
        // Full of log-ins that are all of the last minutes: refusing one is better than letting one be used twice.
        if spent.len() >= SPENT_LOGINS
            || spent
                .insert(claims.otk.clone(), claims.exp * 1000)
                .is_some()
        {
            return Err(AuthIdError::Over);
        }
        Ok(claims)
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(text.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn an_auth_id_is_good_once_and_for_a_while() {
        let ids = AuthIds::new(&[7; 32]).unwrap();
        let realm = RealmPath::parse("/a").unwrap();
        let id = ids.issue(&realm, (None, None), None, 0).unwrap();
        assert_eq!(ids.take(&id, 1).unwrap().realm, "/a");
        assert_eq!(ids.take(&id, 1).unwrap_err(), AuthIdError::Over);
        let id = ids.issue(&realm, (None, None), None, 0).unwrap();
        assert_eq!(ids.take(&id, LOGIN_AGE_MS).unwrap_err(), AuthIdError::Over);
        let other = AuthIds::new(&[8; 32])
            .unwrap()
            .issue(&realm, (None, None), None, 0)
            .unwrap();
        assert_eq!(ids.take(&other, 1).unwrap_err(), AuthIdError::BadSignature);
        for text in ["", "abc", "a.b", "a.b.c", "....", "a.b.\u{e9}"] {
            assert!(ids.take(text, 1).is_err(), "{text}");
        }
    }
}
