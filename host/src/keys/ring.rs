//! The life of signing keys, as a function of the instant.
//!
//! INVARIANT: a ring has exactly one next key, exactly one current key, and at most [`RETIRED_KEYS`] retired ones.

use serde_json::{Value, json};

use super::KeyError;
use super::algorithm::Algorithm;
use super::key::{Key, Stage};
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

/// The keys of one purpose.
#[derive(Clone)]
pub(crate) struct Ring {
    pub(super) current: Key,
    pub(super) next: Key,
    /// The one retired last comes first.
    pub(super) retired: Vec<Key>,
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
        let due = |age: Millis| now.saturating_sub(self.current.since()) >= age;
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
        let needed = |key: &&Key| now.saturating_sub(key.since()) < life.keep_retired;
        self.retired.iter().filter(needed).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const KIND: Algorithm = Algorithm::EdDsa;

    fn kids(ring: &Ring, stage: Stage) -> Vec<String> {
        let keys = ring.keys().filter(|key| key.stage() == stage);
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
}
