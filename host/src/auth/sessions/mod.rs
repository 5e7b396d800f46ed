//! Sessions: a random token for the client, its hash in the store, the session itself in memory while it is in use.
//!
//! A session ends after a time without use or at its greatest age, whichever comes first. Its last use is kept in memory
//! and written at most once a minute (ruling B29), so a restart may forget the last minute of use, never a log-out. A node
//! that takes a session for idle asks the store first, as another one may have seen it used.

mod events;
mod kept;
mod memory;
#[cfg(test)]
mod tests;
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
use kept::Kept;
use memory::{Changes, Memory};
use unwritten::Unwritten;

const TOKEN_RANDOM_BYTES: usize = 32;
/// How often a session is read again because sessions changed meanwhile. After that it is used as it was read, and not kept.
const READINGS: usize = 4;

/// All sessions of the node.
pub(crate) struct Sessions {
    kept: Arc<Kept>,
    freshness: Arc<Freshness>,
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
            kept: Arc::new(Kept {
                store,
                memory: Memory::new(),
                unwritten: Unwritten::default(),
                events,
            }),
            freshness,
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
        let session = Arc::new(Session::new(new, &token, now));
        let earlier = self
            .kept
            .store
            .sessions_of(&session.realm.key(), &session.user_key)
            .await?;
        let surplus = (earlier.len() + 1).saturating_sub(self.per_user);
        for row in earlier.into_iter().take(surplus) {
            self.kept.end(&row.hash, SessionChange::Destroyed).await?;
        }
        let as_of = self.kept.memory.changes();
        self.kept.store.add_session(&session.row()).await?;
        // All sessions of the user may have been ended meanwhile, this one too: then it is read at its first use.
        self.keep(&token, &session, as_of, now);
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
        if let Some(session) = self.kept.memory.get(token) {
            if session.has_ended() || now >= self.age_end(&session) {
                return Ok(None);
            }
            if now < self.idle_end(&session) {
                return Ok(Some(session));
            }
            // Another node may have seen it used.
        }
        if token.is_empty() || token.len() > TOKEN_BYTES {
            return Ok(None);
        }
        let session = self.read(token, now).await?;
        Ok(session.filter(|session| self.is_live(session, now)))
    }

    /// Reads a session from the store, and keeps it.
    async fn read(&self, token: &str, now: Millis) -> Result<Option<Arc<Session>>, StoreError> {
        let hash = hash(token);
        let mut unkept = None;
        for _ in 0..READINGS {
            let as_of = self.kept.memory.changes();
            let row = self.kept.store.session(&hash).await?;
            let Some(read) = row.and_then(Session::from_row).map(Arc::new) else {
                self.let_go(token, now);
                return Ok(None);
            };
            let kept = self.keep(token, &read, as_of, now);
            if kept.is_some() {
                return Ok(kept);
            }
            self.kept.unwritten.lay_over(&read);
            unkept = Some(read);
        }
        Ok(unkept)
    }

    fn keep(
        &self,
        token: &str,
        read: &Arc<Session>,
        as_of: Changes,
        now: Millis,
    ) -> Option<Arc<Session>> {
        let Kept {
            memory, unwritten, ..
        } = &*self.kept;
        memory.keep(token, read, as_of, unwritten, |session| {
            self.is_live(session, now)
        })
    }

    /// Takes a session out of memory that the store does not hold any more.
    fn let_go(&self, token: &str, now: Millis) {
        let Some(known) = self.kept.memory.take_out_one(token) else {
            return;
        };
        // Nobody tells what is over by time: each node finds it by itself.
        if now >= self.age_end(&known.1) {
            self.kept.events.here(&known, SessionChange::TooOld);
        } else if now >= self.idle_end(&known.1) {
            self.kept.events.here(&known, SessionChange::IdleTooLong);
        } else {
            self.kept.events.ended_elsewhere(vec![known]);
        }
    }

    fn is_live(&self, session: &Session, now: Millis) -> bool {
        !session.has_ended() && now < self.idle_end(session) && now < self.age_end(session)
    }

    /// Notes that a session was used: its idle time begins anew.
    pub(crate) fn touch(&self, session: &Session, now: Millis) {
        if session.used(now) {
            self.kept.unwritten.used(session, now);
        }
    }

    /// Writes the uses and soft changes noted since the last call; for a background task. What could not be written is
    /// written by the next one.
    pub(crate) async fn write_soon(&self) -> Result<(), StoreError> {
        self.kept.events.tell_of_the_rest();
        let store = self.kept.store.as_ref();
        self.kept.unwritten.write_uses(store).await?;
        self.kept.write_noted().await
    }

    /// Changes a session's properties, whatever they are by then; durable when it returns, with all of them. `None` where
    /// the session has ended meanwhile.
    pub(crate) async fn change_properties(
        &self,
        session: &Session,
        change: impl Fn(&mut Properties) + Send + Sync + 'static,
    ) -> Result<Option<Properties>, StoreError> {
        self.kept.change(&session.hash, change).await
    }

    /// Gives a session properties at once in memory, and soon in the store: for the idle timers that evaluation sets with
    /// every request.
    pub(crate) fn set_properties_soon(&self, session: &Session, properties: Properties) {
        self.kept.unwritten.set(session, properties);
    }

    /// Ends a session; durable when it returns. `how` is told to those who keep sessions in memory.
    pub(crate) async fn end(
        &self,
        session: &Session,
        how: SessionChange,
    ) -> Result<(), StoreError> {
        self.kept.end(&session.hash, how).await.map(drop)
    }

    /// Ends the session that a handle stands for; whether there was one.
    pub(crate) async fn end_by_handle(&self, handle: &str) -> Result<bool, StoreError> {
        match hash_in(handle) {
            Some(hash) => self.kept.end(hash, SessionChange::Destroyed).await,
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
        let row = self.kept.store.session(hash).await?;
        Ok(self.live(row.into_iter().collect(), now).pop())
    }

    /// The realm of the session that a handle stands for, if there is one.
    pub(crate) async fn realm_of_handle(
        &self,
        handle: &str,
    ) -> Result<Option<RealmPath>, StoreError> {
        let Some(hash) = hash_in(handle) else {
            return Ok(None);
        };
        let row = self.kept.store.session(hash).await?;
        Ok(row.and_then(|row| RealmPath::parse(&row.realm)))
    }

    /// Ends every session of a user.
    pub(crate) async fn end_all_of(
        &self,
        realm: &RealmPath,
        user_key: &str,
    ) -> Result<(), StoreError> {
        let rows = self.kept.store.sessions_of(&realm.key(), user_key).await?;
        for row in rows {
            self.kept.end(&row.hash, SessionChange::Destroyed).await?;
        }
        Ok(())
    }

    /// Drops sessions from memory that the store does not hold any more: those of deleted users and realms.
    pub(crate) fn forget(&self, gone: impl Fn(&Session) -> bool) {
        for known in self.kept.memory.take_out(gone) {
            self.kept.events.here(&known, SessionChange::Destroyed);
        }
    }

    /// Takes over what another process did to sessions: those concerned are read from the store at their next use.
    pub(crate) fn hear(&self, notice: &Notice) {
        let Kept { memory, events, .. } = &*self.kept;
        match notice {
            Notice::Changed | Notice::Tokens | Notice::Heard(_) => {}
            Notice::Told(word) => events.hear(word),
            Notice::SessionEnded(hash) => {
                events.ended_elsewhere(memory.take_out(|session| session.hash == *hash));
            }
            Notice::SessionChanged(hash) => memory.set_stale(|session| session.hash == *hash),
            Notice::Sessions | Notice::Everything => memory.set_stale(|_| true),
        }
    }

    /// Takes over what other processes did to sessions, where the store cannot tell it.
    pub(crate) async fn take_over_changes(&self) -> Result<(), StoreError> {
        if self.kept.store.sessions_changed().await? {
            self.hear(&Notice::Everything);
        }
        Ok(())
    }

    /// Live sessions of a user.
    pub(crate) async fn of_user(
        &self,
        realm: &RealmPath,
        user_key: &str,
        now: Millis,
    ) -> Result<Vec<Arc<Session>>, StoreError> {
        let rows = self.kept.store.sessions_of(&realm.key(), user_key).await?;
        Ok(self.live(rows, now))
    }

    /// Live sessions of a realm, at most [`SESSIONS_PER_LISTING`], the one used last first.
    pub(crate) async fn of_realm(
        &self,
        realm: &RealmPath,
        now: Millis,
    ) -> Result<Vec<Arc<Session>>, StoreError> {
        let rows = self
            .kept
            .store
            .sessions_in(&realm.key(), SESSIONS_PER_LISTING)
            .await?;
        Ok(self.live(rows, now))
    }

    /// Those of stored sessions that are not over, as memory has them where it does.
    fn live(&self, rows: Vec<SessionRow>, now: Millis) -> Vec<Arc<Session>> {
        let stored: HashSet<&str> = rows.iter().map(|row| row.hash.as_str()).collect();
        let known = self
            .kept
            .memory
            .known(|session| stored.contains(session.hash.as_str()));
        let known = known.into_iter();
        let known: HashMap<String, Arc<Session>> = known
            .map(|(_, session)| (session.hash.clone(), session))
            .collect();
        let sessions = rows
            .into_iter()
            .filter_map(|row| match known.get(&row.hash) {
                Some(session) if !session.is_stale() => {
                    // Another node may have seen it used.
                    session.used(row.last_used);
                    Some(Arc::clone(session))
                }
                known => {
                    let read = Session::from_row(row)?;
                    if let Some(known) = known {
                        read.used(known.last_used());
                    }
                    Some(Arc::new(read))
                }
            });
        sessions
            .filter(|session| self.is_live(session, now))
            .collect()
    }

    /// Removes what is over, from memory and store; for a background task.
    pub(crate) async fn remove_expired(&self, now: Millis) -> Result<(), StoreError> {
        let Kept {
            store,
            memory,
            unwritten,
            events,
        } = &*self.kept;
        // Each node finds by itself which sessions are over.
        for known in memory.take_out(|session| now >= self.age_end(session)) {
            events.here(&known, SessionChange::TooOld);
        }
        // The store lags behind in uses, so a session counts as idle there only after the lag.
        unwritten.write_uses(store.as_ref()).await?;
        let idle = now - self.idle_ms - 2 * SESSION_WRITE_INTERVAL_MS;
        store
            .delete_expired_sessions(idle, now - self.age_ms)
            .await?;
        // INVARIANT: no session is told to be idle but one that the store has let go as such: those that another node has
        // seen used stay.
        for (token, _) in memory.known(|session| session.last_used() < idle) {
            self.read(&token, now).await?;
        }
        Ok(())
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
