//! Sessions that are in use, by their tokens.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use indexmap::IndexMap;

use super::super::session::{Properties, Session};
use super::unwritten::Unwritten;
use crate::limits::SESSIONS_IN_MEMORY;

/// Sessions that are compared where one has to go.
const SAMPLE: usize = 64;

/// A token with its session.
pub(super) type Known = (Box<str>, Arc<Session>);

/// How many changes of sessions memory has been told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes(u64);

/// The sessions of a node that were asked for, bounded in number: the store has them all.
///
/// INVARIANT: whatever ends or changes sessions in the store tells memory afterwards, and each time is counted. What was
/// read from the store comes into memory only where nothing was told since before the reading: so what is in memory is
/// what the store holds, or else is about to be told.
pub(super) struct Memory {
    table: RwLock<Table>,
    most: usize,
}

#[derive(Default)]
struct Table {
    sessions: IndexMap<Box<str>, Arc<Session>>,
    changes: Changes,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self::of_at_most(SESSIONS_IN_MEMORY)
    }

    fn of_at_most(most: usize) -> Self {
        Memory {
            table: RwLock::default(),
            most,
        }
    }

    /// The session of a token; `None` where it has to be read from the store.
    pub(super) fn get(&self, token: &str) -> Option<Arc<Session>> {
        let table = self.read();
        let session = table.sessions.get(token);
        session.filter(|session| !session.is_stale()).cloned()
    }

    /// To be asked before a session is read from the store.
    pub(super) fn changes(&self) -> Changes {
        self.read().changes
    }

    /// Keeps a session that was read from the store, and gives the one that is kept: where the session is in memory
    /// already, that one takes over what was read. One that is not `wanted` is given as it is. `None` where sessions have
    /// changed since `as_of`: what was read may be what was before.
    pub(super) fn keep(
        &self,
        token: &str,
        read: &Arc<Session>,
        as_of: Changes,
        unwritten: &Unwritten,
        wanted: impl FnOnce(&Session) -> bool,
    ) -> Option<Arc<Session>> {
        let mut table = self.write();
        if table.changes != as_of {
            return None;
        }
        if let Some(session) = table.sessions.get(token) {
            unwritten.renew(session, read);
            session.set_stale(false);
            return Some(Arc::clone(session));
        }
        unwritten.lay_over(read);
        if wanted(read) {
            if table.sessions.len() >= self.most {
                table.make_room();
            }
            table.sessions.insert(token.into(), Arc::clone(read));
        }
        Some(Arc::clone(read))
    }

    /// Sessions, with their tokens; also those that have to be read again.
    pub(super) fn known(&self, wanted: impl Fn(&Session) -> bool) -> Vec<Known> {
        let table = self.read();
        let wanted = table.sessions.iter().filter(|(_, session)| wanted(session));
        wanted
            .map(|(token, session)| (token.clone(), Arc::clone(session)))
            .collect()
    }

    /// Takes out sessions that are over, and notes for those who hold them that they are.
    pub(super) fn take_out(&self, over: impl Fn(&Session) -> bool) -> Vec<Known> {
        let mut taken = Vec::new();
        let mut table = self.write();
        table.changed();
        table.sessions.retain(|token, session| {
            let over = over(session);
            if over {
                session.set_ended();
                taken.push((token.clone(), Arc::clone(session)));
            }
            !over
        });
        taken
    }

    /// Takes out the session of a token, where it is in memory, as [`Memory::take_out`] does.
    pub(super) fn take_out_one(&self, token: &str) -> Option<Known> {
        if !self.read().sessions.contains_key(token) {
            return None;
        }
        let mut table = self.write();
        table.changed();
        let taken = table.sessions.swap_remove_entry(token)?;
        taken.1.set_ended();
        Some(taken)
    }

    /// Notes that the store may know more of sessions, or not have them any more: they are read at their next use.
    pub(super) fn set_stale(&self, which: impl Fn(&Session) -> bool) {
        let mut table = self.write();
        table.changed();
        let stale = table.sessions.values().filter(|session| which(session));
        stale.for_each(|session| session.set_stale(true));
    }

    /// Lets sessions have the properties that this node has just written, by their hashes: a node that is cut off decides
    /// from memory. Where sessions have changed since `as_of`, these are read at their next use instead.
    pub(super) fn take_over(
        &self,
        written: &HashMap<String, Properties>,
        as_of: Changes,
        unwritten: &Unwritten,
    ) {
        let mut table = self.write();
        let unchanged = table.changes == as_of;
        // Whoever has read one of them before it was written must not keep what it read.
        table.changed();
        for session in table.sessions.values() {
            match written.get(&session.hash) {
                Some(properties) if unchanged => unwritten.renew_properties(session, properties),
                Some(_) => session.set_stale(true),
                None => {}
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn changed(&mut self) {
        self.changes = Changes(self.changes.0.wrapping_add(1));
    }

    /// Drops one of those idle longest. A sample stands for all: finding the very oldest would stop every request for as
    /// long.
    fn make_room(&mut self) {
        let sessions = &mut self.sessions;
        let drawn = (0..SAMPLE).filter_map(|turn| {
            // Each state hashes in another way, which is chance enough.
            let draw = usize::try_from(RandomState::new().hash_one(turn)).unwrap_or(usize::MAX);
            draw.checked_rem(sessions.len())
        });
        let oldest = drawn.min_by_key(|place| {
            let drawn = sessions.get_index(*place);
            drawn.map(|(_, session)| session.last_used())
        });
        if let Some(place) = oldest {
            sessions.swap_remove_index(place);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::super::session::NewSession;
    use super::*;
    use crate::realm::RealmPath;

    fn session(token: &str, used: i64) -> Arc<Session> {
        let new = NewSession {
            realm: RealmPath::root(),
            user: "ann".into(),
            client_ip: String::new(),
            properties: Properties::new(),
        };
        Arc::new(Session::new(new, token, used))
    }

    fn keep(memory: &Memory, token: &str, used: i64, as_of: Changes) -> Option<Arc<Session>> {
        let read = session(token, used);
        memory.keep(token, &read, as_of, &Unwritten::default(), |_| true)
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let tell: [fn(&Memory); 3] = [
            |memory| drop(memory.take_out(|session| session.hash == "another")),
            |memory| memory.set_stale(|_| true),
            |memory| drop(memory.take_out_one("other")),
        ];
        for tell in tell {
            let memory = Memory::new();
            keep(&memory, "other", 1, memory.changes()).unwrap();
            let before = memory.changes();
            tell(&memory);
            assert!(keep(&memory, "token", 1, before).is_none());
            assert!(memory.get("token").is_none());
            assert!(keep(&memory, "token", 1, memory.changes()).is_some());
            assert!(memory.get("token").is_some());
        }
        let memory = Memory::new();
        let before = memory.changes();
        assert!(memory.take_out_one("nobody's").is_none());
        assert_eq!(memory.changes(), before, "nothing was there to change");
    }

    #[test]
    fn what_this_node_wrote_stays_in_use_unless_sessions_changed_meanwhile() {
        let written = Properties::from([("p".to_owned(), "1".to_owned())]);
        let memory = Memory::new();
        let kept = keep(&memory, "token", 1, memory.changes()).unwrap();
        let all = HashMap::from([(kept.hash.clone(), written.clone())]);
        let before = memory.changes();
        memory.take_over(&all, before, &Unwritten::default());
        assert_eq!(*memory.get("token").unwrap().properties(), written);
        // Whoever read it before it was written keeps nothing.
        assert!(keep(&memory, "token", 1, before).is_none());
        // Another node may have written it since, and told so.
        let before = memory.changes();
        memory.set_stale(|session| session.hash == "another");
        memory.take_over(&all, before, &Unwritten::default());
        assert!(memory.get("token").is_none());
    }

    #[test]
    fn a_stale_session_is_read_and_stays_the_same() {
        let memory = Memory::new();
        let kept = keep(&memory, "token", 5, memory.changes()).unwrap();
        memory.set_stale(|_| true);
        assert!(memory.get("token").is_none());
        let renewed = keep(&memory, "token", 3, memory.changes()).unwrap();
        assert!(Arc::ptr_eq(&kept, &renewed));
        assert_eq!(renewed.last_used(), 5, "a use is not forgotten");
        assert!(memory.get("token").is_some());
    }

    /// Those that came first are used last, so a sample of them alone would be the worst choice.
    #[test]
    fn those_idle_longest_make_room() {
        const MOST: usize = 1000;
        const IN_USE: usize = 300;
        let memory = Memory::of_at_most(MOST);
        let add = |n: usize, used: i64| {
            keep(&memory, &format!("{n}"), used, memory.changes()).unwrap();
        };
        for n in 0..MOST {
            add(n, if n < IN_USE { 100 } else { 1 });
        }
        for n in MOST..MOST + 400 {
            add(n, 100);
            assert_eq!(memory.known(|_| true).len(), MOST);
        }
        assert!((0..IN_USE).all(|n| memory.get(&format!("{n}")).is_some()));
    }
}
