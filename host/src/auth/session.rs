//! A session: who logged in, what is known of them, and when they were last here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Millis;
use crate::limits::SESSION_WRITE_INTERVAL_MS;
use crate::realm::RealmPath;
use crate::store::SessionRow;

/// Name of the built-in administrator, who lives in the root realm and in no user list.
pub(crate) const ADMINISTRATOR: &str = "amadmin";
/// What a session handle begins with; the rest is the token's hash, which ends a session but is none.
pub(crate) const HANDLE_PREFIX: &str = "shandle:";

/// Properties of a session: AM's names (`AuthLevel`, `Organization`, …) and values.
pub(crate) type Properties = BTreeMap<String, String>;

/// A live log-in.
pub(crate) struct Session {
    pub(crate) realm: RealmPath,
    /// The name as it was given at log-in.
    pub(crate) user: String,
    pub(crate) user_key: String,
    pub(crate) client_ip: String,
    pub(crate) created: Millis,
    pub(super) hash: String,
    properties: ArcSwap<Properties>,
    last_used: AtomicI64,
    last_written: AtomicI64,
    ended: AtomicBool,
    /// Whether the store may know more of it than is known here.
    stale: AtomicBool,
    /// What evaluation is told about this subject, kept until the store changes.
    pub(crate) subject: ArcSwapOption<crate::subject::ResolvedSubject>,
    /// The privileges of its user, kept until the store changes.
    pub(crate) granted: ArcSwapOption<super::delegation::Granted>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    realm: String,
    user: String,
    client_ip: String,
    properties: Properties,
}

impl Session {
    /// The session of a new log-in, known by its token.
    pub(super) fn new(new: NewSession, token: &str, now: Millis) -> Session {
        Session {
            user_key: new.user.to_lowercase(),
            realm: new.realm,
            user: new.user,
            client_ip: new.client_ip,
            created: now,
            hash: hash(token),
            properties: ArcSwap::from_pointee(new.properties),
            last_used: AtomicI64::new(now),
            last_written: AtomicI64::new(now),
            ended: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            subject: ArcSwapOption::empty(),
            granted: ArcSwapOption::empty(),
        }
    }

    /// Whether this is the same log-in. One session may have been read from the store twice.
    pub(crate) fn is_same(&self, other: &Session) -> bool {
        self.hash == other.hash
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.realm.is_root() && self.user_key == ADMINISTRATOR
    }

    pub(crate) fn properties(&self) -> Arc<Properties> {
        self.properties.load_full()
    }

    /// Whether these are its properties still: not equal ones, the very ones.
    pub(crate) fn has_properties(&self, those: &Arc<Properties>) -> bool {
        Arc::ptr_eq(&self.properties.load(), those)
    }

    /// The authentication level that the session has earned.
    pub(crate) fn level(&self) -> i64 {
        let level = self.properties().get("AuthLevel").map(|text| text.parse());
        level.and_then(Result::ok).unwrap_or(0)
    }

    pub(crate) fn last_used(&self) -> Millis {
        self.last_used.load(Ordering::Relaxed)
    }

    /// What ends this session without being it.
    pub(crate) fn handle(&self) -> String {
        format!("{HANDLE_PREFIX}{}", self.hash)
    }

    /// Notes a use. True where it has to be written, as the last one that was is long ago.
    pub(super) fn used(&self, now: Millis) -> bool {
        self.last_used.fetch_max(now, Ordering::Relaxed);
        let written = self.last_written.load(Ordering::Relaxed);
        now - written >= SESSION_WRITE_INTERVAL_MS
            && self
                .last_written
                .compare_exchange(written, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Gives it properties beside those that it has, in memory.
    pub(super) fn extend_properties(&self, more: &Properties) {
        self.properties.rcu(|properties| {
            let mut all = (**properties).clone();
            all.extend(more.clone());
            all
        });
    }

    /// Takes over what the store holds of it, and what is to be written there beside. A use that is known here and not
    /// written yet stays known.
    pub(super) fn renew(&self, read: &Session, unwritten: Option<&Properties>) {
        self.renew_properties(read.properties(), unwritten);
        self.last_used
            .fetch_max(read.last_used(), Ordering::Relaxed);
        self.last_written
            .fetch_max(read.last_used(), Ordering::Relaxed);
    }

    /// Takes over the properties that the store holds, and what is to be written there beside.
    pub(super) fn renew_properties(
        &self,
        mut properties: Arc<Properties>,
        unwritten: Option<&Properties>,
    ) {
        if let Some(unwritten) = unwritten {
            Arc::make_mut(&mut properties).extend(unwritten.clone());
        }
        // What was resolved from the properties is kept with them.
        if *self.properties() != *properties {
            self.properties.store(properties);
        }
    }

    /// Notes whether it has to be read from the store before it is used.
    pub(super) fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Ordering::Relaxed);
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// Notes that the session is over, for those who hold it.
    pub(super) fn set_ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn row(&self) -> SessionRow {
        let body = Body {
            realm: self.realm.as_str().to_owned(),
            user: self.user.clone(),
            client_ip: self.client_ip.clone(),
            properties: (*self.properties()).clone(),
        };
        SessionRow {
            hash: self.hash.clone(),
            realm: self.realm.key(),
            user_key: self.user_key.clone(),
            created: self.created,
            last_used: self.last_used(),
            // A map of strings always serialises; an empty body would only lose the session at the next start.
            body: serde_json::to_string(&body).unwrap_or_default(),
        }
    }

    pub(super) fn from_row(row: SessionRow) -> Option<Session> {
        let body: Body = serde_json::from_str(&row.body).ok()?;
        Some(Session {
            realm: RealmPath::parse(&body.realm)?,
            user: body.user,
            user_key: row.user_key,
            client_ip: body.client_ip,
            created: row.created,
            hash: row.hash,
            properties: ArcSwap::from_pointee(body.properties),
            last_used: AtomicI64::new(row.last_used),
            last_written: AtomicI64::new(row.last_used),
            ended: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            subject: ArcSwapOption::empty(),
            granted: ArcSwapOption::empty(),
        })
    }
}

/// What the store is to hold of a session with other properties. What cannot be read stays as it is.
pub(super) fn with_properties(body: &str, change: impl FnOnce(&mut Properties)) -> String {
    let Ok(mut read) = serde_json::from_str::<Body>(body) else {
        return body.to_owned();
    };
    change(&mut read.properties);
    serde_json::to_string(&read).unwrap_or_else(|_| body.to_owned())
}

/// The properties that the store holds of a session; none where it cannot be read.
pub(super) fn properties_in(body: &str) -> Properties {
    let read = serde_json::from_str::<Body>(body);
    read.map(|body| body.properties).unwrap_or_default()
}

/// Who logged in.
pub(crate) struct NewSession {
    pub(crate) realm: RealmPath,
    pub(crate) user: String,
    pub(crate) client_ip: String,
    pub(crate) properties: Properties,
}

/// What the store knows a token by.
pub(super) fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The hash of the session that a handle stands for; `None` for what is no handle.
pub(super) fn hash_in(handle: &str) -> Option<&str> {
    handle.strip_prefix(HANDLE_PREFIX)
}
