//! Sessions: a random token for the client, its hash in the store, the session itself in memory while it is in use.
//!
//! A session ends after a time without use or at its greatest age, whichever comes first. Its last use is kept in memory
//! and written at most once a minute (ruling B29), so a restart may forget the last minute of use, never a log-out.

mod events;
mod memory;
mod unwritten;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::session::{NewSession, Properties, Session, hash, hash_in};
use super::{NoRandomness, random_text};
use crate::clock::{self, Millis};
use crate::freshness::Freshness;
use crate::limits::{SESSION_WRITE_INTERVAL_MS, SESSIONS_PER_LISTING, TOKEN_BYTES};
use crate::notifications::SessionChange;
use crate::realm::RealmPath;
use crate::store::{Notice, SessionRow, Store, StoreError};
pub(crate) use events::SessionEvents;
use memory::Memory;
use unwritten::Unwritten;

const TOKEN_RANDOM_BYTES: usize = 32;

/// All sessions of the node.
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    freshness: Arc<Freshness>,
    memory: Memory,
    unwritten: Unwritten,
    events: SessionEvents,
    idle_ms: i64,
    age_ms: i64,
    per_user: usize,
}

impl Sessions {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        freshness: Arc<Freshness>,
        events: SessionEvents,
        (idle_minutes, max_minutes): (u32, u32),
        per_user: usize,
    ) -> Self {
        Sessions {
            store,
            freshness,
            memory: Memory::default(),
            unwritten: Unwritten::default(),
            events,
            idle_ms: i64::from(idle_minutes) * 60_000,
            age_ms: i64::from(max_minutes) * 60_000,
            per_user,
        }
    }

    pub(crate) fn idle_minutes(&self) -> i64 {
        self.idle_ms / 60_000
    }

    pub(crate) fn max_minutes(&self) -> i64 {
        self.age_ms / 60_000
    }

    pub(crate) fn idle_end(&self, session: &Session) -> Millis {
        session.last_used().saturating_add(self.idle_ms)
    }

    pub(crate) fn age_end(&self, session: &Session) -> Millis {
        session.created.saturating_add(self.age_ms)
    }

    /// Makes a session and its token; the user's oldest sessions end where there would be too many.
    pub(crate) async fn begin(
        &self,
        new: NewSession,
        now: Millis,
    ) -> Result<(String, Arc<Session>), BeginError> {
        let token = random_text(TOKEN_RANDOM_BYTES)?;
        let session = Session::new(new, &token, now);
        let earlier = self
            .store
            .sessions_of(&session.realm.key(), &session.user_key)
            .await?;
        let surplus = (earlier.len() + 1).saturating_sub(self.per_user);
        for row in earlier.into_iter().take(surplus) {
            self.end_hash(&row.hash, SessionChange::Destroyed).await?;
        }
        self.store.add_session(&session.row()).await?;
        let session = Arc::new(session);
        self.memory.insert(&token, Arc::clone(&session));
        Ok((token, session))
    }

    /// The live session of a token. `None` for a token that is unknown, ended or too old.
    ///
    /// # Errors
    /// The store did not answer about a token that is not in memory, or has not for so long that a session in memory may
    /// have ended elsewhere.
    pub(crate) async fn find(
        &self,
        token: &str,
        now: Millis,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        self.freshness.check(clock::moment())?;
        if let Some(session) = self.memory.get(token) {
            return Ok(self.if_live(session, now));
        }
        if token.is_empty() || token.len() > TOKEN_BYTES {
            return Ok(None);
        }
        let Some(row) = self.store.session(&hash(token)).await? else {
            return Ok(None);
        };
        let Some(session) = Session::from_row(row).map(Arc::new) else {
            return Ok(None);
        };
        let live = self.if_live(session, now);
        if let Some(session) = &live {
            self.memory.insert(token, Arc::clone(session));
        }
        Ok(live)
    }

    fn if_live(&self, session: Arc<Session>, now: Millis) -> Option<Arc<Session>> {
        let over =
            session.has_ended() || now >= self.idle_end(&session) || now >= self.age_end(&session);
        (!over).then_some(session)
    }

    /// Notes that a session was used: its idle time begins anew.
    pub(crate) fn touch(&self, session: &Session, now: Millis) {
        if session.used(now) {
            self.unwritten.used(session, now);
        }
    }

    /// Writes the uses and soft changes noted since the last call; for a background task. What could not be written is
    /// written by the next one.
    pub(crate) async fn write_soon(&self) -> Result<(), StoreError> {
        self.events.tell_of_the_rest();
        self.unwritten.write(self.store.as_ref()).await
    }

    /// Replaces a session's properties; durable when it returns. False where the session has ended meanwhile.
    pub(crate) async fn set_properties(
        &self,
        session: &Session,
        properties: Properties,
    ) -> Result<bool, StoreError> {
        session.replace_properties(properties);
        let there = self
            .store
            .update_session(&session.hash, &session.row().body)
            .await?;
        if there {
            for known in self.memory.known(|other| other.hash == session.hash) {
                let change = SessionChange::PropertyChanged;
                self.events.everywhere(&known, change).await;
            }
        }
        Ok(there)
    }

    /// Replaces a session's properties at once in memory, and soon in the store: for the idle timers that evaluation
    /// sets with every request.
    pub(crate) fn set_properties_soon(&self, session: &Arc<Session>, properties: Properties) {
        session.replace_properties(properties);
        self.unwritten.changed(session);
    }

    /// Ends a session; durable when it returns. `how` is told to those who keep sessions in memory.
    pub(crate) async fn end(
        &self,
        session: &Session,
        how: SessionChange,
    ) -> Result<(), StoreError> {
        self.end_hash(&session.hash, how).await.map(drop)
    }

    /// Ends the session that a handle stands for; whether there was one.
    pub(crate) async fn end_by_handle(&self, handle: &str) -> Result<bool, StoreError> {
        match hash_in(handle) {
            Some(hash) => self.end_hash(hash, SessionChange::Destroyed).await,
            None => Ok(false),
        }
    }

    /// The live session that a handle stands for.
    pub(crate) async fn find_by_handle(
        &self,
        handle: &str,
        now: Millis,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let Some(hash) = hash_in(handle) else {
            return Ok(None);
        };
        let Some(row) = self.store.session(hash).await? else {
            return Ok(None);
        };
        let known = self.memory.known(|session| session.hash == hash).pop();
        let session = match known {
            Some((_, session)) => Some(session),
            None => Session::from_row(row).map(Arc::new),
        };
        Ok(session.and_then(|session| self.if_live(session, now)))
    }

    /// The realm of the session that a handle stands for, if there is one.
    pub(crate) async fn realm_of_handle(
        &self,
        handle: &str,
    ) -> Result<Option<RealmPath>, StoreError> {
        let Some(hash) = hash_in(handle) else {
            return Ok(None);
        };
        let row = self.store.session(hash).await?;
        Ok(row.and_then(|row| RealmPath::parse(&row.realm)))
    }

    async fn end_hash(&self, hash: &str, how: SessionChange) -> Result<bool, StoreError> {
        let ended = self.memory.take_out(|session| session.hash == hash);
        let there = self.store.delete_session(hash).await?;
        if there {
            for known in &ended {
                self.events.everywhere(known, how).await;
            }
        }
        Ok(there)
    }

    /// Ends every session of a user.
    pub(crate) async fn end_all_of(
        &self,
        realm: &RealmPath,
        user_key: &str,
    ) -> Result<(), StoreError> {
        for row in self.store.sessions_of(&realm.key(), user_key).await? {
            self.end_hash(&row.hash, SessionChange::Destroyed).await?;
        }
        Ok(())
    }

    /// Drops sessions from memory that the store does not hold any more: those of deleted users and realms.
    pub(crate) fn forget(&self, gone: impl Fn(&Session) -> bool) {
        for known in self.memory.take_out(gone) {
            self.events.here(&known, SessionChange::Destroyed);
        }
    }

    /// Takes over what another process did to sessions: those concerned are read from the store at their next use.
    pub(crate) fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Changed | Notice::Tokens | Notice::Heard(_) => {}
            Notice::Told(word) => self.events.hear(word),
            Notice::SessionEnded(hash) => {
                let ended = self.memory.take_out(|session| session.hash == *hash);
                self.events.ended_elsewhere(ended);
            }
            Notice::SessionChanged(hash) => self.memory.forget(hash),
            Notice::Sessions | Notice::Everything => self.memory.clear(),
        }
    }

    /// Live sessions of a user.
    pub(crate) async fn of_user(
        &self,
        realm: &RealmPath,
        user_key: &str,
        now: Millis,
    ) -> Result<Vec<Arc<Session>>, StoreError> {
        let rows = self.store.sessions_of(&realm.key(), user_key).await?;
        Ok(self.live(rows, now))
    }

    /// Live sessions of a realm, at most [`SESSIONS_PER_LISTING`], the one used last first.
    pub(crate) async fn of_realm(
        &self,
        realm: &RealmPath,
        now: Millis,
    ) -> Result<Vec<Arc<Session>>, StoreError> {
        let rows = self
            .store
            .sessions_in(&realm.key(), SESSIONS_PER_LISTING)
            .await?;
        Ok(self.live(rows, now))
    }

    /// Those of stored sessions that are not over, as memory has them where it does.
    fn live(&self, rows: Vec<SessionRow>, now: Millis) -> Vec<Arc<Session>> {
        let stored: HashSet<&str> = rows.iter().map(|row| row.hash.as_str()).collect();
        let known = self
            .memory
            .known(|session| stored.contains(session.hash.as_str()));
        let known = known.into_iter();
        let known: HashMap<String, Arc<Session>> = known
            .map(|(_, session)| (session.hash.clone(), session))
            .collect();
        let sessions = rows
            .into_iter()
            .filter_map(|row| match known.get(&row.hash) {
                Some(session) => Some(Arc::clone(session)),
                None => Session::from_row(row).map(Arc::new),
            });
        sessions
            .filter_map(|session| self.if_live(session, now))
            .collect()
    }

    /// Removes what is over, from memory and store; for a background task.
    pub(crate) async fn remove_expired(&self, now: Millis) -> Result<(), StoreError> {
        let idle = self
            .memory
            .take_out(|session| now >= self.idle_end(session));
        let old = self.memory.take_out(|session| now >= self.age_end(session));
        for (over, how) in [
            (idle, SessionChange::IdleTooLong),
            (old, SessionChange::TooOld),
        ] {
            // Each node finds by itself which sessions are over.
            for known in &over {
                self.events.here(known, how);
            }
        }
        // The store lags behind in uses, so a session counts as idle there only after the lag.
        let idle = now - self.idle_ms - 2 * SESSION_WRITE_INTERVAL_MS;
        self.store
            .delete_expired_sessions(idle, now - self.age_ms)
            .await
            .map(drop)
    }
}

/// Why no session was made.
#[derive(Debug)]
pub(crate) enum BeginError {
    Store(StoreError),
    NoRandomness,
}

impl From<StoreError> for BeginError {
    fn from(error: StoreError) -> Self {
        BeginError::Store(error)
    }
}

impl From<NoRandomness> for BeginError {
    fn from(_: NoRandomness) -> Self {
        BeginError::NoRandomness
    }
}
