//! The life of signing keys, as a function of the instant.
//!
//! INVARIANT: a ring has exactly one next key, exactly one current key, and at most [`RETIRED_KEYS`] retired ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::KeyError;
use super::algorithm::{Algorithm, Pair};
use crate::clock::Millis;
use crate::limits::RETIRED_KEYS;

const DAY_MS: i64 = 86_400_000;

/// How long keys stay in their stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// Age at which a current key is rotated; none where that is only done by hand.
    rotate_after: Option<Millis>,
    /// How long a retired key verifies.
    keep_retired: Millis,
}

impl Life {
    /// `rotation` 0 means: only by hand.
    pub(crate) fn of_days(rotation: u32, retired: u32) -> Self {
        Life {
            rotate_after: (rotation > 0).then_some(i64::from(rotation) * DAY_MS),
            keep_retired: i64::from(retired) * DAY_MS,
        }
    }
}

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
    fn generate(algorithm: Algorithm, stage: Stage, now: Millis) -> Result<Self, KeyError> {
        Self::read(algorithm, stage, now, algorithm.generate()?)
    }

    fn read(
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

    fn moved(&self, stage: Stage, now: Millis) -> Self {
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

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.material.pair.sign(message)
    }
}

/// The keys of one purpose.
#[derive(Clone)]
pub(crate) struct Ring {
    current: Key,
    next: Key,
    /// The one retired last comes first.
    retired: Vec<Key>,
}

/// A key in the store's public part.
#[derive(Serialize, Deserialize)]
struct Listed {
    kid: String,
    stage: Stage,
    since: Millis,
}

impl Ring {
    /// A first current key, and the next one.
    pub(super) fn begin(algorithm: Algorithm, now: Millis) -> Result<Self, KeyError> {
        Ok(Ring {
            current: Key::generate(algorithm, Stage::Current, now)?,
            next: Key::generate(algorithm, Stage::Next, now)?,
            retired: Vec::new(),
        })
    }

    /// The key that signs.
    pub(crate) fn current(&self) -> &Key {
        &self.current
    }

    /// All keys that may verify something: current, next, then retired.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        [&self.current, &self.next]
            .into_iter()
            .chain(self.retired.iter())
    }

    /// The public keys as a JWK set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": self.keys().map(Key::jwk).collect::<Vec<_>>()})
    }

    /// The ring after its next key has become the current one.
    ///
    /// # Errors
    /// [`KeyError::Refused`] where that would be one retired key too many.
    pub(super) fn rotated(
        &self,
        algorithm: Algorithm,
        life: Life,
        now: Millis,
    ) -> Result<Ring, KeyError> {
        let mut retired = vec![self.current.moved(Stage::Retired, now)];
        retired.extend(self.still_needed(life, now));
        if retired.len() > RETIRED_KEYS {
            return Err(KeyError::Refused(format!(
                "{RETIRED_KEYS} retired keys still verify what they signed, which is the most there may be: remove one \
                 (assize keys remove) or wait"
            )));
        }
        Ok(Ring {
            current: self.next.moved(Stage::Current, now),
            next: Key::generate(algorithm, Stage::Next, now)?,
            retired,
        })
    }

    /// The ring without a key; another one takes the place of the next.
    ///
    /// # Errors
    /// [`KeyError::Refused`] for the current key and for one that is not in the ring.
    pub(super) fn without(
        &self,
        algorithm: Algorithm,
        kid: &str,
        now: Millis,
    ) -> Result<Ring, KeyError> {
        if kid == self.current.kid() {
            return Err(KeyError::Refused(format!(
                "{kid} is the key that signs: rotate first (assize keys rotate)"
            )));
        }
        if self.keys().all(|key| key.kid() != kid) {
            return Err(KeyError::Refused(format!("there is no key {kid}")));
        }
        let mut ring = self.clone();
        if kid == ring.next.kid() {
            ring.next = Key::generate(algorithm, Stage::Next, now)?;
        }
        ring.retired.retain(|key| key.kid() != kid);
        Ok(ring)
    }

    /// The ring as its schedule wants it at this instant; `None` where it is so already.
    ///
    /// # Errors
    /// As [`Ring::rotated`].
    pub(super) fn kept(
        &self,
        algorithm: Algorithm,
        life: Life,
        now: Millis,
    ) -> Result<Option<Ring>, KeyError> {
        let due = |age: Millis| now.saturating_sub(self.current.since) >= age;
        if life.rotate_after.is_some_and(due) {
            return self.rotated(algorithm, life, now).map(Some);
        }
        let retired = self.still_needed(life, now);
        let unchanged = retired.len() == self.retired.len();
        Ok((!unchanged).then(|| Ring {
            retired,
            ..self.clone()
        }))
    }

    /// The retired keys that something may still need.
    fn still_needed(&self, life: Life, now: Millis) -> Vec<Key> {
        let needed = |key: &&Key| now.saturating_sub(key.since) < life.keep_retired;
        self.retired.iter().filter(needed).cloned().collect()
    }

    /// What the store keeps: which keys there are, and in secret the private ones.
    pub(super) fn written(&self) -> (String, String) {
        let listed: Vec<Listed> = self
            .keys()
            .map(|key| Listed {
                kid: key.kid().to_owned(),
                stage: key.stage,
                since: key.since,
            })
            .collect();
        let private: BTreeMap<&str, String> = self
            .keys()
            .map(|key| (key.kid(), URL_SAFE_NO_PAD.encode(&key.material.pkcs8)))
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
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    const KIND: Algorithm = Algorithm::EdDsa;

    fn kids(ring: &Ring, stage: Stage) -> Vec<String> {
        let keys = ring.keys().filter(|key| key.stage == stage);
        keys.map(|key| key.kid().to_owned()).collect()
    }

    /// Whether a set of public keys verifies what a ring signed.
    fn verifies(jwks: &Value, jws: &str) -> bool {
        let (message, signature) = jws.rsplit_once('.').unwrap();
        let header = URL_SAFE_NO_PAD
            .decode(message.split('.').next().unwrap())
            .unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(
            (&header["alg"], &header["typ"]),
            (&json!("EdDSA"), &json!("x+jwt"))
        );
        let keys = jwks["keys"].as_array().unwrap();
        let Some(key) = keys.iter().find(|key| key["kid"] == header["kid"]) else {
            return false;
        };
        let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ED25519, x)
            .verify(message.as_bytes(), &signature)
            .is_ok()
    }

    #[test]
    fn a_key_is_known_before_it_signs_and_until_nothing_needs_it() {
        let life = Life::of_days(90, 30);
        let mut ring = Ring::begin(KIND, 0).unwrap();
        let first = super::super::sign(&ring, "x+jwt", &json!({"n": 1})).unwrap();
        let before = ring.jwks();
        assert!(ring.kept(KIND, life, 90 * DAY_MS - 1).unwrap().is_none());
        ring = ring.kept(KIND, life, 90 * DAY_MS).unwrap().unwrap();
        let second = super::super::sign(&ring, "x+jwt", &json!({"n": 2})).unwrap();
        assert!(
            verifies(&before, &second),
            "it was published as the next one"
        );
        assert!(
            verifies(&ring.jwks(), &first),
            "it is published as a retired one"
        );
        assert_eq!(ring.jwks()["keys"].as_array().unwrap().len(), 3);
        assert!(ring.kept(KIND, life, 120 * DAY_MS - 1).unwrap().is_none());
        let later = ring.kept(KIND, life, 120 * DAY_MS).unwrap().unwrap();
        assert!(!verifies(&later.jwks(), &first) && verifies(&later.jwks(), &second));
        assert_eq!(kids(&later, Stage::Current), kids(&ring, Stage::Current));
        assert_eq!(later.current().since(), 90 * DAY_MS);
        // By hand only.
        let by_hand = Life::of_days(0, 30);
        assert!(later.kept(KIND, by_hand, i64::MAX).unwrap().is_none());
    }

    #[test]
    fn what_is_written_is_read_again_and_holds_secrets_apart() {
        let ring = Ring::begin(KIND, 5).unwrap();
        let ring = ring.rotated(KIND, Life::of_days(0, 30), 7).unwrap();
        let (body, secret) = ring.written();
        let read = Ring::read(KIND, &body, &secret).unwrap();
        assert_eq!(read.jwks(), ring.jwks());
        for key in ring.keys() {
            assert!(!body.contains(&URL_SAFE_NO_PAD.encode(&key.material.pkcs8)));
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

    #[test]
    fn keys_are_removed_by_hand_but_never_the_one_that_signs() {
        let ring = Ring::begin(KIND, 0).unwrap();
        let ring = ring.rotated(KIND, Life::of_days(0, 30), 1).unwrap();
        let retired = kids(&ring, Stage::Retired).remove(0);
        let without = ring.without(KIND, &retired, 2).unwrap();
        assert_eq!(without.jwks()["keys"].as_array().unwrap().len(), 2);
        let next = kids(&ring, Stage::Next).remove(0);
        let without = ring.without(KIND, &next, 2).unwrap();
        assert_ne!(kids(&without, Stage::Next), [next]);
        for kid in [ring.current().kid(), "unknown"] {
            assert!(matches!(
                ring.without(KIND, kid, 2),
                Err(KeyError::Refused(_))
            ));
        }
    }

    #[test]
    fn retired_keys_are_bounded() {
        let life = Life::of_days(0, 30);
        let mut ring = Ring::begin(KIND, 0).unwrap();
        for n in 0..RETIRED_KEYS {
            ring = ring.rotated(KIND, life, n as i64).unwrap();
        }
        let refused = ring.rotated(KIND, life, 100).err().unwrap().to_string();
        assert!(refused.contains(&RETIRED_KEYS.to_string()), "{refused}");
        assert!(ring.rotated(KIND, life, 30 * DAY_MS + 100).is_ok());
    }

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
