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
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| self.without_instance(poisoned))
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<Loaded>>> {
        match self.0.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.without_instance(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// A panic while the slot was held left an instance that nobody can vouch for.
    fn without_instance<'a>(
        &'a self,
        poisoned: PoisonError<MutexGuard<'a, Option<Loaded>>>,
    ) -> MutexGuard<'a, Option<Loaded>> {
        let mut slot = poisoned.into_inner();
        *slot = None;
        self.0.clear_poison();
        slot
    }
}

/// A free slot for the calling thread: the one it had last time if possible, so that with as many threads as slots
/// each thread ends up with its own and no two ever meet.
pub(crate) fn free(slots: &[Slot]) -> Option<MutexGuard<'_, Option<Loaded>>> {
    let count = slots.len();
    let home = HOME.get().checked_rem(count)?;
    for step in 0..count {
        let at = (home + step) % count;
        if let Some(slot) = slots.get(at).and_then(Slot::try_lock) {
            HOME.set(at);
            return Some(slot);
        }
    }
    // More threads than slots: wait in line at one's own.
    slots.get(home).map(Slot::lock)
}

thread_local! {
    static HOME: Cell<usize> = Cell::new(NEXT_HOME.fetch_add(1, Ordering::Relaxed));
}

static NEXT_HOME: AtomicUsize = AtomicUsize::new(0);
