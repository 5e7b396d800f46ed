//! One instance of the module: a memory of its own with bundles in it.

use wasmtime::{InstancePre, Memory, ResourceLimiter, Store, Trap, TypedFunc};

use crate::{AmCall, CallError, Limits, LoadError};

/// A loaded module. After a [`CallError`] it is broken: drop it.
pub struct Instance {
    store: Store<Resources>,
    memory: Memory,
    exports: Exports,
    limits: Limits,
    call_ticks: u64,
    load_ticks: u64,
    /// What the last deadline was for.
    work: Work,
    /// The module's input buffer: address and size in its memory. Size 0: it has to be asked for.
    input: (usize, usize),
}

/// A bundle inside one instance; meaningless in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(u32);

/// What a deadline is for.
#[derive(Clone, Copy)]
enum Work {
    Deciding,
    Loading,
}

/// What one instance may take from its host.
pub(crate) struct Resources {
    memory_limit: usize,
    /// Set when the module asked for more: the trap that follows is about memory.
    refused: bool,
}

struct Exports {
    input: TypedFunc<u32, u32>,
    load: TypedFunc<(u32, u32, u32), i32>,
    set_revision: TypedFunc<(u32, u32, u32), u32>,
    unload: TypedFunc<u32, u32>,
    evaluate: TypedFunc<(u32, u32), u32>,
    evaluate_am: TypedFunc<(u32, u32, u32, u32), u32>,
    answer: TypedFunc<(), u32>,
    about: TypedFunc<(), u32>,
    memory: TypedFunc<(), u32>,
}

/// An input buffer up to this size is kept between calls; a larger one (a bundle, a huge request) is given back.
const KEPT_INPUT: usize = 64 << 10;

/// The table of JavaScript values is never used here; it may not grow either.
const LARGEST_TABLE: usize = 1 << 16;

impl Instance {
    pub(crate) fn new(pre: &InstancePre<Resources>, limits: Limits) -> wasmtime::Result<Instance> {
        let resources = Resources {
            memory_limit: limits.memory,
            refused: false,
        };
        let mut store = Store::new(pre.module().engine(), resources);
        store.limiter(|resources| resources);
        let (call_ticks, load_ticks) = (Limits::ticks(limits.call), Limits::ticks(limits.load));
        store.set_epoch_deadline(load_ticks);
        let instance = pre.instantiate(&mut store)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| wasmtime::Error::msg("the module exports no memory"))?;
        let exports = Exports {
            input: instance.get_typed_func(&mut store, "assize_input")?,
            load: instance.get_typed_func(&mut store, "assize_load")?,
            set_revision: instance.get_typed_func(&mut store, "assize_set_revision")?,
            unload: instance.get_typed_func(&mut store, "assize_unload")?,
            evaluate: instance.get_typed_func(&mut store, "assize_evaluate")?,
            evaluate_am: instance.get_typed_func(&mut store, "assize_evaluate_am")?,
            answer: instance.get_typed_func(&mut store, "assize_answer")?,
            about: instance.get_typed_func(&mut store, "assize_about")?,
            memory: instance.get_typed_func(&mut store, "assize_memory")?,
        };
        Ok(Instance {
            store,
            memory,
            exports,
            limits,
            call_ticks,
            load_ticks,
            work: Work::Loading,
            input: (0, 0),
        })
    }

    /// Loads a bundle's bytes under `revision`, beside whatever is loaded already.
    ///
    /// # Errors
    /// The engine refuses them (the instance is still good), or the call failed (it is not).
    pub fn load(&mut self, bundle: &[u8], revision: u64) -> Result<Handle, LoadError> {
        self.allow(Work::Loading);
        self.put(&[bundle])?;
        // The module keeps the buffer as the bundle.
        self.input = (0, 0);
        let (low, high) = halves(revision);
        let arguments = (length(bundle.len())?, low, high);
        let loaded = self.exports.load.call(&mut self.store, arguments);
        match u32::try_from(self.or_broken(loaded)?) {
            Ok(handle) => Ok(Handle(handle)),
            Err(_) => {
                let record = self.exports.answer.call(&mut self.store, ());
                let record = self.or_broken(record)?;
                Err(LoadError::Refused(self.read(record)?))
            }
        }
    }

    /// Frees a bundle; later calls with its handle answer `noBundle`.
    ///
    /// # Errors
    /// The call failed.
    pub fn unload(&mut self, bundle: Handle) -> Result<(), CallError> {
        self.allow(Work::Loading);
        let unloaded = self.exports.unload.call(&mut self.store, bundle.0);
        self.or_broken(unloaded).map(drop)
    }

    /// Gives a bundle that stays as it is another revision.
    ///
    /// # Errors
    /// The call failed.
    pub fn set_revision(&mut self, bundle: Handle, revision: u64) -> Result<(), CallError> {
        self.allow(Work::Deciding);
        let (low, high) = halves(revision);
        let arguments = (bundle.0, low, high);
        let set = self.exports.set_revision.call(&mut self.store, arguments);
        self.or_broken(set).map(drop)
    }

    /// Answers an engine request (JSON) with JSON, the engine's errors included.
    ///
    /// # Errors
    /// The call failed.
    pub fn evaluate(&mut self, bundle: Handle, request: &[u8]) -> Result<Vec<u8>, CallError> {
        self.allow(Work::Deciding);
        self.put(&[request])?;
        let arguments = (bundle.0, length(request.len())?);
        let record = self.exports.evaluate.call(&mut self.store, arguments);
        let record = self.or_broken(record)?;
        self.answer(record)
    }

    /// Answers AM's body as sent, under the resolved context, with AM's array (or an object: see the engine).
    ///
    /// # Errors
    /// The call failed.
    pub fn evaluate_am(
        &mut self,
        bundle: Handle,
        context: &[u8],
        body: &[u8],
        call: AmCall,
    ) -> Result<Vec<u8>, CallError> {
        self.allow(Work::Deciding);
        self.put(&[context, body])?;
        let call = match call {
            AmCall::Evaluate => 0,
            AmCall::EvaluateTree => 1,
        };
        let arguments = (bundle.0, length(context.len())?, length(body.len())?, call);
        let record = self.exports.evaluate_am.call(&mut self.store, arguments);
        let record = self.or_broken(record)?;
        self.answer(record)
    }

    /// The engine's version and build id: `{"version", "build"}`.
    ///
    /// # Errors
    /// The call failed.
    pub fn about(&mut self) -> Result<Vec<u8>, CallError> {
        self.allow(Work::Deciding);
        let record = self.exports.about.call(&mut self.store, ());
        let record = self.or_broken(record)?;
        self.read(record)
    }

    /// Bytes of memory that the instance has taken. It never gives any back.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// The same by the module's own account: the cheapest call there is.
    ///
    /// # Errors
    /// The call failed.
    pub fn ask_memory_size(&mut self) -> Result<usize, CallError> {
        self.allow(Work::Deciding);
        let bytes = self.exports.memory.call(&mut self.store, ());
        self.or_broken(bytes).map(|bytes| bytes as usize)
    }

    /// Sets the deadline of the calls that follow.
    fn allow(&mut self, work: Work) {
        self.work = work;
        self.store.set_epoch_deadline(match work {
            Work::Deciding => self.call_ticks,
            Work::Loading => self.load_ticks,
        });
    }

    /// Writes the parts one after the other into the input buffer.
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), CallError> {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if size > self.input.1 {
            // Room to spare for small requests, so that the next one hardly ever asks again.
            let wanted = if size <= KEPT_INPUT {
                size.next_power_of_two().max(4096)
            } else {
                size
            };
            let address = self.exports.input.call(&mut self.store, length(wanted)?);
            self.input = (self.or_broken(address)? as usize, wanted);
        }
        let mut at = self.input.0;
        for part in parts {
            let end = at.saturating_add(part.len());
            let place = self.memory.data_mut(&mut self.store).get_mut(at..end);
            place.ok_or_else(outside)?.copy_from_slice(part);
            at = end;
        }
        Ok(())
    }

    /// Reads an answer, and gives back an input buffer that only a huge request needed.
    fn answer(&mut self, record: u32) -> Result<Vec<u8>, CallError> {
        let answer = self.read(record)?;
        if self.input.1 > KEPT_INPUT {
            self.input = (0, 0);
            let given_back = self.exports.input.call(&mut self.store, 0);
            self.or_broken(given_back)?;
        }
        Ok(answer)
    }

    /// Copies out what a record leads to.
    fn read(&self, record: u32) -> Result<Vec<u8>, CallError> {
        let memory = self.memory.data(&self.store);
        let word = |at: usize| {
            let bytes = memory.get(at..at.saturating_add(4))?;
            bytes
                .try_into()
                .ok()
                .map(|bytes| u32::from_le_bytes(bytes) as usize)
        };
        let record = record as usize;
        let answer = || {
            let start = word(record)?;
            memory.get(start..start.saturating_add(word(record.saturating_add(4))?))
        };
        answer().map(<[u8]>::to_vec).ok_or_else(outside)
    }

    /// Says in the server's words why a call ended without an answer.
    fn or_broken<T>(&self, result: wasmtime::Result<T>) -> Result<T, CallError> {
        result.map_err(|error| {
            if self.store.data().refused {
                return CallError::OutOfMemory {
                    limit: self.limits.memory,
                };
            }
            match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) => CallError::TooLong {
                    limit: match self.work {
                        Work::Deciding => self.limits.call,
                        Work::Loading => self.limits.load,
                    },
                },
                Some(trap) => CallError::Trapped(trap.to_string()),
                None => CallError::Trapped(format!("{error:#}")),
            }
        })
    }
}

impl ResourceLimiter for Resources {
    fn memory_growing(
        &mut self,
        _now: usize,
        wanted: usize,
        _most: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = wanted <= self.memory_limit;
        self.refused |= !granted;
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _now: usize,
        wanted: usize,
        _most: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(wanted <= LARGEST_TABLE)
    }
}

fn halves(revision: u64) -> (u32, u32) {
    (revision as u32, (revision >> 32) as u32)
}

fn length(bytes: usize) -> Result<u32, CallError> {
    // The module's memory has 32-bit addresses: what is longer cannot be put there at all.
    u32::try_from(bytes).map_err(|_| CallError::OutOfMemory {
        limit: u32::MAX as usize,
    })
}

fn outside() -> CallError {
    CallError::Trapped("the module gave an address outside its memory".to_owned())
}
