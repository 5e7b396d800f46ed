//! The store: documents, sessions and one revision counter, behind one trait.
//!
//! The store knows no policy. What is administered is kept as documents of a few kinds; what they mean is decided
//! above it. All writes of one change happen in one transaction that also takes a new revision, so a reader who sees
//! revision N sees everything that N stands for.

mod change;
mod database;
mod history;
mod kind;
mod postgres;
mod relational;
mod relational_tokens;
mod relational_transactions;
mod require;
pub(crate) mod snapshots;
mod sqlite;
#[cfg(test)]
pub(crate) mod suite;
pub(crate) mod tokens;
pub(crate) mod transactions;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::clock::{Millis, Moment, millis_text};

pub(crate) use kind::Kind;

/// A document as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) key: String,
    /// The second unique name, in lower case; the key again where there is none.
    pub(crate) name_key: String,
    pub(crate) name: String,
    /// Key of the policy set of a policy; empty for every other kind.
    pub(crate) owner: String,
    /// JSON text.
    pub(crate) body: String,
    /// A user's password hash (PHC string), a key ring's private keys. Not kept in the history.
    pub(crate) secret: Option<String>,
    pub(crate) stamp: Stamp,
    pub(crate) revision: u64,
}

/// Who made and last changed a document, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) created_by: String,
    pub(crate) created_at: Millis,
    pub(crate) modified_by: String,
    pub(crate) modified_at: Millis,
}

/// A document to be written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    /// Key of the realm; empty for realms themselves.
    pub(crate) realm: String,
    pub(crate) key: String,
    /// The second unique name, in lower case; the key again where there is none.
    pub(crate) name_key: String,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) body: String,
    pub(crate) secret: Option<String>,
    /// Members of a group, keys of users; empty for every other kind.
    pub(crate) members: Vec<String>,
    /// Kept instead of the change's own author and instant (`import --restore`).
    pub(crate) stamp: Option<Stamp>,
}

/// What must be so before a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    Absent,
    Present,
    Anything,
}

/// One step of a change.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put(Expect, Draft),
    /// Nothing is written, neither by the steps before nor after, unless a document is at this revision still.
    Require {
        kind: Kind,
        realm: String,
        key: String,
        revision: u64,
    },
    /// Nothing is written while documents of a kind have this owner. What the steps before removed is gone by then.
    RequireEmpty {
        kind: Kind,
        realm: String,
        owner: String,
    },
    /// Nothing is written where a document refers to something that no document referred to when somebody looked.
    RequireUnreferred(Unreferred),
    /// A document that must be there.
    Delete {
        kind: Kind,
        realm: String,
        key: String,
    },
    /// A realm with everything in it, sessions too. Nothing is written where there are realms beneath it.
    DeleteRealm {
        realm: String,
    },
    PutSetting {
        name: String,
        value: String,
    },
}

impl Write {
    /// That a document is as it was read.
    pub(crate) fn require(kind: Kind, realm: &str, read: &Object) -> Write {
        Write::Require {
            kind,
            realm: realm.to_owned(),
            key: read.key.clone(),
            revision: read.revision,
        }
    }
}

/// A look for references, and as of when it was made: whoever looked has seen all documents up to that revision, so the
/// store looks at later ones only, and at none where nothing was written since.
#[derive(Clone, Debug)]
pub(crate) struct Unreferred {
    /// The documents that could refer to it.
    pub(crate) kind: Kind,
    pub(crate) realm: String,
    pub(crate) since: u64,
    /// What nothing may refer to.
    pub(crate) to: String,
    /// Whether a document does.
    pub(crate) refers: fn(&Object, &str) -> bool,
}

/// A change that was made durable.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    /// The store's revision before this change.
    pub(crate) previous: u64,
    pub(crate) revision: u64,
}

/// One change of the store: who made it, when, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) number: u64,
    pub(crate) at: Millis,
    pub(crate) author: String,
    pub(crate) summary: String,
}

/// A document that differs between two revisions: `before` is missing where it was made, `after` where it was deleted.
/// Secrets are in neither.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) kind: Kind,
    pub(crate) realm: String,
    pub(crate) key: String,
    pub(crate) before: Option<Object>,
    pub(crate) after: Option<Object>,
}

/// What another process did to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// There is a new revision.
    Changed,
    /// The session with this hash has ended.
    SessionEnded(String),
    /// The session with this hash has new properties.
    SessionChanged(String),
    /// Sessions have ended, any of them.
    Sessions,
    /// Access tokens were revoked: [`tokens::TokenStore::revocations`] tells which.
    Tokens,
    /// One word of another node, which only nodes understand.
    Told(String),
    /// Notices may have been missed, so anything may have happened.
    Everything,
    /// Everything that was done up to this moment has been told.
    Heard(Moment),
}

/// What makes another body of a session's.
pub(crate) type BodyChange<'a> = dyn Fn(&str) -> String + Send + Sync + 'a;

/// A session as it is kept; `hash` is the SHA-256 of its token, in hex.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) hash: String,
    pub(crate) realm: String,
    pub(crate) user_key: String,
    pub(crate) created: Millis,
    pub(crate) last_used: Millis,
    pub(crate) body: String,
}

/// Why the store could not do it.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// `Expect::Absent` met an object with the same key or the same second name.
    Exists { key: String },
    /// What a change requires is not so, or not so any more.
    Changed { key: String },
    /// A document was put into a realm that is not there, or a realm beneath one that is not.
    NoRealm { realm: String },
    /// `Expect::Present`, or a deletion, met nothing.
    Missing { key: String },
    /// Written by a later version of this program.
    Newer { found: i64, known: i64 },
    /// The database did not answer, or not as it should.
    Unavailable(String),
    /// It has not answered since then, and what was known then is too old to decide from.
    CutOff { since: Millis },
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::Exists { key } => write!(f, "{key} already exists"),
            StoreError::Changed { key } => write!(f, "{key} was changed meanwhile"),
            StoreError::NoRealm { realm } => write!(f, "the realm {realm} does not exist"),
            StoreError::Missing { key } => write!(f, "{key} does not exist"),
            StoreError::Newer { found, known } => write!(
                f,
                "the store has schema version {found}, this program knows versions up to {known}: it was used with a \
                 newer version of assize, which must be used again"
            ),
            StoreError::Unavailable(why) => write!(f, "the store cannot be used: {why}"),
            StoreError::CutOff { since } => write!(
                f,
                "cut off from the database since {}, which is longer than this node may decide alone \
                 (cut_off_seconds)",
                millis_text(*since)
            ),
        }
    }
}

impl std::error::Error for StoreError {}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// A durable store. Every method that writes returns after the write is durable.
#[async_trait]
pub(crate) trait Store:
    tokens::TokenStore + transactions::TransactionStore + Send + Sync
{
    /// The latest revision; 0 for a store that was never written.
    async fn revision(&self) -> Result<u64>;
    /// The store as it is at one revision, to be read without seeing half of a later change.
    async fn view(&self) -> Result<Box<dyn View>>;
    /// Makes all writes, in order, in one transaction with one new revision: max(previous + 1, `at`).
    ///
    /// INVARIANT: whatever they are, no document is in a realm that is not there, and no realm beneath one that is not.
    ///
    /// # Errors
    /// [`StoreError::Changed`] for what they require and is not so; [`StoreError::NoRealm`]; as they expect it,
    /// [`StoreError::Exists`] and [`StoreError::Missing`].
    async fn apply(
        &self,
        author: &str,
        at: Millis,
        summary: &str,
        writes: &[Write],
    ) -> Result<Applied>;

    /// After a large change: lets the database look at its tables, so that it plans by what is in them now. Nothing is
    /// lost where it cannot.
    async fn survey(&self);

    async fn object(&self, kind: Kind, realm: &str, key: &str) -> Result<Option<Object>>;
    /// All documents of a kind in a realm, in order of creation.
    async fn objects(&self, kind: Kind, realm: &str) -> Result<Vec<Object>>;
    /// Names of the groups of the realm that a user belongs to.
    async fn groups_of(&self, realm: &str, user_key: &str) -> Result<Vec<String>>;

    /// Revisions before that one, or from the latest on, the latest first.
    async fn revisions(&self, before: Option<u64>, limit: u32) -> Result<Vec<Revision>>;
    /// The documents that differ between the store at two revisions. Revision 0 is the empty store.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for a revision that never was.
    async fn diff(&self, from: u64, to: u64) -> Result<Vec<Difference>>;
    /// Makes resource types, policy sets, policies and scripts as they were at a revision, as one change with a new
    /// revision. Realms deleted since come back with them; realms made since stay as they are, and so do users, groups
    /// and sessions everywhere: who may log in does not follow from policy.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for a revision that never was.
    async fn roll_back(&self, author: &str, at: Millis, to: u64) -> Result<Applied>;

    async fn add_session(&self, row: &SessionRow) -> Result<()>;
    /// Makes another body of the one that a session has, and gives it; `None` where the session has ended. Nobody else
    /// changes it in between. `change` may be called more than once; the last one counts.
    async fn change_session(&self, hash: &str, change: &BodyChange<'_>) -> Result<Option<String>>;
    async fn session(&self, hash: &str) -> Result<Option<SessionRow>>;
    /// Sessions of a user, the one used longest ago first.
    async fn sessions_of(&self, realm: &str, user_key: &str) -> Result<Vec<SessionRow>>;
    /// Sessions of a realm, at most so many, the one used last first.
    async fn sessions_in(&self, realm: &str, most: u32) -> Result<Vec<SessionRow>>;
    async fn touch_sessions(&self, used: &[(String, Millis)]) -> Result<()>;
    /// Whether there was such a session.
    async fn delete_session(&self, hash: &str) -> Result<bool>;
    /// Ends sessions last used before `idle`, or made before `created`.
    async fn delete_expired_sessions(&self, idle: Millis, created: Millis) -> Result<u64>;
    /// Whether another process has ended or changed sessions since the last call, or may have. For a store that cannot
    /// tell (`notices` is `None`): it is to be polled.
    async fn sessions_changed(&self) -> Result<bool>;

    async fn setting(&self, name: &str) -> Result<Option<String>>;
    async fn put_setting(&self, name: &str, value: &str) -> Result<()>;
    /// Puts a setting unless it is there, and gives the one that is there afterwards.
    async fn setting_or(&self, name: &str, value: &str) -> Result<String>;
    /// Puts a setting while the store is still at that revision; false where it has moved on.
    async fn put_setting_at(&self, revision: u64, name: &str, value: &str) -> Result<bool>;

    /// Tells the other nodes a word, where the store can.
    async fn tell(&self, word: &str) -> Result<()>;

    /// What other processes do to the store from now on, and every now and then [`Notice::Heard`]. A receiver that lags
    /// behind has missed notices, which is [`Notice::Everything`]. `None` for a store that cannot tell: its
    /// revision is to be polled, and [`Store::sessions_changed`].
    fn notices(&self) -> Option<broadcast::Receiver<Notice>>;
}

/// Documents that are read at a time.
pub(crate) const PAGE: usize = 1000;

/// The store at one revision.
#[async_trait]
pub(crate) trait View: Send {
    fn revision(&self) -> u64;
    async fn object(&mut self, kind: Kind, realm: &str, key: &str) -> Result<Option<Object>>;
    /// All documents of a kind in a realm, in order of creation.
    async fn objects(&mut self, kind: Kind, realm: &str) -> Result<Vec<Object>>;
    /// The next documents of a kind in a realm, in order of their keys: those after a key, [`PAGE`] at most. So what is
    /// large is read without having all of it in memory.
    async fn page(&mut self, kind: Kind, realm: &str, after: &str) -> Result<Vec<Object>>;
    /// All settings, by name.
    async fn settings(&mut self) -> Result<Vec<(String, String)>>;
    /// Key and revision of all documents of a kind in a realm: what to compare with to find out what changed.
    async fn revisions_of(&mut self, kind: Kind, realm: &str) -> Result<Vec<(String, u64)>>;
    async fn setting(&mut self, name: &str) -> Result<Option<String>>;
}

/// Opens the store that a database URL names, making it where there is none.
///
/// # Errors
/// [`StoreError::Newer`], or [`StoreError::Unavailable`] with the reason.
pub(crate) async fn open(url: &str) -> Result<Arc<dyn Store>> {
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "sqlite" => {
            let database = sqlite::SqliteDatabase::open(url).await?;
            Ok(Arc::new(relational::RelationalStore::open(database).await?))
        }
        "postgres" | "postgresql" => {
            let database = postgres::PostgresDatabase::open(url).await?;
            Ok(Arc::new(relational::RelationalStore::open(database).await?))
        }
        _ => Err(StoreError::Unavailable(format!(
            "no kind of database named {scheme:?} is known; sqlite: and postgres: are"
        ))),
    }
}
