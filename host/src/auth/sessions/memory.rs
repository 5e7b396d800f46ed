//! Sessions that are in use, by their tokens.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::super::session::Session;
use crate::limits::SESSIONS_IN_MEMORY;

/// A token with its session.
pub(super) type Known = (Box<str>, Arc<Session>);

/// The sessions of a node that were asked for, bounded in number: the store has them all.
#[derive(Default)]
pub(super) struct Memory(RwLock<HashMap<Box<str>, Arc<Session>>>);

impl Memory {
    pub(super) fn get(&self, token: &str) -> Option<Arc<Session>> {
        self.read().get(token).cloned()
    }

    pub(super) fn insert(&self, token: &str, session: Arc<Session>) {
        let mut sessions = self.write();
        if sessions.len() >= SESSIONS_IN_MEMORY {
            // A sample stands for all: finding the very oldest would stop every request for as long.
            let oldest = sessions
                .iter()
                .take(64)
                .min_by_key(|(_, s)| s.last_used())
                .map(|(token, _)| token.clone());
            if let Some(oldest) = oldest {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(token.into(), session);
    }

    /// Sessions, with their tokens.
    pub(super) fn known(&self, wanted: impl Fn(&Session) -> bool) -> Vec<Known> {
        let sessions = self.read();
        let wanted = sessions.iter().filter(|(_, session)| wanted(session));
        wanted
            .map(|(token, session)| (token.clone(), Arc::clone(session)))
            .collect()
    }

    /// Takes out sessions that are over, and notes for those who hold them that they are.
    pub(super) fn take_out(&self, over: impl Fn(&Session) -> bool) -> Vec<Known> {
        let taken: Vec<Known> = self
            .write()
            .extract_if(|_, session| over(session))
            .collect();
        for (_, session) in &taken {
            session.set_ended();
        }
        taken
    }

    /// Forgets a session that is not over, so that it is read from the store at its next use.
    pub(super) fn forget(&self, hash: &str) {
        self.write().retain(|_, session| session.hash != hash);
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.write().clear();
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Box<str>, Arc<Session>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Box<str>, Arc<Session>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
