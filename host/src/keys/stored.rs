//! How the store keeps a ring: the private keys apart from the rest.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::KeyError;
use super::algorithm::Algorithm;
use super::key::{Key, Stage};
use super::ring::Ring;
use crate::clock::Millis;

/// A key in the store's public part.
#[derive(Serialize, Deserialize)]
struct Listed {
    kid: String,
    stage: Stage,
    since: Millis,
}

impl Ring {
    /// What the store keeps: which keys there are, and in secret the private ones.
    pub(super) fn written(&self) -> (String, String) {
        let listed: Vec<Listed> = self
            .keys()
            .map(|key| Listed {
                kid: key.kid().to_owned(),
                stage: key.stage(),
                since: key.since(),
            })
            .collect();
        let private: BTreeMap<&str, String> = self
            .keys()
            .map(|key| (key.kid(), URL_SAFE_NO_PAD.encode(key.pkcs8())))
            .collect();
        (
            json!({"keys": listed}).to_string(),
            json!(private).to_string(),
        )
    }

    /// Reads what [`Ring::written`] wrote.
    ///
    /// # Errors
    /// [`KeyError::Damaged`]: it is not that.
    pub(super) fn read(algorithm: Algorithm, body: &str, secret: &str) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Body {
            keys: Vec<Listed>,
        }
        let damaged = |error: serde_json::Error| KeyError::Damaged(error.to_string());
        let body: Body = serde_json::from_str(body).map_err(damaged)?;
        // INVARIANT: what is said of the secret part is never its content.
        let private: BTreeMap<String, String> = serde_json::from_str(secret)
            .map_err(|_| KeyError::Damaged("the private keys cannot be read".into()))?;
        let (mut current, mut next, mut retired) = (None, None, Vec::new());
        for listed in body.keys {
            let pkcs8 = private
                .get(&listed.kid)
                .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
                .ok_or_else(|| {
                    KeyError::Damaged(format!("the private key of {} is missing", listed.kid))
                })?;
            let key = Key::read(algorithm, listed.stage, listed.since, pkcs8)?;
            if key.kid() != listed.kid {
                return Err(KeyError::Damaged(format!(
                    "{} is the name of another key",
                    listed.kid
                )));
            }
            match listed.stage {
                Stage::Current => current = Some(key),
                Stage::Next => next = Some(key),
                Stage::Retired => retired.push(key),
            }
        }
        let (Some(current), Some(next)) = (current, next) else {
            return Err(KeyError::Damaged(
                "a current and a next key are needed".into(),
            ));
        };
        Ok(Ring {
            current,
            next,
            retired,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::super::Life;
    use super::*;

    const KIND: Algorithm = Algorithm::EdDsa;

    #[test]
    fn what_is_written_is_read_again_and_holds_secrets_apart() {
        let ring = Ring::begin(KIND, 5).unwrap();
        let ring = ring.rotated(KIND, Life::of_days(0, 30), 7).unwrap();
        let (body, secret) = ring.written();
        let read = Ring::read(KIND, &body, &secret).unwrap();
        assert_eq!(read.jwks(), ring.jwks());
        for key in ring.keys() {
            assert!(!body.contains(&URL_SAFE_NO_PAD.encode(key.pkcs8())));
        }
        for (body, secret) in [
            ("{}", secret.as_str()),
            (body.as_str(), "{}"),
            (body.as_str(), ""),
            (&body.replace("current", "retired"), &secret),
        ] {
            let error = Ring::read(KIND, body, secret).err().unwrap().to_string();
            assert!(error.contains("signing keys in the store"), "{error}");
        }
    }
}
