//! Another token issuer that is trusted (seed 000): what is configured about it, and the keys that it publishes.

use super::jws::Jws;
use super::published::{IssuerRefused, Loopback, PublishedKeys};
use super::scope::AudienceNames;
use super::verify::TokenError;
use crate::clock::Millis;

/// What is configured about the other issuer.
#[derive(Clone, Debug)]
pub(crate) struct ExternalSettings {
    /// Its base address, which is its issuer name too.
    pub(crate) authority: String,
    pub(crate) audience_names: AudienceNames,
    /// Values of `typ` that its access tokens may have, in lower case, without `application/`.
    pub(crate) token_types: Vec<String>,
    /// Whether a token whose `sub` is its `client_id` stands for a client rather than for a user.
    pub(crate) names_clients: bool,
}

/// A trusted issuer.
pub(crate) struct ExternalIssuer {
    settings: ExternalSettings,
    keys: PublishedKeys,
}

impl ExternalIssuer {
    /// Nothing is fetched yet: the issuer may start after this server.
    ///
    /// # Errors
    /// The authority is no address that may be trusted.
    pub(crate) fn new(settings: ExternalSettings) -> Result<Self, IssuerRefused> {
        // Whoever configures the server names it.
        let keys = PublishedKeys::new(&settings.authority, None, Loopback::Allowed)?;
        Ok(ExternalIssuer { settings, keys })
    }

    /// The value of `iss` in its tokens: the configured authority without a trailing slash.
    pub(super) fn issuer(&self) -> &str {
        self.keys.issuer()
    }

    pub(super) fn audience_names(&self) -> &AudienceNames {
        &self.settings.audience_names
    }

    pub(super) fn names_clients(&self) -> bool {
        self.settings.names_clients
    }

    pub(super) fn takes_type(&self, typ: &str) -> bool {
        self.settings.token_types.iter().any(|known| known == typ)
    }

    /// Whether a key is one of the issuer's, as far as is known. A token that names none has been checked with all.
    pub(super) fn publishes(&self, kid: &str) -> bool {
        self.keys.publishes(kid)
    }

    /// Fetches keys that are old, so that what the issuer took away is not believed for longer.
    pub(super) async fn renew(&self, now: Millis) {
        self.keys.renew(now).await;
    }

    /// Checks a token's signature with the issuer's keys.
    pub(super) async fn verify(&self, jws: &Jws<'_>, now: Millis) -> Result<(), TokenError> {
        self.keys.verify(jws, now).await
    }
}
