//! Log-ins: checking a name and a password, and the signed `authId` of a log-in that is under way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::password::PasswordError;
use super::session::ADMINISTRATOR;
use super::{NoRandomness, random_text};
use crate::app::App;
use crate::clock::Millis;
use crate::documents::identity::user_attributes;
use crate::limits::{LOGIN_AGE_MS, SPENT_LOGINS, TOKEN_BYTES};
use crate::oauth::throttle::{Claimed, RetryAfter};
use crate::realm::RealmPath;
use crate::store::{Kind, StoreError};
use crate::subject::is_inactive;

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
    /// Too many have failed lately.
    Throttled(RetryAfter),
}

/// A name and a password, and where they come from.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) realm: &'a RealmPath,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) address: IpAddr,
}

/// Checks a name and a password.
///
/// INVARIANT: every password that somebody brings is checked here, so that nobody may guess without being counted.
///
/// # Errors
/// The store did not answer, too many wait for their password to be hashed, or too many have failed.
pub(crate) async fn check(app: &App, given: &Given<'_>) -> Result<Outcome, LoginError> {
    let realm_key = given.realm.key();
    let (address, claimed) = (given.address, Claimed::User(&realm_key, given.user));
    let throttle = &app.oauth.throttle;
    throttle
        .check(address, claimed)
        .map_err(LoginError::Throttled)?;
    let outcome = verify(app, given, &realm_key).await?;
    throttle
        .settle(address, claimed, outcome == Outcome::Welcome)
        .map_err(LoginError::Throttled)?;
    Ok(outcome)
}

/// Whether the password of `given` is the one that `stored` was made from: asked of a user who is in.
///
/// # Errors
/// As [`check`].
pub(crate) async fn is_current(
    app: &App,
    given: &Given<'_>,
    stored: Option<&str>,
) -> Result<bool, LoginError> {
    let realm_key = given.realm.key();
    let (address, claimed) = (given.address, Claimed::User(&realm_key, given.user));
    let throttle = &app.oauth.throttle;
    throttle
        .check(address, claimed)
        .map_err(LoginError::Throttled)?;
    let same = app.passwords.verify(given.password, stored).await;
    let same = same.map_err(LoginError::Password)?;
    throttle
        .settle(address, claimed, same)
        .map_err(LoginError::Throttled)?;
    Ok(same)
}

async fn verify(app: &App, given: &Given<'_>, realm_key: &str) -> Result<Outcome, LoginError> {
    let key = given.user.to_lowercase();
    let (stored, inactive) = if given.realm.is_root() && key == ADMINISTRATOR {
        let stored = app.store.setting(ADMINISTRATOR_PASSWORD).await;
        (stored.map_err(LoginError::Store)?, false)
    } else if given.user.len() > TOKEN_BYTES {
        (None, false)
    } else {
        let found = app.store.object(Kind::User, realm_key, &key).await;
        match found.map_err(LoginError::Store)? {
            Some(found) => {
                let inactive = is_inactive(&user_attributes(&found));
                (found.secret, inactive)
            }
            None => (None, false),
        }
    };
    let same = app
        .passwords
        .verify(given.password, stored.as_deref())
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

    /// What an `authId` says that is still good.
    pub(crate) fn read(&self, text: &str, now: Millis) -> Result<Claims, AuthIdError> {
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
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.contains_key(&claims.otk) {
            return Err(AuthIdError::Over);
        }
        Ok(claims)
    }

    /// Spends an `authId` with whose answer the password was checked: the next one who brings it is told that its time
    /// is over.
    ///
    /// # Errors
    /// [`AuthIdError::Over`] where it was spent meanwhile.
    pub(crate) fn spend(
        &self,
        claims: &Claims,
        outcome: &Outcome,
        now: Millis,
    ) -> Result<(), AuthIdError> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        // Anybody can fail. Failures leave room for those who are let in; one past that is forgotten, which gives its
        // client nothing that a new `authId` would not.
        let welcome = *outcome == Outcome::Welcome;
        let room = if welcome {
            SPENT_LOGINS
        } else {
            SPENT_LOGINS / 2
        };
        if spent.len() >= room {
            spent.retain(|_, end| *end > now);
        }
        if spent.len() >= room && !welcome {
            return Ok(());
        }
        // Full of log-ins that are all of the last minutes: refusing one is better than letting one be used twice.
        if spent.len() >= room
            || spent
                .insert(claims.otk.clone(), claims.exp * 1000)
                .is_some()
        {
            return Err(AuthIdError::Over);
        }
        Ok(())
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
        for outcome in [Outcome::Welcome, Outcome::Failed] {
            let id = ids.issue(&realm, (None, None), None, 0).unwrap();
            let claims = ids.read(&id, 1).unwrap();
            assert_eq!(claims.realm, "/a");
            // Two who bring it at once both read it, and one of them is let in.
            assert!(ids.read(&id, 1).is_ok());
            assert_eq!(ids.spend(&claims, &outcome, 1), Ok(()));
            let again = ids.spend(&claims, &Outcome::Welcome, 1);
            assert_eq!(again, Err(AuthIdError::Over));
            assert_eq!(ids.read(&id, 1).unwrap_err(), AuthIdError::Over);
        }
        let id = ids.issue(&realm, (None, None), None, 0).unwrap();
        assert_eq!(ids.read(&id, LOGIN_AGE_MS).unwrap_err(), AuthIdError::Over);
        let other = AuthIds::new(&[8; 32])
            .unwrap()
            .issue(&realm, (None, None), None, 0)
            .unwrap();
        assert_eq!(ids.read(&other, 1).unwrap_err(), AuthIdError::BadSignature);
        for text in ["", "abc", "a.b", "a.b.c", "....", "a.b.\u{e9}"] {
            assert!(ids.read(text, 1).is_err(), "{text}");
        }
    }

    #[test]
    fn failures_keep_nobody_out() {
        let ids = AuthIds::new(&[7; 32]).unwrap();
        let claims = |n: usize| Claims {
            otk: n.to_string(),
            realm: "/".to_owned(),
            index_type: None,
            index_value: None,
            upgrade: None,
            exp: 300,
            iat: 0,
        };
        for n in 0..SPENT_LOGINS + 1 {
            assert_eq!(ids.spend(&claims(n), &Outcome::Failed, 1), Ok(()));
        }
        let mine = claims(SPENT_LOGINS + 1);
        assert_eq!(ids.spend(&mine, &Outcome::Welcome, 1), Ok(()));
        let again = ids.spend(&mine, &Outcome::Welcome, 1);
        assert_eq!(again, Err(AuthIdError::Over));
    }
}
