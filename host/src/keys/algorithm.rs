//! What a signing algorithm needs: making a key pair, keeping it, signing with it, and showing its public half.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
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
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The name in the header of a JWS and in a JWK.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
        }
    }

    /// A new private key in PKCS #8, version 1: what every tool reads. An RSA key takes a tenth of a second or more: not
    /// on an async thread.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(crate) fn generate(self) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Cryptography("make a key");
        match self {
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                Ok(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec())
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                Ok(pair.as_der().map_err(failed)?.as_ref().to_vec())
            }
            Algorithm::Es256 => {
                let random = SystemRandom::new();
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map(|document| document.as_ref().to_vec())
                    .map_err(failed)
            }
        }
    }

    /// Reads a private key.
    ///
    /// # Errors
    /// The bytes are no key of this algorithm.
    pub(crate) fn read(self, pkcs8: &[u8]) -> Result<Pair, KeyError> {
        match self {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::EdDsa),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(Pair::Rs256),
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Pair::Es256)
            }
        }
        .map_err(|_| KeyError::Damaged("a private key cannot be read".into()))
    }
}

/// A private key, ready to sign.
pub(crate) enum Pair {
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
}

impl Pair {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Rs256(_) => Algorithm::Rs256,
            Pair::Es256(_) => Algorithm::Es256,
        }
    }

    /// The signature as a JWS carries it.
    ///
    /// # Errors
    /// The library refused.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Pair::EdDsa(pair) => pair.try_sign(message).map(|s| s.as_ref().to_vec()),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .map(|()| signature)
            }
            Pair::Es256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|s| s.as_ref().to_vec()),
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
            Pair::Rs256(pair) => {
                let key = pair.public_key();
                json!({
                    "e": URL_SAFE_NO_PAD.encode(key.exponent().big_endian_without_leading_zero()),
                    "kty": "RSA",
                    "n": URL_SAFE_NO_PAD.encode(key.modulus().big_endian_without_leading_zero()),
                })
            }
            Pair::Es256(pair) => {
                // An uncompressed point: 4, then both coordinates (SEC 1 §2.3.3).
                let point = pair.public_key().as_ref();
                let coordinate = |from: usize| point.get(from..from + 32).unwrap_or_default();
                json!({
                    "crv": "P-256",
                    "kty": "EC",
                    "x": URL_SAFE_NO_PAD.encode(coordinate(1)),
                    "y": URL_SAFE_NO_PAD.encode(coordinate(33)),
                })
            }
        }
    }

    /// The key's name (the thumbprint of RFC 7638) and its public JWK.
    pub(crate) fn public(&self) -> (String, Map<String, Value>) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn thumbprints_are_those_of_the_standard() {
        // The example key of RFC 8037, appendix A.
        let seed = URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .unwrap();
        let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let (kid, jwk) = Pair::EdDsa(pair).public();
        assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    }
}
