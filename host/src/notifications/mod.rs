//! AM's change notices: what happened to policies and sessions, for clients that keep decisions and sessions in memory
//! and must let go of them (PingGateway, the Web and Java agents).
//!
//! Changes of policies are found where they are published, on every node by itself. What happens to a session is told
//! by the node that did it, to its own listeners and to those of the other nodes.

mod sealed;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, broadcast};

use crate::auth::delegation;
use crate::auth::privilege::Privileges;
use crate::clock::{self, Millis};
use crate::limits::NOTIFICATIONS_UNREAD;
use crate::realm::RealmPath;
use crate::store::{Store, StoreError};

pub(crate) use sealed::NodeSeal;

/// What happened to a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyEvent {
    pub(crate) realm: RealmPath,
    pub(crate) policy: String,
    pub(crate) policy_set: String,
    pub(crate) change: PolicyChange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyChange {
    Created,
    Updated,
    Deleted,
}

/// What happened to a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionEvent {
    pub(crate) token: String,
    /// Realm and key of the session's user: who may hear of the token depends on what that user may do.
    pub(crate) realm: String,
    pub(crate) user_key: String,
    /// AM's super administrator, whose exemptions no privilege gives.
    pub(crate) of_administrator: bool,
    pub(crate) change: SessionChange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SessionChange {
    /// By its own user.
    LoggedOut,
    /// By somebody else, or with its user.
    Destroyed,
    IdleTooLong,
    TooOld,
    PropertyChanged,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Policy(PolicyEvent),
    Session(SessionEvent),
}

/// An event and its instant.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) at: Millis,
    pub(crate) event: Event,
    /// What the user of the event's session may do, looked up for the first listener and known to the others.
    privileges: OnceCell<Privileges>,
}

impl Happened {
    /// What the groups of a session's user grant it, now that something has happened to the session.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn privileges_of(
        &self,
        store: &Arc<dyn Store>,
        realm: &RealmPath,
        user_key: &str,
    ) -> Result<Privileges, StoreError> {
        let realm = realm.key();
        let look_up = || delegation::of_groups(store, &realm, user_key);
        self.privileges.get_or_try_init(look_up).await.copied()
    }
}

/// The listeners of this node.
#[derive(Clone)]
pub(crate) struct Notifications {
    events: broadcast::Sender<Arc<Happened>>,
}

impl Notifications {
    pub(crate) fn new() -> Self {
        Notifications {
            events: broadcast::Sender::new(NOTIFICATIONS_UNREAD),
        }
    }

    /// Tells whoever listens on this node.
    pub(crate) fn tell(&self, event: Event) {
        let at = clock::now();
        // An error means that nobody listens.
        let _ = self.events.send(Arc::new(Happened {
            at,
            event,
            privileges: OnceCell::new(),
        }));
    }

    /// What happens from now on. A listener that lags behind has missed something.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Happened>> {
        self.events.subscribe()
    }
}
