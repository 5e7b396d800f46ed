//! What happened to sessions and is written soon: their uses, and the idle timers that evaluation sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::session::Session;
use crate::clock::Millis;
use crate::store::{Store, StoreError};

/// What is to be written by the next [`Unwritten::write`].
#[derive(Default)]
pub(super) struct Unwritten {
    uses: Mutex<Vec<(String, Millis)>>,
    /// Sessions with other properties, by hash.
    changed: Mutex<HashMap<String, Arc<Session>>>,
}

impl Unwritten {
    /// Notes that a session was used.
    pub(super) fn used(&self, session: &Session, now: Millis) {
        lock(&self.uses).push((session.hash.clone(), now));
    }

    /// Notes that a session has other properties.
    pub(super) fn changed(&self, session: &Arc<Session>) {
        lock(&self.changed).insert(session.hash.clone(), Arc::clone(session));
    }

    /// Writes what was noted since the last call. What could not be written is written by the next one.
    ///
    /// # Errors
    /// The store did not answer.
    pub(super) async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let uses = std::mem::take(&mut *lock(&self.uses));
        if !uses.is_empty()
            && let Err(error) = store.touch_sessions(&uses).await
        {
            lock(&self.uses).extend(uses);
            return Err(error);
        }
        let mut changed = std::mem::take(&mut *lock(&self.changed)).into_iter();
        while let Some((hash, session)) = changed.next() {
            let written = store.update_session(&hash, &session.row().body).await;
            if let Err(error) = written {
                // What was noted meanwhile is the same session with its latest properties.
                lock(&self.changed).extend(changed.chain([(hash, session)]));
                return Err(error);
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
