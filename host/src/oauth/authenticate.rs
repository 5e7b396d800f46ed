//! Who calls an OAuth endpoint: a client by its secret or by an assertion, throttled and recorded.

use std::net::IpAddr;
use std::sync::Arc;

use super::assertion::{AssertionError, claimed_client};
use super::client::{AuthMethod, Client};
use super::registry::Registry;
use super::throttle::{Claimed, RetryAfter};
use super::{Oauth, audit};
use crate::clock::Millis;
use crate::store::StoreError;

/// How a request proves its client. Exactly one way per request (RFC 6749 §2.3).
pub(crate) enum Proof<'a> {
    /// The Authorization header; the secret in the spellings that it may have been meant in.
    Basic { id: &'a str, secrets: Vec<&'a str> },
    /// `client_id` and `client_secret` in the body.
    Post { id: &'a str, secret: &'a str },
    /// `client_assertion`, and `client_id` where it was sent.
    Assertion {
        assertion: &'a str,
        client_id: Option<&'a str>,
        /// The values of `aud` that mean this endpoint.
        audiences: Vec<String>,
    },
}

/// Why no client was authenticated.
#[derive(Debug)]
pub(crate) enum AuthenticationError {
    /// Unknown, disabled, or not proved: not told apart.
    Refused,
    Throttled(RetryAfter),
    Store(StoreError),
}

impl Oauth {
    /// The client that a request proves to come from.
    ///
    /// # Errors
    /// [`AuthenticationError`]
    pub(crate) async fn authenticate(
        &self,
        registry: &Registry,
        proof: Proof<'_>,
        address: IpAddr,
        now: Millis,
    ) -> Result<Arc<Client>, AuthenticationError> {
        let claimed = match &proof {
            Proof::Basic { id, .. } | Proof::Post { id, .. } => Some((*id).to_owned()),
            Proof::Assertion { assertion, .. } => claimed_client(assertion),
        };
        let about = audit::About {
            client: claimed.as_deref().unwrap_or_default(),
            address: Some(address),
            ..audit::About::default()
        };
        let claimed = claimed.as_deref().map_or(Claimed::Nobody, Claimed::Client);
        let throttled = |after| {
            audit::refused(about, "too many failed authentications");
            AuthenticationError::Throttled(after)
        };
        self.throttle.check(address, claimed).map_err(throttled)?;
        let proved = match proof {
            Proof::Basic { id, secrets } => by_secret(registry, id, &secrets),
            Proof::Post { id, secret } => by_secret(registry, id, &[secret]),
            Proof::Assertion {
                assertion,
                client_id,
                audiences,
            } => {
                let checked = self.check_assertion(registry, assertion, client_id, &audiences, now);
                match checked.await {
                    Ok(client) => Ok(client),
                    Err(AssertionError::Refused(reason)) => Err(reason),
                    Err(AssertionError::Store(error)) => {
                        return Err(AuthenticationError::Store(error));
                    }
                }
            }
        };
        self.throttle
            .settle(address, claimed, proved.is_ok())
            .map_err(throttled)?;
        proved.map_err(|reason| {
            audit::refused(about, reason);
            AuthenticationError::Refused
        })
    }
}

fn by_secret(registry: &Registry, id: &str, secrets: &[&str]) -> Result<Arc<Client>, &'static str> {
    let client = registry.client(id);
    // The comparison takes as long for a client that does not exist.
    let same = Client::is_secret(client.map(Arc::as_ref), secrets);
    match client {
        None => Err("no such client"),
        Some(client) if client.method == AuthMethod::PrivateKeyJwt => {
            Err("the client proves itself by assertions only")
        }
        Some(_) if !same => Err("wrong secret"),
        Some(client) if !client.enabled => Err("the client is disabled"),
        Some(client) => Ok(Arc::clone(client)),
    }
}
