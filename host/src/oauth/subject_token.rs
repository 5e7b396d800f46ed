//! Believing the JWT that a decision is asked about, where a realm demands it (ruling C26): signature, issuer, audience,
//! times. AM does not look at any of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::{Claims, OneOrMany};
use super::jws::{Jws, PublicKey};
use super::published::{IssuerRefused, Loopback, PublishedKeys, verify_with};
use super::verify::{Times, TokenError};
use crate::clock::Millis;
use crate::limits::{CLOCK_SKEW_MS, ISSUER_KEYS, ISSUERS_IN_MEMORY};

/// An issuer that a realm trusts for the subjects of its decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrustedIssuer {
    /// What `iss` must be.
    pub(crate) issuer: String,
    /// Where not empty, one of these must be in `aud`.
    #[serde(default)]
    pub(crate) audience: Vec<String>,
    /// The issuer's keys (RFC 7517 §5), where they are given rather than fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwks: Option<Value>,
    /// Where the issuer publishes its keys. Without it and without `jwks` they are found by OpenID Connect discovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwks_uri: Option<String>,
}

/// The keys of trusted issuers, as far as they are in use.
pub(crate) struct SubjectTokens {
    loopback: Loopback,
    /// By the issuer's settings as JSON: other settings are other keys.
    known: Mutex<HashMap<String, Arc<Keys>>>,
}

enum Keys {
    Given(Vec<PublicKey>),
    Published(PublishedKeys),
}

impl TrustedIssuer {
    /// # Errors
    /// The member that is wrong, and why: no key that can be used, or an address that keys must not come from.
    pub(crate) fn check(&self, loopback: Loopback) -> Result<(), (&'static str, String)> {
        match (&self.jwks, &self.jwks_uri) {
            (Some(_), Some(_)) => Err(("jwksUri", "cannot stand beside jwks".into())),
            (Some(_), None) => {
                let keys = self.given().unwrap_or_default();
                match keys.is_empty() {
                    true => Err(("jwks", "holds no key that can be used".into())),
                    false => Ok(()),
                }
            }
            (None, uri) => self
                .published(loopback)
                .map(drop)
                .map_err(|IssuerRefused(why)| {
                    let member = if uri.is_some() { "jwksUri" } else { "issuer" };
                    (member, why)
                }),
        }
    }

    fn given(&self) -> Option<Vec<PublicKey>> {
        let keys = self.jwks.as_ref()?.get("keys")?.as_array()?;
        // Keys of a kind that is not used here may stand beside those that are.
        let usable = keys.iter().take(ISSUER_KEYS);
        Some(
            usable
                .filter_map(|jwk| PublicKey::from_jwk(jwk).ok())
                .collect(),
        )
    }

    fn published(&self, loopback: Loopback) -> Result<PublishedKeys, IssuerRefused> {
        PublishedKeys::new(&self.issuer, self.jwks_uri.as_deref(), loopback)
    }

    fn keys(&self, loopback: Loopback) -> Result<Keys, TokenError> {
        match self.given() {
            Some(keys) => Ok(Keys::Given(keys)),
            None => self
                .published(loopback)
                .map(Keys::Published)
                .map_err(|_| TokenError::IssuerUnavailable),
        }
    }
}

impl SubjectTokens {
    pub(crate) fn new(loopback: Loopback) -> Self {
        SubjectTokens {
            loopback,
            known: Mutex::default(),
        }
    }

    /// The claims of a token that one of the issuers has signed.
    ///
    /// # Errors
    /// [`TokenError`]
    pub(crate) async fn verify(
        &self,
        trusted: &[TrustedIssuer],
        token: &str,
        now: Millis,
    ) -> Result<Map<String, Value>, TokenError> {
        let jws = Jws::parse(token)?;
        let claims: Claims = jws.unverified()?;
        // The issuer chooses whose keys are used; only then is anything that it says believed.
        let issuer = trusted
            .iter()
            .find(|issuer| claims.iss.as_deref() == Some(&issuer.issuer))
            .ok_or(TokenError::Invalid("The issuer is not trusted here"))?;
        match &*self.keys_of(issuer)? {
            Keys::Given(keys) => verify_with(keys, &jws).unwrap_or(Err(TokenError::Invalid(
                "The token was signed with an unknown key",
            )))?,
            Keys::Published(keys) => keys.verify(&jws, now).await?,
        }
        let times = Times {
            skew: CLOCK_SKEW_MS,
            leeway: CLOCK_SKEW_MS,
        };
        times.check(&claims, now)?;
        let audience = claims.aud.as_ref().map(OneOrMany::as_slice);
        let is_ours =
            |audience: &[String]| audience.iter().any(|one| issuer.audience.contains(one));
        if !issuer.audience.is_empty() && !audience.is_some_and(is_ours) {
            return Err(TokenError::Invalid("The token is for another audience"));
        }
        Ok(jws.unverified()?)
    }

    fn keys_of(&self, issuer: &TrustedIssuer) -> Result<Arc<Keys>, TokenError> {
        // Texts and JSON always serialise.
        let name = serde_json::to_string(issuer).unwrap_or_default();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(&name) {
            return Ok(Arc::clone(keys));
        }
        if known.len() >= ISSUERS_IN_MEMORY {
            // Those in use come back with their next token.
            known.clear();
        }
        let keys = Arc::new(issuer.keys(self.loopback)?);
        known.insert(name, Arc::clone(&keys));
        Ok(keys)
    }
}
