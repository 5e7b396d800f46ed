//! Events of sessions on their way between nodes. They hold tokens, which the store never does: a token that is still
//! good must not be read by whoever can listen to the database, or reads its log.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::SessionEvent;

/// The key that all nodes of a store share.
pub(crate) struct NodeSeal(RandomizedNonceKey);

/// The key cannot be used.
#[derive(Debug)]
pub(crate) struct NoSeal;

impl std::fmt::Display for NoSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the cryptography library could not use the key")
    }
}

impl NodeSeal {
    /// # Errors
    /// The cryptography library refused.
    pub(crate) fn new(secret: &str) -> Result<Self, NoSeal> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &Sha256::digest(secret));
        key.map(NodeSeal).map_err(|_| NoSeal)
    }

    /// An event as one word of text; `None` where it cannot be sealed.
    pub(crate) fn seal(&self, event: &SessionEvent) -> Option<String> {
        let mut text = serde_json::to_vec(event).ok()?;
        let nonce = self.0.seal_in_place_append_tag(Aad::empty(), &mut text);
        let mut sealed = nonce.ok()?.as_ref().to_vec();
        sealed.append(&mut text);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What another node sealed; `None` for anything else.
    pub(crate) fn open(&self, sealed: &str) -> Option<SessionEvent> {
        let mut sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.0.open_in_place(nonce, Aad::empty(), text).ok()?;
        serde_json::from_slice(text).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::super::SessionChange;
    use super::*;

    #[test]
    fn only_nodes_of_the_same_store_read_it() {
        let event = SessionEvent {
            token: "the token".into(),
            realm: "/a".into(),
            user_key: "ann".into(),
            of_administrator: false,
            change: SessionChange::PropertyChanged,
        };
        let (one, other) = (NodeSeal::new("k").unwrap(), NodeSeal::new("k").unwrap());
        let sealed = one.seal(&event).unwrap();
        assert_eq!(other.open(&sealed), Some(event.clone()));
        assert_ne!(one.seal(&event).unwrap(), sealed);
        assert_eq!(NodeSeal::new("x").unwrap().open(&sealed), None);
        for damaged in ["", "AAAA", &sealed[1..], &format!("{sealed}AAAA")] {
            assert_eq!(one.open(damaged), None);
        }
    }
}
