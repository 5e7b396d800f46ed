//! As many loaded instances as workers, one to spare, and how they all get a new bundle without a pause.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::change::{Change, is_worn};
use crate::slot::{self, Held, Loaded, Pace, Slot};
use crate::{AmCall, CallError, Handle, Instance, Limits, LoadError, Runtime, StartError};

/// How large a pool is and what its instances may use.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Calls that can run at once: the number of threads that decide. At least one.
    pub workers: usize,
    /// The bounds of each instance.
    pub limits: Limits,
}

impl Settings {
    /// For so many deciding threads, with the default bounds.
    #[must_use]
    pub fn with_workers(workers: usize) -> Settings {
        Settings {
            workers,
            limits: Limits::default(),
        }
    }
}

/// Decides for every published realm. Calls run on the calling thread. Cheap to clone: all clones are one pool.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Runtime,
    slots: Box<[Slot]>,
    /// INVARIANT: whoever holds a slot may take this lock, never the other way round.
    state: Mutex<State>,
    /// Held for the length of a publication: one at a time.
    publishing: Mutex<()>,
}

/// What every instance should hold.
struct State {
    realms: Arc<Realms>,
    /// Counts the changes of `realms`.
    generation: u64,
    /// INVARIANT: its generation is `generation`.
    spare: Option<Loaded>,
    /// Whether a thread is making the next spare.
    refilling: bool,
}

pub(crate) type Realms = BTreeMap<Box<str>, Published>;

#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) bundle: Arc<[u8]>,
    pub(crate) revision: u64,
}

impl Pool {
    /// Starts the runtime and its instances, with nothing loaded.
    ///
    /// # Errors
    /// The machine code cannot run here, or the system gives no memory.
    pub fn new(settings: Settings) -> Result<Pool, StartError> {
        let runtime = Runtime::new(settings.limits)?;
        let empty = || {
            Ok(Loaded {
                instance: runtime.instance()?,
                generation: 0,
                bundles: Vec::new(),
            })
        };
        let slots = (0..settings.workers.max(1))
            .map(|_| empty().map(Slot::new))
            .collect::<Result<_, StartError>>()?;
        let state = State {
            realms: Arc::default(),
            generation: 0,
            spare: Some(empty()?),
            refilling: false,
        };
        let shared = Shared {
            slots,
            state: Mutex::new(state),
            publishing: Mutex::new(()),
            runtime,
        };
        Ok(Pool {
            shared: Arc::new(shared),
        })
    }

    /// Puts a bundle in the place of the realm's former one, instance by instance. Calls go on all the while,
    /// each from the old bundle or the new one; once this returns, all from the new one.
    ///
    /// Blocks for as long as it takes to load the bundle once per worker; the next spare is made afterwards.
    ///
    /// # Errors
    /// The bundle is refused or cannot be loaded: nothing has changed.
    pub fn publish(&self, realm: &str, bundle: Arc<[u8]>, revision: u64) -> Result<(), LoadError> {
        self.publish_when(realm, bundle, revision, || Ok(()))
    }

    /// As [`Pool::publish`], with a step between: `ready` runs when the bundle is known to be good and no call has met
    /// it yet. Whoever resolves subjects for the realm can do it for both bundles from then on.
    ///
    /// # Errors
    /// As [`Pool::publish`], and those of `ready`: nothing has changed.
    pub fn publish_when(
        &self,
        realm: &str,
        bundle: Arc<[u8]>,
        revision: u64,
        ready: impl FnOnce() -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        let wanted = Published { bundle, revision };
        self.shared.clone().change(realm, Some(wanted), ready)
    }

    /// Forgets a realm; later calls for it fail with [`CallError::NothingLoaded`].
    ///
    /// # Errors
    /// No instance could be made to take over: nothing has changed.
    pub fn remove(&self, realm: &str) -> Result<(), LoadError> {
        self.shared.clone().change(realm, None, || Ok(()))
    }

    /// The revision of the bundle that decides for `realm`, if there is one.
    #[must_use]
    pub fn revision(&self, realm: &str) -> Option<u64> {
        self.shared
            .state()
            .realms
            .get(realm)
            .map(|published| published.revision)
    }

    /// Answers an engine request (JSON) from the realm's bundle with JSON, the engine's errors included.
    ///
    /// # Errors
    /// There was no answer. The instance that failed has been replaced: other calls do not notice.
    pub fn evaluate(&self, realm: &str, request: &[u8]) -> Result<Vec<u8>, CallError> {
        let slot = slot::free(&self.shared.slots);
        self.shared.call_on(slot, realm, None, |instance, bundle| {
            instance.evaluate(bundle, request)
        })
    }

    /// Answers AM's body as sent from the realm's bundle, under a context that was resolved for `bundles`: what one
    /// bundle's policies cannot read was not looked up for it, and must not be missing to another's. Waits for an instance.
    ///
    /// # Errors
    /// As [`Pool::evaluate`], and [`CallError::OtherBundle`] where none of `bundles` is the one that decides: the very
    /// bytes that were published, not equal ones.
    pub fn evaluate_am(
        &self,
        realm: &str,
        bundles: &[Arc<[u8]>],
        context: &[u8],
        body: &[u8],
        call: AmCall,
        pace: Pace,
    ) -> Result<Vec<u8>, CallError> {
        let slot = slot::free_for(&self.shared.slots, pace);
        self.shared
            .call_on(slot, realm, Some(bundles), |instance, bundle| {
                instance.evaluate_am(bundle, context, body, call)
            })
    }

    /// As [`Pool::evaluate_am`] for a thread that must not wait; `None` where no instance is free.
    ///
    /// # Errors
    /// As [`Pool::evaluate_am`].
    pub fn try_evaluate_am(
        &self,
        realm: &str,
        bundles: &[Arc<[u8]>],
        context: &[u8],
        body: &[u8],
        call: AmCall,
    ) -> Option<Result<Vec<u8>, CallError>> {
        let slot = slot::free_now(&self.shared.slots)?;
        let call =
            |instance: &mut Instance, bundle| instance.evaluate_am(bundle, context, body, call);
        let (slot, bundles) = (Some(slot), Some(bundles));
        Some(self.shared.call_on(slot, realm, bundles, call))
    }
}

impl Shared {
    /// Runs one call on the instance of a slot and sees to a broken one. `bundles` are those that the call can be for,
    /// where it is not for any.
    fn call_on<T>(
        self: &Arc<Self>,
        slot: Option<MutexGuard<'_, Option<Loaded>>>,
        realm: &str,
        bundles: Option<&[Arc<[u8]>]>,
        call: impl FnOnce(&mut Instance, Handle) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let nothing_loaded = || CallError::NothingLoaded {
            realm: realm.into(),
        };
        let mut slot = slot.ok_or_else(nothing_loaded)?;
        let loaded = match &mut *slot {
            Some(loaded) => loaded,
            // It broke when there was no spare. The rest of the pool may be no better off: heal it here and now.
            empty => empty.insert(self.fresh()?),
        };
        let held = loaded.held(realm).ok_or_else(nothing_loaded)?;
        if bundles.is_some_and(|those| !those.iter().any(|one| Arc::ptr_eq(one, &held.bundle))) {
            let realm = realm.into();
            return Err(CallError::OtherBundle { realm });
        }
        let handle = held.handle;
        let result = call(&mut loaded.instance, handle);
        if result.is_err() {
            *slot = self.state().spare.take();
            drop(slot);
            self.refill();
        }
        result
    }

    /// Publishes or removes one realm's bundle, with a step between what can fail and what calls can notice.
    fn change(
        self: Arc<Self>,
        realm: &str,
        wanted: Option<Published>,
        ready: impl FnOnce() -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        let _one_at_a_time = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (before, spare) = {
            let mut state = self.state();
            (Arc::clone(&state.realms), state.spare.take())
        };
        let change = Change {
            realm,
            before: before.get(realm),
            wanted: wanted.as_ref(),
        };
        // The spare goes first: if the bundle is no good, no call has met it.
        let first = match spare.filter(|spare| !is_worn(spare, &before)) {
            Some(spare) => Ok(spare),
            // What is about to be replaced need not be loaded.
            None => {
                let others = before.iter().filter(|(held, _)| ***held != *realm);
                self.holding(others, 0).map_err(LoadError::from)
            }
        };
        let loaded = first.and_then(|first| change.apply(first));
        let mut next = match loaded.and_then(|loaded| ready().map(|()| loaded)) {
            Ok(next) => next,
            Err(error) => {
                self.refill();
                return Err(error);
            }
        };

        let generation = self.commit(realm, wanted.clone());
        next.generation = generation;
        // From slot to slot: the instance that comes out of one gets the new bundle and goes into the next.
        let mut next = Some(next);
        for (at, slot) in self.slots.iter().enumerate() {
            // Made before the slot is taken: until then calls are better off with the old bundle than waiting.
            let ready = next.take().or_else(|| self.fresh().ok());
            let mut place = slot.lock();
            if place
                .as_ref()
                .is_some_and(|loaded| loaded.generation == generation)
            {
                next = ready;
                continue;
            }
            let old = std::mem::replace(&mut *place, ready);
            drop(place);
            // What comes out of the last slot would be the spare: that one is made when nobody waits any more.
            let goes_on = at + 1 < self.slots.len();
            next = old
                .filter(|old| goes_on && old.generation + 1 == generation)
                .filter(|old| !is_worn(old, &before))
                .and_then(|old| change.apply(old).ok())
                .map(|old| Loaded { generation, ..old });
        }
        if !next.is_some_and(|spare| self.keep_as_spare(spare)) {
            self.refill();
        }
        Ok(())
    }

    /// Makes a change what every instance should hold from now on, and returns its generation.
    fn commit(&self, realm: &str, wanted: Option<Published>) -> u64 {
        let mut state = self.state();
        let realms = Arc::make_mut(&mut state.realms);
        match wanted {
            Some(published) => drop(realms.insert(realm.into(), published)),
            None => drop(realms.remove(realm)),
        }
        state.generation += 1;
        // One made meanwhile is of the generation before.
        state.spare = None;
        state.generation
    }

    /// A new instance with everything published in it.
    fn fresh(&self) -> Result<Loaded, CallError> {
        let (realms, generation) = {
            let state = self.state();
            (Arc::clone(&state.realms), state.generation)
        };
        self.holding(realms.iter(), generation)
    }

    /// A new instance with these bundles in it, which were accepted before.
    fn holding<'p>(
        &self,
        realms: impl Iterator<Item = (&'p Box<str>, &'p Published)>,
        generation: u64,
    ) -> Result<Loaded, CallError> {
        let mut instance = self.runtime.instance()?;
        let mut bundles = Vec::new();
        for (realm, published) in realms {
            let handle = instance
                .load(&published.bundle, published.revision)
                .map_err(|error| match error {
                    LoadError::Failed(error) => error,
                    // It was accepted once; the same bytes cannot be refused now.
                    LoadError::Refused(answer) => {
                        CallError::Trapped(String::from_utf8_lossy(&answer).into_owned())
                    }
                })?;
            bundles.push(Held {
                realm: realm.clone(),
                handle,
                bundle: Arc::clone(&published.bundle),
            });
        }
        Ok(Loaded {
            instance,
            generation,
            bundles,
        })
    }

    /// Sees to it that there is a spare again, on a thread of its own: no request waits for it.
    fn refill(self: &Arc<Self>) {
        {
            let mut state = self.state();
            if state.refilling || state.spare.is_some() {
                return;
            }
            state.refilling = true;
        }
        let shared = Arc::clone(self);
        let started = std::thread::Builder::new()
            .name("assize-spare".to_owned())
            .spawn(move || {
                let fresh = shared.fresh();
                shared.state().refilling = false;
                if let Ok(fresh) = fresh
                    && !shared.keep_as_spare(fresh)
                {
                    shared.refill();
                }
            });
        if started.is_err() {
            // Without a thread there is no spare; the next call that needs an instance makes its own.
            self.state().refilling = false;
        }
    }

    fn keep_as_spare(&self, spare: Loaded) -> bool {
        let mut state = self.state();
        let current = spare.generation == state.generation;
        if current {
            state.spare = Some(spare);
        }
        current
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a few assignments that cannot panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
