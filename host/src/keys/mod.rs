//! Signing keys: one ring for each purpose, kept in the store and shared by all nodes on it.
//!
//! ```text
//! next ──rotate──▶ current ──rotate──▶ retired ──too old for what it signed──▶ gone
//! published        signs               still published, verifies
//! ```
//!
//! Whoever verifies knows a key before anything is signed with it, and for as long as anything is that it signed; so a
//! rotation interrupts nobody. It happens by schedule, or by `assize keys rotate`.

mod algorithm;
mod jws;
mod key;
mod ring;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Millis;
use crate::config::Config;
use crate::store::{Draft, Expect, Kind, Object, Store, StoreError, Write};

pub(crate) use algorithm::Algorithm;
pub(crate) use jws::{sign, sign_with};
pub(crate) use key::{Key, Stage};
pub(crate) use ring::{Life, Ring};

/// What a ring's keys sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum Purpose {
    /// Published bundles, and the notices about them.
    Bundles,
    /// Access tokens, with RS256: what every implementation of RFC 9068 must take.
    #[value(name = "tokens-rs256")]
    TokensRs256,
    /// Access tokens, with ES256.
    #[value(name = "tokens-es256")]
    TokensEs256,
}

impl Purpose {
    pub(crate) const ALL: [Purpose; 3] =
        [Purpose::Bundles, Purpose::TokensRs256, Purpose::TokensEs256];

    /// The name on the command line and in the store. Never change one: stores hold it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Purpose::Bundles => "bundles",
            Purpose::TokensRs256 => "tokens-rs256",
            Purpose::TokensEs256 => "tokens-es256",
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Purpose::Bundles => Algorithm::EdDsa,
            Purpose::TokensRs256 => Algorithm::Rs256,
            Purpose::TokensEs256 => Algorithm::Es256,
        }
    }
}

/// Why there is no key, or no signature.
#[derive(Debug)]
pub(crate) enum KeyError {
    Store(StoreError),
    /// The cryptography library would not make, read or use a key.
    Cryptography(&'static str),
    /// What the store holds as a ring is none.
    Damaged(String),
    /// A rotation or removal that may not be made now.
    Refused(String),
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyError::Store(error) => error.fmt(f),
            KeyError::Cryptography(what) => write!(f, "the cryptography library could not {what}"),
            KeyError::Damaged(why) => write!(f, "signing keys in the store: {why}"),
            KeyError::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for KeyError {}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        KeyError::Store(error)
    }
}

/// Runs work that may make a key on a blocking thread, since RSA keys take their time.
async fn off_async<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| KeyError::Cryptography("make a key"))?
}

/// Who rotates by schedule.
const SCHEDULE: &str = "assize";

/// A ring as it was read: changed only while the store still holds it in that revision.
struct Held {
    revision: u64,
    ring: Arc<Ring>,
}

/// The rings of all purposes, as this node knows them.
pub(crate) struct KeyRings {
    store: Arc<dyn Store>,
    life: Life,
    held: ArcSwap<HashMap<Purpose, Held>>,
}

impl KeyRings {
    /// Reads the rings, making those that the store does not have yet.
    ///
    /// # Errors
    /// The store or the cryptography library failed.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        config: &Config,
        now: Millis,
    ) -> Result<Self, KeyError> {
        let rings = KeyRings {
            store,
            life: Life::of_days(config.key_rotation_days, config.key_retired_days),
            held: ArcSwap::default(),
        };
        for purpose in Purpose::ALL {
            if rings.stored(purpose).await?.is_none() {
                let ring = off_async(move || Ring::begin(purpose.algorithm(), now)).await?;
                let put = Write::Put(Expect::Absent, draft(purpose, &ring));
                let made = rings.write(SCHEDULE, "made", purpose, vec![put], now);
                match made.await {
                    // Another node was quicker: its keys are everybody's.
                    Ok(()) | Err(KeyError::Store(StoreError::Exists { .. })) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        rings.reload().await?;
        Ok(rings)
    }

    /// The keys of a purpose.
    ///
    /// # Errors
    /// There are none, which [`KeyRings::open`] has seen to.
    pub(crate) fn ring(&self, purpose: Purpose) -> Result<Arc<Ring>, KeyError> {
        let held = self.held.load();
        let held = held.get(&purpose);
        held.map(|held| Arc::clone(&held.ring))
            .ok_or_else(|| KeyError::Damaged(format!("there are none for {}", purpose.name())))
    }

    /// Takes over what other nodes, or a command, did to the rings.
    ///
    /// # Errors
    /// The store did not answer, or holds a ring that cannot be read; the rings known before stay in use.
    pub(crate) async fn reload(&self) -> Result<(), KeyError> {
        let mut next = HashMap::new();
        for purpose in Purpose::ALL {
            let Some(object) = self.stored(purpose).await? else {
                return Err(KeyError::Damaged(format!(
                    "those for {} are gone",
                    purpose.name()
                )));
            };
            let known = self
                .held
                .load()
                .get(&purpose)
                .filter(|held| held.revision == object.revision)
                .map(|held| Arc::clone(&held.ring));
            let ring = match known {
                Some(ring) => ring,
                None => Arc::new(Ring::read(
                    purpose.algorithm(),
                    &object.body,
                    object.secret.as_deref().unwrap_or_default(),
                )?),
            };
            let revision = object.revision;
            next.insert(purpose, Held { revision, ring });
        }
        self.held.store(Arc::new(next));
        Ok(())
    }

    /// Makes the next key the current one.
    ///
    /// # Errors
    /// [`KeyError::Refused`] where too many retired keys are still needed; the store or the library failed.
    pub(crate) async fn rotate(
        &self,
        author: &str,
        purpose: Purpose,
        now: Millis,
    ) -> Result<(), KeyError> {
        let life = self.life;
        self.change(author, "rotated", purpose, now, move |ring| {
            ring.rotated(purpose.algorithm(), life, now).map(Some)
        })
        .await
    }

    /// Takes a key out: what it signed verifies no more.
    ///
    /// # Errors
    /// [`KeyError::Refused`] for an unknown key and for the current one.
    pub(crate) async fn remove(
        &self,
        author: &str,
        purpose: Purpose,
        kid: &str,
        now: Millis,
    ) -> Result<(), KeyError> {
        let kid = kid.to_owned();
        self.change(author, "without a key", purpose, now, move |ring| {
            ring.without(purpose.algorithm(), &kid, now).map(Some)
        })
        .await
    }

    /// Rotates what is due, and drops retired keys that nothing needs any more; for a background task.
    ///
    /// # Errors
    /// As [`KeyRings::rotate`].
    pub(crate) async fn keep(&self, now: Millis) -> Result<(), KeyError> {
        let life = self.life;
        for purpose in Purpose::ALL {
            self.change(SCHEDULE, "rotated", purpose, now, move |ring| {
                ring.kept(purpose.algorithm(), life, now)
            })
            .await?;
        }
        Ok(())
    }

    /// Changes a ring, or not where `next` says that nothing is to be done. Where another node has changed it meanwhile,
    /// what that one did is looked at first.
    async fn change(
        &self,
        author: &str,
        what: &str,
        purpose: Purpose,
        now: Millis,
        next: impl Fn(&Ring) -> Result<Option<Ring>, KeyError> + Clone + Send + 'static,
    ) -> Result<(), KeyError> {
        loop {
            let (revision, ring) = {
                let held = self.held.load();
                match held.get(&purpose) {
                    Some(held) => (held.revision, Arc::clone(&held.ring)),
                    None => return self.ring(purpose).map(drop),
                }
            };
            let next = next.clone();
            let Some(changed) = off_async(move || next(&ring)).await? else {
                return Ok(());
            };
            let unchanged = Write::Require {
                kind: Kind::KeyRing,
                realm: String::new(),
                key: purpose.name().to_owned(),
                revision,
            };
            let put = Write::Put(Expect::Present, draft(purpose, &changed));
            let written = self.write(author, what, purpose, vec![unchanged, put], now);
            match written.await {
                Ok(()) => {
                    tracing::info!(purpose = purpose.name(), author, "signing keys: {what}");
                    return self.reload().await;
                }
                Err(KeyError::Store(StoreError::Changed { .. })) => self.reload().await?,
                Err(error) => return Err(error),
            }
        }
    }

    async fn stored(&self, purpose: Purpose) -> Result<Option<Object>, StoreError> {
        self.store.object(Kind::KeyRing, "", purpose.name()).await
    }

    async fn write(
        &self,
        author: &str,
        what: &str,
        purpose: Purpose,
        writes: Vec<Write>,
        now: Millis,
    ) -> Result<(), KeyError> {
        let summary = format!("signing keys of {} {what}", purpose.name());
        self.store.apply(author, now, &summary, &writes).await?;
        Ok(())
    }
}

fn draft(purpose: Purpose, ring: &Ring) -> Draft {
    let (body, secret) = ring.written();
    Draft {
        kind: Kind::KeyRing,
        realm: String::new(),
        key: purpose.name().to_owned(),
        name_key: purpose.name().to_owned(),
        name: purpose.name().to_owned(),
        owner: String::new(),
        body,
        secret: Some(secret),
        members: Vec::new(),
        stamp: None,
    }
}
