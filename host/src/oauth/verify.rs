//! Believing access tokens: signature, type, issuer, audience, times (RFC 9068 §4, RFC 8725), and that they were not
//! revoked. A token that was believed once is kept, so that its signature is checked once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::claims::{Claims, OneOrMany};
use super::jws::{Jws, JwsError, PublicKey};
use super::permission::{Audience, Permissions};
use super::scope::{AudienceNames, Scope, Scopes};
use super::token::{Subject, TYPE, User};
use super::{Oauth, SIGNING, external};
use crate::clock::{self, Millis};
use crate::limits::{CLOCK_SKEW_MS, TOKENS_IN_MEMORY};
use crate::store::StoreError;

const UNKNOWN_KEY: &str = "The token was signed with an unknown key";

/// A token that was believed. That it still is good is asked at each use.
#[derive(Debug)]
pub(crate) struct AccessToken {
    /// The key that signed it; empty where another issuer does not say.
    kid: String,
    pub(crate) jti: String,
    pub(crate) subject: TokenSubject,
    /// The claim `client_id`; empty where another issuer does not say.
    pub(crate) client: String,
    /// Which of our audiences it is for: at least one.
    pub(crate) audiences: Vec<Audience>,
    pub(crate) scopes: Scopes,
    /// What its scopes permit at most, and what tokens for its audiences can carry: known once, asked at each use.
    pub(crate) scoped: Permissions,
    pub(crate) carried: Permissions,
    pub(crate) issued: Millis,
    pub(crate) expires: Millis,
    /// What its client was permitted when it was used last.
    pub(super) granted: ArcSwapOption<Granted>,
}

/// What somebody is permitted while the store stays at a revision.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) revision: u64,
    pub(super) permissions: Permissions,
}

/// Whom a token stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenSubject {
    /// A client or user of this server.
    Own(Subject),
    /// Somebody whom another issuer knows.
    External {
        /// Absent for a client, unless the issuer names clients as subjects too.
        sub: Option<String>,
        roles: Vec<String>,
    },
}

/// Why a token is not believed.
#[derive(Debug)]
pub(crate) enum TokenError {
    /// What is wrong with it, in words that may be told.
    Invalid(&'static str),
    Store(StoreError),
    /// The other issuer's keys cannot be had.
    IssuerUnavailable,
}

impl From<JwsError> for TokenError {
    fn from(error: JwsError) -> Self {
        TokenError::Invalid(error.text())
    }
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        TokenError::Store(error)
    }
}

/// Tokens that were believed, by the SHA-256 of their text.
#[derive(Default)]
pub(super) struct Verified {
    tokens: RwLock<HashMap<[u8; 32], Arc<AccessToken>>>,
}

impl Verified {
    fn get(&self, hash: &[u8; 32]) -> Option<Arc<AccessToken>> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(hash).cloned()
    }

    fn keep(&self, hash: [u8; 32], token: Arc<AccessToken>, now: Millis) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS_IN_MEMORY {
            tokens.retain(|_, token| token.expires > now);
        }
        if tokens.len() >= TOKENS_IN_MEMORY {
            // Any of them: it only costs a signature check when it comes back.
            let some = tokens.keys().next().copied();
            some.and_then(|some| tokens.remove(&some));
        }
        tokens.insert(hash, token);
    }

    /// Forgets what has expired.
    pub(super) fn forget(&self, now: Millis) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, token| token.expires > now);
    }
}

impl Oauth {
    /// Believes an access token, of this server or of the configured other issuer.
    ///
    /// # Errors
    /// [`TokenError`]
    pub(crate) async fn verify(
        &self,
        token: &str,
        now: Millis,
    ) -> Result<Arc<AccessToken>, TokenError> {
        // A token that was revoked elsewhere must not be believed for longer than the node may decide alone.
        self.freshness.check(clock::moment())?;
        let hash = hash(token);
        let known = self.verified.get(&hash);
        let believed = match known {
            Some(known) => known,
            None => {
                let believed = Arc::new(self.believe(token, now).await?);
                self.verified.keep(hash, Arc::clone(&believed), now);
                believed
            }
        };
        self.check_still_good(&believed, now)?;
        Ok(believed)
    }

    /// A token that was believed before and is good still, found out without waiting for anything.
    pub(super) fn verified_before(&self, token: &str, now: Millis) -> Option<Arc<AccessToken>> {
        self.freshness.check(clock::moment()).ok()?;
        let believed = self.verified.get(&hash(token))?;
        self.check_still_good(&believed, now).ok()?;
        Some(believed)
    }

    /// What may have happened to a token since it was believed.
    fn check_still_good(&self, believed: &AccessToken, now: Millis) -> Result<(), TokenError> {
        if now >= believed.expires {
            return Err(TokenError::Invalid("The access token expired"));
        }
        // A key that was taken away, because it became known to others, ends what it signed also where that was believed
        // before.
        let key_is_known = match (&believed.subject, &self.external) {
            (TokenSubject::Own(_), _) => {
                if self.revocations.contains(&believed.jti) {
                    return Err(TokenError::Invalid("The access token was revoked"));
                }
                self.publishes(&believed.kid)
            }
            (TokenSubject::External { .. }, Some(external)) => external.publishes(&believed.kid),
            (TokenSubject::External { .. }, None) => false,
        };
        if key_is_known {
            Ok(())
        } else {
            Err(TokenError::Invalid(UNKNOWN_KEY))
        }
    }

    /// The `jti` of a token that this server signed, whether it is good still or not.
    pub(crate) fn own_token(&self, token: &str) -> Option<String> {
        let jws = Jws::parse(token).ok()?;
        let key = self.own_key(jws.kid()?)?;
        jws.verify(&key).ok()?;
        let claims: Claims = jws.unverified().ok()?;
        claims.jti
    }

    /// Whether a key of ours is published: current, next, or retired.
    fn publishes(&self, kid: &str) -> bool {
        SIGNING.into_iter().any(|purpose| {
            let ring = self.keys.ring(purpose);
            ring.is_ok_and(|ring| ring.keys().any(|key| key.kid() == kid))
        })
    }

    /// The public key of ours with an id.
    fn own_key(&self, kid: &str) -> Option<PublicKey> {
        SIGNING.into_iter().find_map(|purpose| {
            let ring = self.keys.ring(purpose).ok()?;
            let key = ring.keys().find(|key| key.kid() == kid)?;
            PublicKey::from_jwk(&Value::Object(key.jwk().clone())).ok()
        })
    }

    async fn believe(&self, token: &str, now: Millis) -> Result<AccessToken, TokenError> {
        let jws = Jws::parse(token)?;
        let claims: Claims = jws.unverified()?;
        // The issuer chooses whose keys are used; only then is anything that it says believed.
        match &self.external {
            Some(external) if claims.iss.as_deref() == Some(external.issuer()) => {
                self.believe_external(external, &jws, claims, now).await
            }
            _ => self.believe_own(&jws, claims, now),
        }
    }

    fn believe_own(
        &self,
        jws: &Jws<'_>,
        claims: Claims,
        now: Millis,
    ) -> Result<AccessToken, TokenError> {
        if jws.typ().as_deref() != Some(TYPE) {
            return Err(TokenError::Invalid("The token is no access token (typ)"));
        }
        let kid = jws.kid().unwrap_or_default();
        let key = self.own_key(kid).ok_or(TokenError::Invalid(UNKNOWN_KEY))?;
        jws.verify(&key)?;
        if claims.iss.as_deref() != Some(self.issuer()) {
            return Err(TokenError::Invalid("The issuer is another one"));
        }
        // One clock made and reads the end, so none is allowed for it; nodes' clocks may differ about the beginning.
        let times = Times {
            skew: CLOCK_SKEW_MS,
            leeway: 0,
        };
        let expires = times.check(&claims, now)?;
        let audiences = audiences(claims.aud.as_ref(), &self.audience_names)?;
        let said = |claim: Option<String>, missing| {
            claim
                .filter(|text| !text.is_empty())
                .ok_or(TokenError::Invalid(missing))
        };
        let sub = said(claims.sub, "The token has no subject")?;
        let client = said(claims.client_id, "The token has no client_id")?;
        let scopes = scopes(claims.scope.as_ref(), &self.audience_names);
        let subject = if sub == client && !sub.contains('=') {
            Subject::Client(sub)
        } else {
            let located = self.directory.locate_user(&sub);
            let (name, realm) =
                located.ok_or(TokenError::Invalid("The subject is none of this server"))?;
            Subject::User(User { realm, name })
        };
        Ok(AccessToken {
            kid: kid.to_owned(),
            jti: said(claims.jti, "The token has no jti")?,
            subject: TokenSubject::Own(subject),
            client,
            carried: Permissions::of_audiences(&audiences),
            audiences,
            scoped: scopes.permissions(),
            scopes,
            issued: claims.iat.unwrap_or(now),
            expires,
            granted: ArcSwapOption::empty(),
        })
    }

    async fn believe_external(
        &self,
        external: &external::ExternalIssuer,
        jws: &Jws<'_>,
        claims: Claims,
        now: Millis,
    ) -> Result<AccessToken, TokenError> {
        let typ = jws.typ();
        if !typ.is_some_and(|typ| external.takes_type(&typ)) {
            return Err(TokenError::Invalid("The token is no access token (typ)"));
        }
        external.verify(jws, now).await?;
        let times = Times {
            skew: CLOCK_SKEW_MS,
            leeway: CLOCK_SKEW_MS,
        };
        let expires = times.check(&claims, now)?;
        let audiences = audiences(claims.aud.as_ref(), external.audience_names())?;
        let scopes = scopes(claims.scope.as_ref(), external.audience_names());
        let is_client = external.names_clients() && claims.sub == claims.client_id;
        let mut roles: Vec<String> = Vec::new();
        for claim in [&claims.role, &claims.roles].into_iter().flatten() {
            roles.extend_from_slice(claim.as_slice());
        }
        Ok(AccessToken {
            kid: jws.kid().unwrap_or_default().to_owned(),
            jti: claims.jti.unwrap_or_default(),
            subject: TokenSubject::External {
                sub: claims.sub.filter(|_| !is_client),
                roles,
            },
            client: claims.client_id.unwrap_or_default(),
            carried: Permissions::of_audiences(&audiences),
            audiences,
            scoped: scopes.permissions(),
            scopes,
            issued: claims.iat.unwrap_or(now),
            expires,
            granted: ArcSwapOption::empty(),
        })
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// What clocks are allowed.
pub(super) struct Times {
    /// For the beginning.
    pub(super) skew: Millis,
    /// For the end.
    pub(super) leeway: Millis,
}

impl Times {
    /// Checks `exp`, `nbf` and `iat`; gives the instant from which the token is not believed any more.
    pub(super) fn check(&self, claims: &Claims, now: Millis) -> Result<Millis, TokenError> {
        let exp = claims
            .exp
            .ok_or(TokenError::Invalid("The token has no end (exp)"))?;
        let end = exp.saturating_add(self.leeway);
        if now >= end {
            return Err(TokenError::Invalid("The access token expired"));
        }
        let early = |instant: Option<Millis>| {
            instant.is_some_and(|instant| instant > now.saturating_add(self.skew))
        };
        if early(claims.nbf) {
            return Err(TokenError::Invalid("The token is not good yet (nbf)"));
        }
        if early(claims.iat) {
            return Err(TokenError::Invalid(
                "The token was issued in the future (iat)",
            ));
        }
        Ok(end)
    }
}

/// Which of our audiences a token is for.
fn audiences(
    claim: Option<&OneOrMany>,
    names: &AudienceNames,
) -> Result<Vec<Audience>, TokenError> {
    let texts = claim.map(OneOrMany::as_slice).unwrap_or_default();
    let mut audiences: Vec<Audience> = texts.iter().filter_map(|text| names.named(text)).collect();
    audiences.sort_unstable();
    audiences.dedup();
    if audiences.is_empty() {
        return Err(TokenError::Invalid("The token is for another audience"));
    }
    Ok(audiences)
}

/// The scopes that mean something here; others are another issuer's.
fn scopes(claim: Option<&OneOrMany>, names: &AudienceNames) -> Scopes {
    let texts = claim.map(OneOrMany::as_slice).unwrap_or_default();
    let words = texts.iter().flat_map(|text| text.split(' '));
    words.filter_map(|word| Scope::named(word, names)).collect()
}
