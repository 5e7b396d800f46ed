//! One signing key.

use std::sync::Arc;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::KeyError;
use super::algorithm::{Algorithm, Pair};
use crate::clock::Millis;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    Next,
    Current,
    Retired,
}

/// A key pair and the stage that it is in.
#[derive(Clone)]
pub(crate) struct Key {
    stage: Stage,
    since: Millis,
    material: Arc<Material>,
}

/// What of a key does not change.
struct Material {
    kid: String,
    jwk: Map<String, Value>,
    pkcs8: Vec<u8>,
    pair: Pair,
}

impl Key {
    pub(super) fn generate(
        algorithm: Algorithm,
        stage: Stage,
        now: Millis,
    ) -> Result<Self, KeyError> {
        Self::read(algorithm, stage, now, algorithm.generate()?)
    }

    pub(super) fn read(
        algorithm: Algorithm,
        stage: Stage,
        since: Millis,
        pkcs8: Vec<u8>,
    ) -> Result<Self, KeyError> {
        let pair = algorithm.read(&pkcs8)?;
        let (kid, jwk) = pair.public();
        let material = Arc::new(Material {
            kid,
            jwk,
            pkcs8,
            pair,
        });
        Ok(Key {
            stage,
            since,
            material,
        })
    }

    /// The same key in another stage.
    pub(super) fn moved(&self, stage: Stage, now: Millis) -> Self {
        Key {
            stage,
            since: now,
            material: Arc::clone(&self.material),
        }
    }

    /// A private key that somebody made with another tool: PKCS #8 in PEM, as `openssl genpkey` writes it.
    ///
    /// # Errors
    /// [`KeyError::Refused`]: it is no such key.
    pub(crate) fn from_pem(
        algorithm: Algorithm,
        pem: &[u8],
        now: Millis,
    ) -> Result<Self, KeyError> {
        let refused = || {
            let name = algorithm.name();
            KeyError::Refused(format!("no private key for {name} in PEM form (PKCS #8)"))
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| refused())?;
        let pkcs8 = der.secret_pkcs8_der().to_vec();
        Self::read(algorithm, Stage::Current, now, pkcs8).map_err(|_| refused())
    }

    pub(crate) fn kid(&self) -> &str {
        &self.material.kid
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.material.pair.algorithm()
    }

    /// The public key as it is published.
    pub(crate) fn jwk(&self) -> &Map<String, Value> {
        &self.material.jwk
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// When it came to its stage.
    pub(crate) fn since(&self) -> Millis {
        self.since
    }

    /// The private key, for the store.
    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.material.pkcs8
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.material.pair.sign(message)
    }
}
