//! What a signing algorithm needs: making a key pair, keeping it, signing with it, and showing its public half.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::KeyError;

/// A signature algorithm of RFC 7518 or RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
}

impl Algorithm {
    /// The name in the header of a JWS and in a JWK.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// A new private key in PKCS #8, version 1: what every tool reads.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(super) fn generate(self) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Cryptography("make a key");
        match self {
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                Ok(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec())
            }
        }
    }

    /// Reads a private key.
    ///
    /// # Errors
    /// The bytes are no key of this algorithm.
    pub(super) fn read(self, pkcs8: &[u8]) -> Result<Pair, KeyError> {
        match self {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::EdDsa),
        }
        .map_err(|_| KeyError::Damaged("a private key cannot be read".into()))
    }
}

/// A private key, ready to sign.
pub(super) enum Pair {
    EdDsa(Ed25519KeyPair),
}

impl Pair {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Pair::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// The signature as a JWS carries it.
    ///
    /// # Errors
    /// The library refused.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Pair::EdDsa(pair) => pair.try_sign(message).map(|s| s.as_ref().to_vec()),
        }
        .map_err(|_| KeyError::Cryptography("sign"))
    }

    /// The public half: the members of a JWK that make the key, and no others.
    fn members(&self) -> Value {
        match self {
            Pair::EdDsa(pair) => json!({
                "crv": "Ed25519",
                "kty": "OKP",
                "x": URL_SAFE_NO_PAD.encode(pair.public_key()),
            }),
        }
    }

    /// The key's name (the thumbprint of RFC 7638) and its public JWK.
    pub(super) fn public(&self) -> (String, Map<String, Value>) {
        let members = self.members();
        // The thumbprint is of the required members alone, in the order of their names, as they stand above.
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(members.to_string()));
        let mut jwk = match members {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        jwk.insert("kid".into(), kid.as_str().into());
        jwk.insert("use".into(), "sig".into());
        jwk.insert("alg".into(), self.algorithm().name().into());
        (kid, jwk)
    }
}
