//! Passwords as argon2id hashes (RFC 9106), computed off the async threads and a few at a time.
//!
//! INVARIANT: a log-in of an unknown user costs one hash as that of a known one does, so the time of an answer does not
//! tell whether a name exists.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::limits::{PASSWORD_BYTES, PASSWORD_HASHING_QUEUE};

/// Why a hash was not computed.
#[derive(Debug)]
pub(crate) enum PasswordError {
    /// Too many log-ins wait already.
    Busy,
    /// Longer than [`PASSWORD_BYTES`].
    TooLong,
    /// The library refused: its words.
    Failed(String),
}

impl std::fmt::Display for PasswordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PasswordError::Busy => {
                write!(
                    f,
                    "more than {PASSWORD_HASHING_QUEUE} log-ins are waiting; try again in a moment"
                )
            }
            PasswordError::TooLong => {
                write!(f, "the password is longer than {PASSWORD_BYTES} bytes")
            }
            PasswordError::Failed(why) => write!(f, "the password could not be hashed: {why}"),
        }
    }
}

/// Hashes and checks passwords, with the cost that the configuration sets.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Hash of a password that nobody knows: what unknown users are checked against.
    nobody: String,
}

impl Passwords {
    /// # Errors
    /// [`PasswordError::Failed`] where the configured cost is none that argon2 takes.
    pub(crate) fn new(config: &Config) -> Result<Self, PasswordError> {
        let params = Params::new(
            config.password_memory_kib,
            config.password_passes,
            config.password_lanes,
            None,
        )
        .map_err(|e| PasswordError::Failed(e.to_string()))?;
        let nobody = nobody(&params)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let turns = Arc::new(Semaphore::new(config.password_hashing_at_once));
        Ok(Passwords {
            argon2,
            turns,
            waiting: AtomicUsize::new(0),
            nobody,
        })
    }

    /// The PHC string of a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        if password.len() > PASSWORD_BYTES {
            return Err(PasswordError::TooLong);
        }
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.in_turn(move || hash(&argon2, &password)).await?
    }

    /// Whether `password` is the one that `stored` was made from; an unknown user has no `stored`.
    pub(crate) async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<bool, PasswordError> {
        if password.len() > PASSWORD_BYTES {
            return Ok(false);
        }
        let known = stored.is_some();
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let same = self
            .in_turn(move || {
                PasswordHash::new(&stored).is_ok_and(|stored| {
                    argon2.verify_password(password.as_bytes(), &stored).is_ok()
                })
            })
            .await?;
        Ok(same && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = {
            let _waiting = Waiting::enter(&self.waiting)?;
            Arc::clone(&self.turns)
                .acquire_owned()
                .await
                .map_err(|_| PasswordError::Busy)?
        };
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|e| PasswordError::Failed(e.to_string()))
    }
}

/// One waiting log-in, counted for as long as it lives: also when its client goes away while it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, PasswordError> {
        let waiting = Waiting(count);
        if count.fetch_add(1, Ordering::Relaxed) >= PASSWORD_HASHING_QUEUE {
            return Err(PasswordError::Busy);
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A hash that no known password has, as its salt and its output are random. To check against it costs as much as to
/// check against any other; to make it costs nothing, so that a server starts the sooner.
fn nobody(params: &Params) -> Result<String, PasswordError> {
    let random = || {
        let mut bytes = [0; Params::DEFAULT_OUTPUT_LEN];
        getrandom::fill(&mut bytes).map_err(|e| PasswordError::Failed(e.to_string()))?;
        Ok(STANDARD_NO_PAD.encode(bytes))
    };
    Ok(format!(
        "$argon2id$v={}$m={},t={},p={}${}${}",
        u32::from(Version::V0x13),
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        random()?,
        random()?
    ))
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, PasswordError> {
    let hash: Result<PasswordHash, _> = argon2.hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|e| PasswordError::Failed(e.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// What an unknown user is checked against takes the same work as what a known one is.
    #[test]
    fn the_hash_of_nobody_costs_as_much_as_any() {
        let params = Params::new(64, 2, 1, None).unwrap();
        let nobody = nobody(&params).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let somebody = hash(&argon2, "secret").unwrap();
        let (nobody, somebody) = (
            PasswordHash::new(&nobody).unwrap(),
            PasswordHash::new(&somebody).unwrap(),
        );
        assert_eq!(nobody.algorithm, somebody.algorithm);
        assert_eq!(nobody.version, somebody.version);
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(
            nobody.hash.as_ref().map(|hash| hash.len()),
            somebody.hash.as_ref().map(|hash| hash.len())
        );
        assert!(argon2.verify_password(b"secret", &somebody).is_ok());
        assert!(argon2.verify_password(b"secret", &nobody).is_err());
    }
}
