//! One instance for one call, what ended it where it gave no answer, and how it is made as if it had never run.

use wasmtime::{Global, InstancePre, Memory, Store, Trap, TypedFunc, Val};

use crate::marks::Marks;
use crate::run::{Failure, Sandbox};
use crate::runtime::RUN_TICKS;

/// What `assize_fault` says of a run that has used up its steps.
const OUT_OF_STEPS: i32 = 1;

/// The length of a username that there is none of.
const NO_USERNAME: u32 = u32::MAX;

/// Which of the module's two calls is made.
#[derive(Clone, Copy)]
pub(crate) enum Call<'a> {
    Run(Told<'a>),
    Check { script: &'a [u8] },
}

/// A script and what it is told, as the module takes it.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    /// Epoch milliseconds.
    pub(crate) now: i64,
    pub(crate) script: &'a str,
    pub(crate) resource: &'a str,
    /// The script's own name.
    pub(crate) name: &'a str,
    pub(crate) username: Option<&'a str>,
    /// JSON; empty where there is nothing in it.
    pub(crate) environment: &'a str,
    /// JSON; empty where there is no session.
    pub(crate) session: &'a str,
}

/// Steps that a call may take.
#[derive(Clone, Copy)]
pub(crate) enum Steps {
    /// As many as the module allows.
    All,
    AtMost(u32),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As it ends whenever it is made.
    OfItself,
    /// It was given fewer steps than the module allows, and took them all: it may have an answer.
    CutShort,
}

/// The instant, then the lengths of what was written; gives a record.
type RunFunction = TypedFunc<(f64, u32, u32, u32, u32, u32, u32), u32>;

/// A module in the state that it was made with.
pub(crate) struct Instance {
    store: Store<()>,
    memory: Memory,
    marks: Marks,
    input: TypedFunc<u32, u32>,
    run: RunFunction,
    check: TypedFunc<u32, u32>,
    fault: Global,
    /// Every global that a run alters and a return does not set back, with its first value.
    counters: [(Global, Val); 2],
}

/// What came of a call.
pub(crate) struct Called {
    /// The answer's JSON, or what ended the call: the same in every runtime but for a trap inside the engine and the
    /// deadline.
    pub(crate) answer: Result<Vec<u8>, Failure>,
    /// The steps that it took.
    pub(crate) steps: u32,
    pub(crate) end: End,
    pub(crate) sandbox: Sandbox,
}

impl Instance {
    pub(crate) fn new(pre: &InstancePre<()>) -> wasmtime::Result<Self> {
        let mut store = Store::new(pre.module().engine(), ());
        store.set_epoch_deadline(RUN_TICKS);
        let instance = pre.instantiate(&mut store)?;
        let missing = |what: &str| wasmtime::Error::msg(format!("the module exports no {what}"));
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| missing("memory"))?;
        let mut counter = |name: &str| {
            let global = instance.get_global(&mut store, name);
            let global = global.ok_or_else(|| missing(name))?;
            Ok::<_, wasmtime::Error>((global, global.get(&mut store)))
        };
        let (fault, steps) = (counter("assize_fault")?, counter("assize_steps")?);
        let (_, marks) = counter("assize_marks")?;
        Ok(Instance {
            memory,
            marks: Marks::at(usize::try_from(number(&marks))?),
            input: instance.get_typed_func(&mut store, "assize_script_input")?,
            run: instance.get_typed_func(&mut store, "assize_script_run")?,
            check: instance.get_typed_func(&mut store, "assize_script_check")?,
            fault: fault.0,
            counters: [steps, fault],
            store,
        })
    }

    /// The memory as it is now.
    pub(crate) fn memory(&self) -> &[u8] {
        self.memory.data(&self.store)
    }

    pub(crate) fn call(&mut self, call: Call<'_>, most: Steps) -> Called {
        self.store.set_epoch_deadline(RUN_TICKS);
        let [(steps, all), (fault, _)] = self.counters;
        let all = number(&all);
        let first = match most {
            Steps::All => all,
            Steps::AtMost(most) => i32::try_from(most).unwrap_or(all).min(all),
        };
        let answer = match steps.set(&mut self.store, Val::I32(first)) {
            Ok(()) => self.record(call),
            Err(error) => Err(error),
        };
        let answer = match answer {
            Ok(record) => self.read(record as usize).ok_or_else(broken),
            Err(error) => Err(self.ended(&error)),
        };
        let is_out_of_steps = number(&fault.get(&mut self.store)) == OUT_OF_STEPS;
        // The counter stands at -1 where there was one step too many.
        let left = number(&steps.get(&mut self.store)).max(0);
        Called {
            answer,
            steps: u32::try_from(first.saturating_sub(left)).unwrap_or(0),
            end: if is_out_of_steps && first < all {
                End::CutShort
            } else {
                End::OfItself
            },
            // Until it is set back.
            sandbox: Sandbox::Lost,
        }
    }

    /// Makes the instance as it was before its call: the same memory, byte for byte, and the same counters. False where
    /// that is not possible, as its memory has grown.
    ///
    /// INVARIANT: only an instance whose call returned may be restored: then its stack pointer, the one global that is
    /// not set here, is back where it was, and nothing of a former script is left anywhere.
    pub(crate) fn restore(&mut self, first: &[u8]) -> bool {
        let memory = self.memory.data_mut(&mut self.store);
        if memory.len() != first.len() {
            return false;
        }
        self.marks.set_back(memory, first);
        let [(steps, most), (fault, none)] = &self.counters;
        steps.set(&mut self.store, *most).is_ok() && fault.set(&mut self.store, *none).is_ok()
    }

    fn record(&mut self, call: Call<'_>) -> wasmtime::Result<u32> {
        match call {
            Call::Check { script } => {
                let [length] = self.put([script])?;
                self.check.call(&mut self.store, length)
            }
            Call::Run(told) => {
                let texts = [
                    told.script,
                    told.resource,
                    told.name,
                    told.username.unwrap_or_default(),
                    told.environment,
                    told.session,
                ];
                let [script, resource, name, username, environment, session] =
                    self.put(texts.map(str::as_bytes))?;
                let username = told.username.map_or(NO_USERNAME, |_| username);
                // Exact: no instant is 2⁵³ milliseconds away.
                let now = told.now as f64;
                let arguments = (now, script, resource, name, username, environment, session);
                self.run.call(&mut self.store, arguments)
            }
        }
    }

    /// Writes the parts one after the other into the module's buffer; gives their lengths.
    fn put<const N: usize>(&mut self, parts: [&[u8]; N]) -> wasmtime::Result<[u32; N]> {
        let mut lengths = [0; N];
        let mut size = 0_u32;
        for (length, part) in lengths.iter_mut().zip(parts) {
            *length = u32::try_from(part.len())?;
            size = size.saturating_add(*length);
        }
        let address = self.input.call(&mut self.store, size)? as usize;
        let mut end = address;
        for part in parts {
            self.memory.write(&mut self.store, end, part)?;
            end = end.saturating_add(part.len());
        }
        self.marks
            .mark(self.memory.data_mut(&mut self.store), address..end);
        Ok(lengths)
    }

    /// Copies out what a record leads to.
    fn read(&self, record: usize) -> Option<Vec<u8>> {
        let bytes = self.memory();
        let word = |at: usize| -> Option<usize> {
            let bytes = bytes.get(at..at.checked_add(4)?)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        let start = word(record)?;
        let end = start.checked_add(word(record.checked_add(4)?)?)?;
        bytes.get(start..end).map(<[u8]>::to_vec)
    }

    /// Why a call gave no answer.
    pub(crate) fn ended(&mut self, error: &wasmtime::Error) -> Failure {
        let words = match number(&self.fault.get(&mut self.store)) {
            OUT_OF_STEPS => "the script takes too many steps",
            2 => "the script's calls are nested too deeply",
            3 => "the script needs too much memory",
            // Its steps are bounded, so it is the machine that had no time for them.
            _ if matches!(error.downcast_ref::<Trap>(), Some(Trap::Interrupt)) => {
                return Failure::Passing("the script takes too long".to_owned());
            }
            _ => return broken(),
        };
        Failure::Lasting(words.to_owned())
    }
}

fn number(value: &Val) -> i32 {
    match value {
        Val::I32(number) => *number,
        _ => 0,
    }
}

fn broken() -> Failure {
    Failure::Lasting("the script broke its engine".to_owned())
}
