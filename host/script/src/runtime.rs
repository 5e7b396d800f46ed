//! wasmtime with the module's machine code, from which instances are made.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use wasmtime::{Engine, InstancePre, Linker, Module};

use crate::instance::{Call, Called, End, Instance, Steps};
use crate::run::{Failure, Sandbox};
use crate::{MACHINE_CODE, tuning};

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Ticks that one run may take: a second and a half. The module's own steps are used up long before on any machine that
/// serves decisions at all; this is the backstop.
pub(crate) const RUN_TICKS: u64 = 30;

/// The machine code in executable memory, shared by all runs. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

struct Shared {
    pre: InstancePre<()>,
    /// The memory that every run begins with.
    first: Box<[u8]>,
    /// Instances that are as if they had never run, with the threads that had them last. Mapping a fresh one costs more
    /// than most scripts.
    ready: Mutex<Vec<(ThreadId, Instance)>>,
}

/// Instances that are kept ready; more runs than that at once make their own.
const READY: usize = 16;

/// Scripts cannot be run on this machine.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scripts cannot run here: {}", self.0)
    }
}

impl std::error::Error for StartError {}

impl Runtime {
    /// Maps the machine code that this binary carries; nothing is compiled.
    ///
    /// # Errors
    /// The CPU lacks what the code needs, or the system gives no executable memory.
    pub fn start() -> Result<Runtime, StartError> {
        let start = || -> wasmtime::Result<Runtime> {
            let engine = Engine::new(&tuning::config())?;
            let module = machine_code(&engine)?;
            // INVARIANT: the module imports nothing, so there is nothing that a script could reach.
            let pre = Linker::new(&engine).instantiate_pre(&module)?;
            let instance = Instance::new(&pre)?;
            let first = instance.memory().into();
            tick(&engine)?;
            Ok(Runtime {
                shared: Arc::new(Shared {
                    pre,
                    first,
                    ready: Mutex::new(vec![(thread::current().id(), instance)]),
                }),
            })
        };
        start().map_err(|error| StartError(format!("{error:#}")))
    }

    /// Makes one call on an instance that nothing has run in, as far as the call can tell.
    pub(crate) fn call(&self, call: Call<'_>, steps: Steps) -> Called {
        let here = thread::current().id();
        let instance = match self.take(here) {
            Some(instance) => Ok(instance),
            None => Instance::new(&self.shared.pre),
        };
        let mut instance = match instance {
            Ok(instance) => instance,
            Err(error) => {
                let why = format!("the script engine could not be started: {error:#}");
                return Called {
                    answer: Err(Failure::Passing(why)),
                    steps: 0,
                    end: End::OfItself,
                    sandbox: Sandbox::Lost,
                };
            }
        };
        let mut called = instance.call(call, steps);
        if called.answer.is_err() || !instance.restore(&self.shared.first) {
            return called;
        }
        called.sandbox = Sandbox::Restored;
        let mut ready = self.ready();
        if ready.len() < READY {
            ready.push((here, instance));
        }
        called
    }

    /// An instance, of this thread where there is one: its memory is in this core's cache.
    fn take(&self, here: ThreadId) -> Option<Instance> {
        let mut ready = self.ready();
        let own = ready.iter().rposition(|(thread, _)| *thread == here);
        let at = own.or(ready.len().checked_sub(1))?;
        Some(ready.swap_remove(at).1)
    }

    fn ready(&self) -> MutexGuard<'_, Vec<(ThreadId, Instance)>> {
        // Pushing and popping cannot panic half-way.
        self.shared
            .ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(unsafe_code, reason = "wasmtime takes machine code on trust")]
fn machine_code(engine: &Engine) -> wasmtime::Result<Module> {
    // SAFETY: the bytes are a constant of this binary, written by wasmtime's own compiler in this crate's build script
    // and never changed since.
    unsafe { Module::deserialize(engine, MACHINE_CODE) }
}

/// Moves the deadlines on, for as long as the engine is in use.
fn tick(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("assize-scripts".to_owned())
        .spawn(move || {
            loop {
                thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
            }
        })
        .map(drop)
        .map_err(wasmtime::Error::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::io::Write;

    use wasmtime::{ExternType, Trap};

    use super::*;
    use crate::instance::Told;

    fn run(script: &str) -> Call<'_> {
        Call::Run(Told {
            now: 1,
            script,
            resource: "a",
            name: "b",
            username: None,
            environment: r#"{"e":["1"]}"#,
            session: r#"{"session":{"a":"b"}}"#,
        })
    }

    /// Most that the module may take, gzipped, in bytes.
    const BUDGET: usize = 400 << 10;

    #[test]
    fn the_module_imports_nothing_and_is_bounded() {
        let runtime = Runtime::start().unwrap();
        let module = runtime.shared.pre.module();
        assert_eq!(module.imports().len(), 0);
        let mut exports: Vec<&str> = module.exports().map(|export| export.name()).collect();
        exports.sort_unstable();
        assert_eq!(
            exports,
            [
                "assize_fault",
                "assize_marks",
                "assize_script_check",
                "assize_script_input",
                "assize_script_run",
                "assize_steps",
                "memory"
            ]
        );
        let memory = module.get_export("memory");
        let Some(ExternType::Memory(memory)) = memory else {
            unreachable!("memory is no memory")
        };
        assert_eq!(memory.maximum(), Some(256));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(crate::WASM).unwrap();
        let size = gzip.finish().unwrap().len();
        assert!(size <= BUDGET, "{size} bytes gzipped, {BUDGET} are allowed");
        println!("script.wasm: {} bytes, {size} gzipped", crate::WASM.len());
    }

    #[test]
    fn what_ends_a_run_lasts_unless_it_is_the_machine() {
        let runtime = Runtime::start().unwrap();
        let mut instance = Instance::new(&runtime.shared.pre).unwrap();
        let ended = instance.ended(&wasmtime::Error::from(Trap::Interrupt));
        let late = Failure::Passing("the script takes too long".to_owned());
        assert_eq!(ended, late);
        let ended = instance.ended(&wasmtime::Error::from(Trap::UnreachableCodeReached));
        assert!(matches!(ended, Failure::Lasting(_)), "{ended}");
        let endless = run("for (;;) {}");
        let steps = Failure::Lasting("the script takes too many steps".to_owned());
        let called = runtime.call(endless, Steps::All);
        assert_eq!((called.answer, called.end), (Err(steps), End::OfItself));
        let called = runtime.call(endless, Steps::AtMost(u32::MAX));
        assert_eq!(called.end, End::OfItself);
        let called = runtime.call(endless, Steps::AtMost(20_000));
        assert_eq!((called.steps, called.end), (20_000, End::CutShort));
    }

    #[test]
    fn a_used_instance_is_as_if_it_had_never_run() {
        let runtime = Runtime::start().unwrap();
        let first = &runtime.shared.first;
        let mut instance = Instance::new(&runtime.shared.pre).unwrap();
        for script in [
            "globalThis.left = 'x'.repeat(1000); Array.prototype.left = 1; advice = null;",
            "throw 1",
            "authorized = ;",
        ] {
            let before = instance.call(run(script), Steps::All);
            assert!(before.answer.is_ok() && instance.memory() != &**first);
            assert!(instance.restore(first), "{script}");
            assert!(instance.memory() == &**first);
            // The stack pointer and the counters: the same script takes the same steps to the same answer.
            let again = instance.call(run(script), Steps::All);
            assert_eq!((again.answer, again.steps), (before.answer, before.steps));
            assert!(instance.restore(first));
        }
        // Whatever the cases do, and whichever bound they meet.
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/cases.json")).unwrap();
        let rows = ["bindings", "hostile"].map(|section| cases[section].as_array().unwrap());
        let mut restored = 0;
        for row in rows.into_iter().flatten() {
            let script = row["script"].as_str().unwrap();
            let ended = instance.call(run(script), Steps::All);
            if ended.answer.is_ok() && instance.restore(first) {
                assert!(instance.memory() == &**first, "{script}");
                restored += 1;
            } else {
                instance = Instance::new(&runtime.shared.pre).unwrap();
            }
        }
        assert!(restored > 50, "{restored}");
        let many = "var a = []; for (var i = 0; i < 100000; i++) a.push('x' + i);";
        let grown = instance.call(run(many), Steps::All);
        assert!(grown.answer.is_ok());
        assert!(
            !instance.restore(first),
            "memory that has grown stays grown"
        );
    }
}
