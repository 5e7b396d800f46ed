//! The places where instances wait for calls.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::{Handle, Instance};

/// An instance with every published bundle in it.
pub(crate) struct Loaded {
    pub(crate) instance: Instance,
    /// Which state of the pool's bundles it holds.
    pub(crate) generation: u64,
    /// Ascending by realm.
    pub(crate) bundles: Vec<Held>,
}

/// A realm's bundle in an instance.
pub(crate) struct Held {
    pub(crate) realm: Box<str>,
    pub(crate) handle: Handle,
    /// The bytes that it was loaded from.
    pub(crate) bundle: Arc<[u8]>,
}

impl Loaded {
    pub(crate) fn held(&self, realm: &str) -> Option<&Held> {
        self.bundles.get(self.place(realm).ok()?)
    }

    /// Where a realm's bundle is, or would be.
    pub(crate) fn place(&self, realm: &str) -> Result<usize, usize> {
        self.bundles
            .binary_search_by(|held| (*held.realm).cmp(realm))
    }
}

/// One place. Empty while the instance that was there has broken and none was ready to take over.
/// On a cache line of its own, since every call writes to its lock.
#[repr(align(128))]
pub(crate) struct Slot(Mutex<Option<Loaded>>);

impl Slot {
    pub(crate) fn new(loaded: Loaded) -> Slot {
        Slot(Mutex::new(Some(loaded)))
    }

    /// Waits until the slot is free.
    pub(crate) fn lock(&self) -> Taken<'_> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| self.without_instance(poisoned))
    }

    fn try_lock(&self) -> Option<Taken<'_>> {
        match self.0.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.without_instance(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// A panic while the slot was held left an instance that nobody can vouch for.
    fn without_instance<'a>(&'a self, poisoned: PoisonError<Taken<'a>>) -> Taken<'a> {
        let mut slot = poisoned.into_inner();
        *slot = None;
        self.0.clear_poison();
        slot
    }
}

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Microseconds.
    Quick,
    /// Perhaps long. Where there are two slots or more, the first is never taken by such a call, so that quick ones need
    /// not wait for one.
    Long,
}

type Taken<'a> = MutexGuard<'a, Option<Loaded>>;

/// A free slot for the calling thread: the one it had last time if possible, so that with as many threads as slots
/// each thread ends up with its own and no two ever meet.
pub(crate) fn free(slots: &[Slot]) -> Option<Taken<'_>> {
    // More threads than slots: wait in line at one's own.
    free_now(slots).or_else(|| home(slots).map(Slot::lock))
}

/// As [`free`], for a call of this pace.
pub(crate) fn free_for(slots: &[Slot], pace: Pace) -> Option<Taken<'_>> {
    match (pace, slots) {
        (Pace::Long, [_, others @ ..]) if !others.is_empty() => free(others),
        // INVARIANT: a quick call waits where no long one ever is.
        _ => free_now(slots).or_else(|| slots.first().map(Slot::lock)),
    }
}

/// A slot that is free at this moment.
pub(crate) fn free_now(slots: &[Slot]) -> Option<Taken<'_>> {
    let count = slots.len();
    let home = HOME.get().checked_rem(count)?;
    for step in 0..count {
        let at = (home + step) % count;
        if let Some(slot) = slots.get(at).and_then(Slot::try_lock) {
            HOME.set(at);
            return Some(slot);
        }
    }
    None
}

fn home(slots: &[Slot]) -> Option<&Slot> {
    slots.get(HOME.get().checked_rem(slots.len())?)
}

thread_local! {
    static HOME: Cell<usize> = Cell::new(NEXT_HOME.fetch_add(1, Ordering::Relaxed));
}

static NEXT_HOME: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(count: usize) -> Vec<Slot> {
        (0..count).map(|_| Slot(Mutex::new(None))).collect()
    }

    #[test]
    fn who_does_not_wait_is_told_that_nothing_is_free() {
        let slots = empty(2);
        let one = free_now(&slots);
        let other = free_now(&slots);
        assert!(one.is_some() && other.is_some());
        assert!(free_now(&slots).is_none());
        drop(one);
        assert!(free_now(&slots).is_some());
    }

    #[test]
    fn long_calls_leave_the_first_slot_to_quick_ones() {
        let slots = empty(3);
        let long = [Pace::Long; 2].map(|pace| free_for(&slots, pace));
        assert!(long.iter().all(Option::is_some));
        // Whatever slot each of these threads had last, it waits for the one that is given back, not for a long call's.
        let first = slots[0].lock();
        std::thread::scope(|threads| {
            for _ in 0..6 {
                threads.spawn(|| assert!(free_for(&slots, Pace::Quick).is_some()));
            }
            drop(first);
        });
        drop(long);
        assert!(free_for(&empty(1), Pace::Long).is_some());
    }
}
