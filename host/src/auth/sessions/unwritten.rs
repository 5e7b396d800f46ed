//! What happened to sessions and is written soon: their uses, and the idle timers that evaluation sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::session::{Properties, Session};
use crate::clock::Millis;
use crate::store::{Store, StoreError};

/// What is to be written soon.
#[derive(Default)]
pub(super) struct Unwritten {
    uses: Mutex<Vec<(String, Millis)>>,
    /// Properties that sessions have beside those in the store, by the sessions' hashes.
    properties: Mutex<HashMap<String, Properties>>,
}

impl Unwritten {
    /// Notes that a session was used.
    pub(super) fn used(&self, session: &Session, now: Millis) {
        lock(&self.uses).push((session.hash.clone(), now));
    }

    /// Writes the uses noted since the last call. What could not be written is written by the next one.
    ///
    /// # Errors
    /// The store did not answer.
    pub(super) async fn write_uses(&self, store: &dyn Store) -> Result<(), StoreError> {
        let uses = std::mem::take(&mut *lock(&self.uses));
        if !uses.is_empty()
            && let Err(error) = store.touch_sessions(&uses).await
        {
            lock(&self.uses).extend(uses);
            return Err(error);
        }
        Ok(())
    }

    /// Gives a session properties, and notes that they are to be written.
    pub(super) fn set(&self, session: &Session, properties: Properties) {
        // INVARIANT: a session is given these, and takes over what the store says, under this lock: so the one never
        // undoes the other.
        let mut unwritten = lock(&self.properties);
        session.extend_properties(&properties);
        let noted = unwritten.entry(session.hash.clone()).or_default();
        noted.extend(properties);
    }

    /// Lets a session take over what was read from the store, with what is to be written there.
    pub(super) fn renew(&self, session: &Session, read: &Session) {
        let unwritten = lock(&self.properties);
        session.renew(read, unwritten.get(&session.hash));
    }

    /// Lets a session take over the properties that this node has written, with what is to be written since.
    pub(super) fn renew_properties(&self, session: &Session, written: &Properties) {
        let unwritten = lock(&self.properties);
        session.renew_properties(Arc::new(written.clone()), unwritten.get(&session.hash));
    }

    /// Adds to what was read from the store what is to be written there.
    pub(super) fn lay_over(&self, read: &Session) {
        if let Some(properties) = lock(&self.properties).get(&read.hash) {
            read.extend_properties(properties);
        }
    }

    /// Hashes of sessions with properties to be written.
    pub(super) fn changed(&self) -> Vec<String> {
        lock(&self.properties).keys().cloned().collect()
    }

    /// Takes what is to be written of a session, to write it.
    pub(super) fn take(&self, hash: &str) -> Properties {
        lock(&self.properties).remove(hash).unwrap_or_default()
    }

    /// What could not be written is written later, unless something newer is. Also where it is nothing: the session is
    /// looked at in the store then.
    pub(super) fn put_back(&self, hash: &str, mut taken: Properties) {
        let mut unwritten = lock(&self.properties);
        let noted = unwritten.entry(hash.to_owned()).or_default();
        taken.append(noted);
        *noted = taken;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
