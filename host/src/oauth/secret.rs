//! Secrets of clients: in the clear only on their way out, kept as hashes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sha2::{Digest, Sha256};

use crate::auth::{NoRandomness, random_text};
use crate::limits::{CLIENT_SECRET_MAXIMUM, CLIENT_SECRET_MINIMUM};

const RANDOM_BYTES: usize = 32;
/// What a stored hash begins with.
const HASHED: &str = "sha256:";

/// A secret in the clear, on its way to the client. It is not kept and never logged.
pub(crate) struct ClientSecret(String);

impl ClientSecret {
    /// A random one of 256 bits.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        random_text(RANDOM_BYTES).map(ClientSecret)
    }

    /// One that was made elsewhere: at least 16 characters, all of %x20-7E (RFC 6749 appendix A.2).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn import(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
            return Err("a secret has printable ASCII characters only");
        }
        if text.len() < CLIENT_SECRET_MINIMUM {
            return Err("a secret has at least 16 characters");
        }
        if text.len() > CLIENT_SECRET_MAXIMUM {
            return Err("a secret has at most 512 characters");
        }
        Ok(ClientSecret(text.to_owned()))
    }

    /// For the one answer that shows it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// SHA-256 of a secret. Secrets are random or long, so no slow hash is needed to keep them from being guessed.
#[derive(Clone)]
pub(super) struct SecretHash([u8; 32]);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("set")
    }
}

impl SecretHash {
    /// Of no secret that anybody knows.
    pub(super) const NOBODY: SecretHash = SecretHash([0; 32]);

    pub(super) fn of(secret: &str) -> Self {
        SecretHash(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether it is the hash of a text; takes as long whether or not.
    pub(super) fn is_of(&self, candidate: &str) -> bool {
        verify_slices_are_equal(&Self::of(candidate).0, &self.0).is_ok()
    }

    /// As it is stored.
    pub(super) fn text(&self) -> String {
        format!("{HASHED}{}", hex::encode(self.0))
    }

    pub(super) fn read(stored: &str) -> Option<Self> {
        let digits = stored.strip_prefix(HASHED)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).ok()?;
        Some(SecretHash(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imported_secrets_have_bounds() {
        assert!(ClientSecret::import("0123456789abcdef").is_ok());
        assert!(ClientSecret::import(&"~ ".repeat(256)).is_ok());
        for bad in [
            "0123456789abcde",
            "0123456789abcdé",
            "0123456789abcdef\n",
            "",
        ] {
            assert!(ClientSecret::import(bad).is_err(), "{bad:?}");
        }
        assert!(ClientSecret::import(&"x".repeat(513)).is_err());
    }
}
