//! What happens to sessions, told to those who keep sessions in memory: on this node, and on the other ones.
//!
//! The store knows tokens by their hash alone, and listeners know sessions by their tokens. So the node that does
//! something to a session, and has its token, tells the others. What ends without a token being known where it is done
//! (by a handle, with its user) is told by each node that has the session in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::session::Session;
use super::memory::Known;
use crate::limits::SESSIONS_ENDED_ELSEWHERE;
use crate::notifications::{Event, NodeSeal, Notifications, SessionChange, SessionEvent};
use crate::store::Store;

/// Tells what happens to sessions.
pub(crate) struct SessionEvents {
    notifications: Notifications,
    /// For events on their way to other nodes.
    seal: NodeSeal,
    store: Arc<dyn Store>,
    /// Sessions that another node has ended and not told how yet, by token.
    elsewhere: Mutex<HashMap<Box<str>, Arc<Session>>>,
}

impl SessionEvents {
    pub(crate) fn new(store: Arc<dyn Store>, notifications: Notifications, seal: NodeSeal) -> Self {
        SessionEvents {
            notifications,
            seal,
            store,
            elsewhere: Mutex::default(),
        }
    }

    /// Tells on this node.
    pub(super) fn here(&self, (token, session): &Known, change: SessionChange) {
        self.notifications
            .tell(Event::Session(event(token, session, change)));
    }

    /// Tells on all nodes.
    pub(super) async fn everywhere(&self, known: &Known, change: SessionChange) {
        self.here(known, change);
        let Some(word) = self.seal.seal(&event(&known.0, &known.1, change)) else {
            tracing::warn!("what happened to a session could not be sealed for other nodes");
            return;
        };
        if let Err(error) = self.store.tell(&word).await {
            tracing::warn!(%error, "other nodes were not told what happened to a session");
        }
    }

    /// Keeps sessions that another node has ended until it says how.
    pub(super) fn ended_elsewhere(&self, sessions: Vec<Known>) {
        let mut elsewhere = self.elsewhere();
        let room = SESSIONS_ENDED_ELSEWHERE.saturating_sub(elsewhere.len());
        let mut sessions = sessions.into_iter();
        elsewhere.extend(sessions.by_ref().take(room));
        drop(elsewhere);
        for known in sessions {
            self.here(&known, SessionChange::Destroyed);
        }
    }

    /// Takes over what another node tells.
    pub(super) fn hear(&self, word: &str) {
        match self.seal.open(word) {
            Some(event) => {
                self.elsewhere().remove(event.token.as_str());
                self.notifications.tell(Event::Session(event));
            }
            None => tracing::debug!("a word of another node was not understood"),
        }
    }

    /// Tells of the sessions that were ended elsewhere without a word how; for a background task.
    pub(super) fn tell_of_the_rest(&self) {
        let rest = std::mem::take(&mut *self.elsewhere());
        for known in rest {
            self.here(&known, SessionChange::Destroyed);
        }
    }

    fn elsewhere(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Arc<Session>>> {
        self.elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(token: &str, session: &Session, change: SessionChange) -> SessionEvent {
    SessionEvent {
        token: token.to_owned(),
        realm: session.realm.as_str().to_owned(),
        user_key: session.user_key.clone(),
        of_administrator: session.is_administrator(),
        change,
    }
}
