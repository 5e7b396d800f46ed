//! The token service: clients, roles, keys, tokens. One core for every API that issues or takes tokens.
//!
//! | a token's way | |
//! |---|---|
//! | `registry` of what is `registered`: `client`, `secret`, `role`, `permission`, `scope`, `name` | who may ask, and for what |
//! | `authenticate`, `assertion`, `throttle` | who asks |
//! | `token`, `refresh` (and `crate::keys`) | what is issued |
//! | `verify`, `external`, `published`, `revocation`, `bearer` | what is believed, and what it opens |
//! | `subject_token` | JWTs that decisions are asked about |
//! | `audit` | what is written down |
//!
//! Wire formats are in `api::oauth` and in the other faces; nothing here knows one but JWTs.

pub(crate) mod assertion;
pub(crate) mod audit;
pub(crate) mod authenticate;
pub(crate) mod bearer;
mod claims;
pub(crate) mod client;
pub(crate) mod external;
pub(crate) mod jws;
pub(crate) mod name;
pub(crate) mod permission;
pub(crate) mod published;
pub(crate) mod refresh;
pub(crate) mod registered;
pub(crate) mod registry;
mod revocation;
pub(crate) mod role;
pub(crate) mod scope;
pub(crate) mod secret;
pub(crate) mod settings;
pub(crate) mod subject_token;
#[cfg(test)]
mod suite;
pub(crate) mod throttle;
pub(crate) mod token;
pub(crate) mod verify;

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use crate::clock::Millis;
use crate::freshness::Freshness;
use crate::keys::{KeyError, KeyRings, Purpose};
use crate::limits::CLOCK_SKEW_MS;
use crate::realm::Directory;
use crate::store::{Store, StoreError};

use external::ExternalIssuer;
use permission::Audience;
use published::IssuerRefused;
use registry::Registries;
use revocation::Revocations;
use scope::AudienceNames;
use settings::OauthSettings;
use throttle::Throttle;
use verify::Verified;

/// Whose keys may have signed an access token.
const SIGNING: [Purpose; 2] = [Purpose::TokensRs256, Purpose::TokensEs256];

/// The parts of the token service.
pub(crate) struct Oauth {
    store: Arc<dyn Store>,
    pub(crate) directory: Directory,
    pub(crate) settings: OauthSettings,
    pub(crate) audience_names: AudienceNames,
    freshness: Arc<Freshness>,
    keys: Arc<KeyRings>,
    pub(crate) registries: Registries,
    pub(crate) throttle: Throttle,
    revocations: Revocations,
    verified: Verified,
    external: Option<ExternalIssuer>,
    base: OnceLock<Base>,
}

/// The address that clients know the server by.
struct Base {
    issuer: String,
    /// Other addresses of the same server, on which assertions may have been told to meet it.
    aliases: Vec<String>,
}

/// Why there is no token service.
#[derive(Debug)]
pub(crate) enum OpenError {
    Store(StoreError),
    Issuer(IssuerRefused),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::Store(error) => error.fmt(f),
            OpenError::Issuer(error) => write!(f, "external_issuer: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl Oauth {
    /// Reads clients and revocations.
    ///
    /// # Errors
    /// The store did not answer, or the configured other issuer cannot be trusted.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        freshness: Arc<Freshness>,
        keys: Arc<KeyRings>,
        directory: Directory,
        settings: OauthSettings,
        now: Millis,
    ) -> Result<Self, OpenError> {
        role::ensure_built_in(store.as_ref(), now)
            .await
            .map_err(OpenError::Store)?;
        let external = settings.external.clone().map(ExternalIssuer::new);
        let external = external.transpose().map_err(OpenError::Issuer)?;
        let registries = Registries::open(Arc::clone(&store)).await;
        let oauth = Oauth {
            directory,
            audience_names: settings.audience_names.clone(),
            freshness,
            keys,
            registries: registries.map_err(OpenError::Store)?,
            throttle: Throttle::new(settings.failures_per_address, settings.failures_per_client),
            revocations: Revocations::default(),
            verified: Verified::default(),
            external,
            base: OnceLock::new(),
            settings,
            store,
        };
        oauth
            .take_over_revocations()
            .await
            .map_err(OpenError::Store)?;
        Ok(oauth)
    }

    /// Says under which address the server is known, once that is certain: the configured one, or the one that it
    /// listens on.
    pub(crate) fn set_base(&self, listening: &str, aliases: Vec<String>) {
        let configured = self.settings.public_url.trim_end_matches('/');
        let base = if configured.is_empty() {
            Base {
                issuer: listening.to_owned(),
                aliases,
            }
        } else {
            Base {
                issuer: configured.to_owned(),
                aliases: Vec::new(),
            }
        };
        // A second listener of the same process, as tests have it, keeps the first one's name.
        let _ = self.base.set(base);
    }

    /// The issuer name: the server's public base URL without a trailing slash (RFC 8414 §2).
    pub(crate) fn issuer(&self) -> &str {
        self.base.get().map_or("", |base| base.issuer.as_str())
    }

    /// The values of `aud` that mean an endpoint of this server: the issuer name, and the endpoint's own addresses.
    /// `paths` are all that it is reached by.
    pub(crate) fn endpoint_audiences(&self, paths: &[&str]) -> Vec<String> {
        let Some(base) = self.base.get() else {
            return Vec::new();
        };
        let mut audiences = vec![base.issuer.clone()];
        for address in std::iter::once(&base.issuer).chain(&base.aliases) {
            audiences.extend(paths.iter().map(|path| format!("{address}{path}")));
        }
        audiences.extend(base.aliases.iter().cloned());
        audiences
    }

    /// The audience that a `resource` parameter means (RFC 8707): by its name, or by the base address of its API.
    pub(crate) fn audience_of_resource(&self, resource: &str) -> Option<Audience> {
        let path = || {
            let base = self.base.get()?;
            let mut bases = std::iter::once(&base.issuer).chain(&base.aliases);
            bases.find_map(|base| resource.strip_prefix(base.as_str()))
        };
        let by_path = || match path()?.trim_end_matches('/') {
            "/management" => Some(Audience::Management),
            "/runtime" | "/access/v1" => Some(Audience::Runtime),
            _ => None,
        };
        self.audience_names.named(resource).or_else(by_path)
    }

    /// The public keys of access tokens: a JWK set (RFC 7517 §5).
    ///
    /// # Errors
    /// There are no keys.
    pub(crate) fn jwks(&self) -> Result<Value, KeyError> {
        let mut keys = Vec::new();
        for purpose in SIGNING {
            let ring = self.keys.ring(purpose)?;
            keys.extend(ring.keys().map(|key| Value::Object(key.jwk().clone())));
        }
        Ok(json!({"keys": keys}))
    }

    /// Forgets what is over, in memory and in the store, and renews the other issuer's keys; for a background task.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn tend(&self, now: Millis) -> Result<(), StoreError> {
        self.revocations.forget(now);
        self.verified.forget(now);
        if let Some(external) = &self.external {
            external.renew(now).await;
        }
        // What has just expired is still told apart from what never was.
        let access = now - CLOCK_SKEW_MS;
        let refresh = now - self.settings.refresh_ms;
        self.store
            .delete_expired_tokens(access, refresh)
            .await
            .map(drop)
    }
}
