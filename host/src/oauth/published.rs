//! Keys that another issuer publishes (RFC 7517 §5): found at an address, or by OpenID Connect discovery; kept and
//! renewed.
//!
//! INVARIANT: what is fetched is bounded in time and size, and fetched only from the configured addresses and the
//! `jwks_uri` that the issuer's own document names. An unknown `kid` leads to a new fetch, but not oftener than the bound
//! allows, whoever sends tokens. Where a fetch fails, the last good keys go on being used.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::jws::{Jws, JwsError, PublicKey};
use super::verify::TokenError;
use crate::clock::Millis;
use crate::config::Config;
use crate::limits::{
    ISSUER_FETCH_SECONDS, ISSUER_FETCHES, ISSUER_FETCHES_MS, ISSUER_KEYS, ISSUER_KEYS_AGE_MS,
    ISSUER_RESPONSE_BYTES,
};

/// The keys of one issuer.
pub(crate) struct PublishedKeys {
    /// Its name, without a trailing slash.
    issuer: String,
    /// Where the keys are; found by discovery where nobody says.
    jwks_uri: Option<String>,
    loopback: Loopback,
    http: Client,
    keys: ArcSwapOption<Fetched>,
    fetching: Mutex<Bound>,
}

/// The keys as they were last fetched.
struct Fetched {
    keys: Vec<PublicKey>,
    at: Millis,
}

/// How often has been fetched lately.
#[derive(Default)]
struct Bound {
    began: Millis,
    fetches: u32,
}

impl Bound {
    fn admit(&mut self, now: Millis) -> bool {
        if now - self.began >= ISSUER_FETCHES_MS || now < self.began {
            *self = Bound {
                began: now,
                fetches: 0,
            };
        }
        self.fetches = self.fetches.saturating_add(1);
        self.fetches <= ISSUER_FETCHES
    }
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

/// Whether keys may come over plain HTTP from this machine itself. Who operates the server may say so; whoever administers
/// a realm would reach what is served to this machine alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loopback {
    Allowed,
    Refused,
}

impl Loopback {
    /// What the setting `loopback_issuers` says.
    pub(crate) fn of(config: &Config) -> Self {
        match config.loopback_issuers {
            true => Loopback::Allowed,
            false => Loopback::Refused,
        }
    }
}

/// Why the configured issuer cannot be used at all.
#[derive(Debug)]
pub(crate) struct IssuerRefused(pub(crate) String);

impl std::fmt::Display for IssuerRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl PublishedKeys {
    /// Nothing is fetched yet: the issuer may start after this server.
    ///
    /// # Errors
    /// An address is none that may be trusted: https, or http on a loopback address where that is allowed.
    pub(crate) fn new(
        issuer: &str,
        jwks_uri: Option<&str>,
        loopback: Loopback,
    ) -> Result<Self, IssuerRefused> {
        let issuer = issuer.trim_end_matches('/').to_owned();
        address(jwks_uri.unwrap_or(&issuer), loopback).map_err(IssuerRefused)?;
        let http = Client::builder()
            .timeout(Duration::from_secs(ISSUER_FETCH_SECONDS))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| IssuerRefused(e.to_string()))?;
        Ok(PublishedKeys {
            issuer,
            jwks_uri: jwks_uri.map(str::to_owned),
            loopback,
            http,
            keys: ArcSwapOption::empty(),
            fetching: Mutex::default(),
        })
    }

    /// The issuer's name, without a trailing slash.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether a key is one of the issuer's, as far as is known. A token that names none has been checked with all.
    pub(super) fn publishes(&self, kid: &str) -> bool {
        let keys = self.keys.load();
        let known = |fetched: &Arc<Fetched>| {
            let mut kids = fetched.keys.iter().map(|key| key.kid.as_deref());
            kids.any(|known| known == Some(kid))
        };
        kid.is_empty() || keys.as_ref().is_some_and(known)
    }

    /// Fetches keys that are old, so that what the issuer took away is not believed for longer.
    pub(super) async fn renew(&self, now: Millis) {
        let known = self.keys.load_full();
        if known.is_some_and(|known| now - known.at >= ISSUER_KEYS_AGE_MS) {
            self.fetch(now).await;
        }
    }

    /// Checks a token's signature with the issuer's keys.
    pub(crate) async fn verify(&self, jws: &Jws<'_>, now: Millis) -> Result<(), TokenError> {
        let known = self.keys.load_full();
        let fresh = known
            .as_ref()
            .is_some_and(|known| now - known.at < ISSUER_KEYS_AGE_MS);
        if let Some(known) = known.filter(|_| fresh)
            && let Some(verified) = verify_with(&known.keys, jws)
        {
            return verified;
        }
        // Never fetched, long ago, or no key of that name: another one may have been published meanwhile.
        let keys = self.fetch(now).await;
        let keys = keys.ok_or(TokenError::IssuerUnavailable)?;
        verify_with(&keys.keys, jws).unwrap_or(Err(TokenError::Invalid(
            "The token was signed with an unknown key",
        )))
    }

    /// The newest keys that can be had: fetched anew where the bound allows it, else the last good ones.
    async fn fetch(&self, now: Millis) -> Option<Arc<Fetched>> {
        let asked = self.keys.load_full();
        let mut bound = self.fetching.lock().await;
        let known = self.keys.load_full();
        let renewed = match (&asked, &known) {
            (Some(asked), Some(known)) => !Arc::ptr_eq(asked, known),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if renewed || !bound.admit(now) {
            return known;
        }
        match self.fetch_keys().await {
            Ok(keys) => {
                let fetched = Arc::new(Fetched { keys, at: now });
                self.keys.store(Some(Arc::clone(&fetched)));
                Some(fetched)
            }
            Err(why) => {
                tracing::warn!(
                    issuer = self.issuer,
                    why,
                    "the issuer's keys could not be fetched"
                );
                known
            }
        }
    }

    async fn fetch_keys(&self) -> Result<Vec<PublicKey>, String> {
        let jwks_uri = match &self.jwks_uri {
            Some(known) => known.clone(),
            None => self.discover().await?,
        };
        let set: Jwks = self.get(address(&jwks_uri, self.loopback)?).await?;
        // Keys of a kind that is not used here may stand beside those that are.
        let keys: Vec<PublicKey> = set
            .keys
            .iter()
            .take(ISSUER_KEYS)
            .filter_map(|jwk| PublicKey::from_jwk(jwk).ok())
            .collect();
        if keys.is_empty() {
            return Err(format!("{jwks_uri} holds no usable key"));
        }
        Ok(keys)
    }

    async fn discover(&self) -> Result<String, String> {
        let document = format!("{}/.well-known/openid-configuration", self.issuer);
        let discovery: Discovery = self.get(address(&document, self.loopback)?).await?;
        // Some issuers write their name with the slash that others leave out.
        if discovery.issuer.trim_end_matches('/') != self.issuer {
            return Err(format!(
                "{document} is another issuer's: {}",
                discovery.issuer
            ));
        }
        Ok(discovery.jwks_uri)
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, url: Url) -> Result<T, String> {
        let request = self
            .http
            .get(url.clone())
            .header("Accept", "application/json");
        let mut response = request.send().await.map_err(|e| e.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{url} answered {}", response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| e.to_string())? {
            body.extend_from_slice(&chunk);
            if body.len() > ISSUER_RESPONSE_BYTES {
                return Err(format!(
                    "{url} answered more than {ISSUER_RESPONSE_BYTES} bytes"
                ));
            }
        }
        serde_json::from_slice(&body).map_err(|e| format!("{url}: {e}"))
    }
}

/// What the keys say about a token; `None` where none of them has its name.
pub(crate) fn verify_with(keys: &[PublicKey], jws: &Jws<'_>) -> Option<Result<(), TokenError>> {
    match jws.kid() {
        Some(kid) => {
            let key = keys.iter().find(|key| key.kid.as_deref() == Some(kid))?;
            Some(jws.verify(key).map_err(TokenError::from))
        }
        // A token without `kid` is any key's, as long as there are few.
        None => {
            let outcomes = keys.iter().map(|key| jws.verify(key));
            let best = outcomes.reduce(|best, next| best.or(next));
            Some(
                best.unwrap_or(Err(JwsError::Signature))
                    .map_err(TokenError::from),
            )
        }
    }
}

/// An address that keys may be fetched from: nobody on the way can alter what it answers.
fn address(text: &str, loopback: Loopback) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|e| format!("{text:?} is no URL: {e}"))?;
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let own = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    match (url.scheme(), loopback) {
        ("https", _) => Ok(url),
        ("http", Loopback::Allowed) if own => Ok(url),
        ("http", Loopback::Refused) if own => Err(format!(
            "{text:?} is not an https URL, and the setting loopback_issuers is off"
        )),
        _ => Err(format!("{text:?} is not an https URL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_where_nobody_can_alter_them() {
        for good in [
            "https://issuer.example/tenant",
            "http://127.0.0.1:8080",
            "http://localhost/x",
            "http://[::1]:1",
        ] {
            assert!(address(good, Loopback::Allowed).is_ok(), "{good}");
            let safe = good.starts_with("https");
            assert_eq!(address(good, Loopback::Refused).is_ok(), safe, "{good}");
        }
        for bad in [
            "http://issuer.example",
            "http://127.0.0.1.evil.example",
            "ftp://localhost",
            "file:///etc/passwd",
            "issuer",
            "",
        ] {
            assert!(address(bad, Loopback::Allowed).is_err(), "{bad}");
        }
    }

    #[test]
    fn fetches_are_bounded_whoever_sends_tokens() {
        let mut bound = Bound::default();
        let admitted = (0..1000).filter(|n| bound.admit(1_000_000 + n)).count();
        assert_eq!(admitted, ISSUER_FETCHES as usize);
        assert!(bound.admit(1_000_000 + ISSUER_FETCHES_MS));
    }
}
