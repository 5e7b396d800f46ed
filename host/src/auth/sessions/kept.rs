//! Where sessions are kept, and how they are ended and changed there: in the store, then in memory, then told.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::session::{Properties, properties_in, with_properties};
use super::events::SessionEvents;
use super::memory::Memory;
use super::unwritten::Unwritten;
use crate::notifications::SessionChange;
use crate::store::{Store, StoreError};

/// The store, and what this node knows beside it.
pub(super) struct Kept {
    pub(super) store: Arc<dyn Store>,
    pub(super) memory: Memory,
    pub(super) unwritten: Unwritten,
    pub(super) events: SessionEvents,
}

impl Kept {
    /// Ends a session; durable when it returns. Whether there was one.
    pub(super) async fn end(
        self: &Arc<Self>,
        hash: &str,
        how: SessionChange,
    ) -> Result<bool, StoreError> {
        let (kept, hash) = (Arc::clone(self), hash.to_owned());
        carried_through(async move {
            let there = kept.store.delete_session(&hash).await;
            // INVARIANT: after the row is gone, so whoever read it before is told by memory that sessions changed since.
            // Also where the store did not answer, as it may have done it.
            let ended = kept.memory.take_out(|session| session.hash == hash);
            let there = there?;
            if there {
                for known in &ended {
                    kept.events.everywhere(known, how).await;
                }
            }
            Ok(there)
        })
        .await
    }

    /// Changes the properties that the store holds of a session; durable when it returns. Gives all of them; `None` where
    /// the session has ended.
    pub(super) async fn change(
        self: &Arc<Self>,
        hash: &str,
        change: impl Fn(&mut Properties) + Send + Sync + 'static,
    ) -> Result<Option<Properties>, StoreError> {
        let (kept, hash) = (Arc::clone(self), hash.to_owned());
        carried_through(async move {
            let changed = kept.write_properties(&hash, &change).await?;
            // INVARIANT: after the store. What it holds is read from it, as others may have changed it since.
            kept.memory.set_stale(|session| session.hash == hash);
            if changed.is_some() {
                for known in kept.memory.known(|session| session.hash == hash) {
                    let change = SessionChange::PropertyChanged;
                    kept.events.everywhere(&known, change).await;
                }
            }
            Ok(changed)
        })
        .await
    }

    /// Writes the properties that were noted to be written soon. What could not be written is written by the next call.
    pub(super) async fn write_noted(self: &Arc<Self>) -> Result<(), StoreError> {
        let hashes = self.unwritten.changed();
        if hashes.is_empty() {
            return Ok(());
        }
        let as_of = self.memory.changes();
        let (mut written, mut gone, mut done) = (HashMap::new(), Vec::new(), Ok(()));
        for hash in hashes {
            match self.write_properties(&hash, &|_| {}).await {
                Ok(Some(properties)) => drop(written.insert(hash, properties)),
                Ok(None) => gone.push(hash),
                Err(error) => {
                    done = Err(error);
                    break;
                }
            }
        }
        // All at once, as each time is a walk through all sessions.
        self.memory.take_over(&written, as_of, &self.unwritten);
        if !gone.is_empty() {
            self.memory
                .set_stale(|session| gone.contains(&session.hash));
        }
        done
    }

    async fn write_properties(
        &self,
        hash: &str,
        change: &(impl Fn(&mut Properties) + Send + Sync),
    ) -> Result<Option<Properties>, StoreError> {
        let taken = Mutex::new(Properties::new());
        let taken = || taken.lock().unwrap_or_else(PoisonError::into_inner);
        // INVARIANT: what was noted is taken while the store keeps others from the session: what is written at once is
        // newer than what was noted before it, and nothing that was noted is written after it.
        let with_noted = |body: &str| {
            let mut taken = taken();
            taken.extend(self.unwritten.take(hash));
            with_properties(body, |properties| {
                properties.extend(taken.clone());
                change(properties);
            })
        };
        match self.store.change_session(hash, &with_noted).await {
            Ok(Some(body)) => Ok(Some(properties_in(&body))),
            Ok(None) => {
                self.unwritten.take(hash);
                Ok(None)
            }
            Err(error) => {
                // The store may have done it nevertheless: that is found out by writing once more.
                self.unwritten.put_back(hash, std::mem::take(&mut *taken()));
                Err(error)
            }
        }
    }
}

/// Does something to its end, whether or not whoever asked for it still waits: a client that goes away must not leave the
/// store and memory at odds.
async fn carried_through<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(failed) => Err(StoreError::Unavailable(failed.to_string())),
    }
}
