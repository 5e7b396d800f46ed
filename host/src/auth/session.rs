//! Sessions: a random token for the client, its hash in the store, the session itself in memory while it is in use.
//!
//! A session ends after a time without use or at its greatest age, whichever comes first. Its last use is kept in memory
//! and written at most once a minute (ruling B29), so a restart may forget the last minute of use, never a log-out.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::session_events::{Known, SessionEvents};
use super::{NoRandomness, random_text};
use crate::clock::{self, Millis};
use crate::freshness::Freshness;
use crate::limits::{SESSION_WRITE_INTERVAL_MS, SESSIONS_IN_MEMORY, TOKEN_BYTES};
use crate::notifications::SessionChange;
use crate::realm::RealmPath;
use crate::store::{self, Notice, SessionRow, Store};

/// Name of the built-in administrator, who lives in the root realm and in no user list.
pub(crate) const ADMINISTRATOR: &str = "amadmin";
const TOKEN_RANDOM_BYTES: usize = 32;
/// What a session handle begins with; the rest is the token's hash, which ends a session but is none.
const HANDLE_PREFIX: &str = "shandle:";

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
    hash: String,
    properties: ArcSwap<Properties>,
    last_used: AtomicI64,
    last_written: AtomicI64,
    ended: AtomicBool,
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
    pub(crate) fn is_administrator(&self) -> bool {
        self.realm.is_root() && self.user_key == ADMINISTRATOR
    }

    pub(crate) fn properties(&self) -> Arc<Properties> {
        self.properties.load_full()
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

    fn row(&self) -> SessionRow {
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

    fn from_row(row: SessionRow) -> Option<Session> {
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
            subject: ArcSwapOption::empty(),
            granted: ArcSwapOption::empty(),
        })
    }
}

/// Who logged in, for [`Sessions::begin`].
pub(crate) struct NewSession {
    pub(crate) realm: RealmPath,
    pub(crate) user: String,
    pub(crate) client_ip: String,
    pub(crate) properties: Properties,
}

/// Why no session was made.
#[derive(Debug)]
pub(crate) enum BeginError {
    Store(store::StoreError),
    NoRandomness,
}

impl From<store::StoreError> for BeginError {
    fn from(error: store::StoreError) -> Self {
        BeginError::Store(error)
    }
}

impl From<NoRandomness> for BeginError {
    fn from(_: NoRandomness) -> Self {
        BeginError::NoRandomness
    }
}

/// All sessions of the node.
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    freshness: Arc<Freshness>,
    live: RwLock<HashMap<Box<str>, Arc<Session>>>,
    /// Uses that are to be written by the next [`Sessions::write_soon`].
    used: Mutex<Vec<(String, Millis)>>,
    /// Sessions whose properties are to be written by it.
    changed: Mutex<HashMap<String, Arc<Session>>>,
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
            live: RwLock::default(),
            used: Mutex::default(),
            changed: Mutex::default(),
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
        let session = Session {
            user_key: new.user.to_lowercase(),
            realm: new.realm,
            user: new.user,
            client_ip: new.client_ip,
            created: now,
            hash: hash(&token),
            properties: ArcSwap::from_pointee(new.properties),
            last_used: AtomicI64::new(now),
            last_written: AtomicI64::new(now),
            ended: AtomicBool::new(false),
            subject: ArcSwapOption::empty(),
            granted: ArcSwapOption::empty(),
        };
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
        self.remember(&token, Arc::clone(&session));
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
    ) -> Result<Option<Arc<Session>>, store::StoreError> {
        self.freshness.check(clock::moment())?;
        if let Some(session) = self.in_memory(token) {
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
            self.remember(token, Arc::clone(session));
        }
        Ok(live)
    }

    fn in_memory(&self, token: &str) -> Option<Arc<Session>> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .cloned()
    }

    fn if_live(&self, session: Arc<Session>, now: Millis) -> Option<Arc<Session>> {
        let over = session.ended.load(Ordering::Relaxed)
            || now >= self.idle_end(&session)
            || now >= self.age_end(&session);
        (!over).then_some(session)
    }

    fn remember(&self, token: &str, session: Arc<Session>) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if live.len() >= SESSIONS_IN_MEMORY {
            // A sample stands for all: finding the very oldest would stop every request for as long.
            let oldest = live
                .iter()
                .take(64)
                .min_by_key(|(_, s)| s.last_used())
                .map(|(token, _)| token.clone());
            if let Some(oldest) = oldest {
                live.remove(&oldest);
            }
        }
        live.insert(token.into(), session);
    }

    /// Notes that a session was used: its idle time begins anew.
    pub(crate) fn touch(&self, session: &Session, now: Millis) {
        session.last_used.fetch_max(now, Ordering::Relaxed);
        let written = session.last_written.load(Ordering::Relaxed);
        if now - written >= SESSION_WRITE_INTERVAL_MS
            && session
                .last_written
                .compare_exchange(written, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.used
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((session.hash.clone(), now));
        }
    }

    /// Writes the uses and soft changes noted since the last call; for a background task. What could not be written is
    /// written by the next one.
    pub(crate) async fn write_soon(&self) -> Result<(), store::StoreError> {
        self.events.tell_of_the_rest();
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if !used.is_empty()
            && let Err(error) = self.store.touch_sessions(&used).await
        {
            let mut waiting = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(used);
            return Err(error);
        }
        let changed =
            std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
        let mut changed = changed.into_iter();
        while let Some((hash, session)) = changed.next() {
            let written = self.store.update_session(&hash, &session.row().body).await;
            if let Err(error) = written {
                let mut waiting = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
                // What was noted meanwhile is the same session with its latest properties.
                waiting.extend(changed.chain([(hash, session)]));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Replaces a session's properties; durable when it returns. False where the session has ended meanwhile.
    pub(crate) async fn set_properties(
        &self,
        session: &Session,
        properties: Properties,
    ) -> Result<bool, store::StoreError> {
        session.properties.store(Arc::new(properties));
        session.subject.store(None);
        let there = self
            .store
            .update_session(&session.hash, &session.row().body)
            .await?;
        if there {
            for known in self.known(|other| other.hash == session.hash) {
                let change = SessionChange::PropertyChanged;
                self.events.everywhere(&known, change).await;
            }
        }
        Ok(there)
    }

    /// Replaces a session's properties at once in memory, and soon in the store: for the idle timers that evaluation
    /// sets with every request.
    pub(crate) fn set_properties_soon(&self, session: &Arc<Session>, properties: Properties) {
        session.properties.store(Arc::new(properties));
        session.subject.store(None);
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.insert(session.hash.clone(), Arc::clone(session));
    }

    /// Ends a session; durable when it returns. `how` is told to those who keep sessions in memory.
    pub(crate) async fn end(
        &self,
        session: &Session,
        how: SessionChange,
    ) -> Result<(), store::StoreError> {
        self.end_hash(&session.hash, how).await.map(drop)
    }

    /// Ends the session that a handle stands for; whether there was one.
    pub(crate) async fn end_by_handle(&self, handle: &str) -> Result<bool, store::StoreError> {
        match handle.strip_prefix(HANDLE_PREFIX) {
            Some(hash) => self.end_hash(hash, SessionChange::Destroyed).await,
            None => Ok(false),
        }
    }

    /// The live session that a handle stands for.
    pub(crate) async fn find_by_handle(
        &self,
        handle: &str,
        now: Millis,
    ) -> Result<Option<Arc<Session>>, store::StoreError> {
        let Some(hash) = handle.strip_prefix(HANDLE_PREFIX) else {
            return Ok(None);
        };
        let Some(row) = self.store.session(hash).await? else {
            return Ok(None);
        };
        let known = {
            let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
            live.values().find(|session| session.hash == hash).cloned()
        };
        let session = known.or_else(|| Session::from_row(row).map(Arc::new));
        Ok(session.and_then(|session| self.if_live(session, now)))
    }

    /// The realm of the session that a handle stands for, if there is one.
    pub(crate) async fn realm_of_handle(
        &self,
        handle: &str,
    ) -> Result<Option<RealmPath>, store::StoreError> {
        let Some(hash) = handle.strip_prefix(HANDLE_PREFIX) else {
            return Ok(None);
        };
        let row = self.store.session(hash).await?;
        Ok(row.and_then(|row| RealmPath::parse(&row.realm)))
    }

    async fn end_hash(&self, hash: &str, how: SessionChange) -> Result<bool, store::StoreError> {
        let ended = self.take_out(|session| session.hash == hash);
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
    ) -> Result<(), store::StoreError> {
        for row in self.store.sessions_of(&realm.key(), user_key).await? {
            self.end_hash(&row.hash, SessionChange::Destroyed).await?;
        }
        Ok(())
    }

    /// Drops sessions from memory that the store does not hold any more: those of deleted users and realms.
    pub(crate) fn forget(&self, gone: impl Fn(&Session) -> bool) {
        for known in self.take_out(gone) {
            self.events.here(&known, SessionChange::Destroyed);
        }
    }

    /// Sessions in memory, with their tokens.
    fn known(&self, wanted: impl Fn(&Session) -> bool) -> Vec<Known> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = live.iter().filter(|(_, session)| wanted(session));
        wanted
            .map(|(token, session)| (token.clone(), Arc::clone(session)))
            .collect()
    }

    /// Takes sessions that are over out of memory.
    fn take_out(&self, over: impl Fn(&Session) -> bool) -> Vec<Known> {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let taken: Vec<Known> = live.extract_if(|_, session| over(session)).collect();
        for (_, session) in &taken {
            session.ended.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// Takes over what another process did to sessions: those concerned are read from the store at their next use.
    pub(crate) fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Changed | Notice::Tokens | Notice::Heard(_) => {}
            Notice::Told(word) => self.events.hear(word),
            Notice::SessionEnded(hash) => {
                let ended = self.take_out(|session| session.hash == *hash);
                self.events.ended_elsewhere(ended);
            }
            Notice::SessionChanged(hash) => {
                let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
                live.retain(|_, session| session.hash != *hash);
            }
            Notice::Sessions | Notice::Everything => {
                self.live
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clear();
            }
        }
    }

    /// Live sessions of a user.
    pub(crate) async fn of_user(
        &self,
        realm: &RealmPath,
        user_key: &str,
        now: Millis,
    ) -> Result<Vec<Arc<Session>>, store::StoreError> {
        let rows = self.store.sessions_of(&realm.key(), user_key).await?;
        let memory: HashMap<String, Arc<Session>> = {
            let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
            live.values()
                .filter(|s| s.user_key == user_key)
                .map(|s| (s.hash.clone(), Arc::clone(s)))
                .collect()
        };
        let sessions = rows
            .into_iter()
            .filter_map(|row| match memory.get(&row.hash) {
                Some(session) => Some(Arc::clone(session)),
                None => Session::from_row(row).map(Arc::new),
            });
        Ok(sessions
            .filter_map(|session| self.if_live(session, now))
            .collect())
    }

    /// Removes what is over, from memory and store; for a background task.
    pub(crate) async fn remove_expired(&self, now: Millis) -> Result<(), store::StoreError> {
        let idle = self.take_out(|session| now >= self.idle_end(session));
        let old = self.take_out(|session| now >= self.age_end(session));
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

/// What the store knows a token by.
fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
