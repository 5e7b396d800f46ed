//! wasmtime with the module's machine code, from which instances are made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Engine, InstancePre, Linker, Module};

use crate::{MACHINE_CODE, tuning};

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Ticks that one run may take: a second and a half. The module's own steps are used up long before on any machine that
/// serves decisions at all; this is the backstop.
pub(crate) const RUN_TICKS: u64 = 30;

/// The machine code in executable memory, shared by all runs. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) pre: Arc<InstancePre<()>>,
}

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
            tick(&engine)?;
            Ok(Runtime { pre: Arc::new(pre) })
        };
        start().map_err(|error| StartError(format!("{error:#}")))
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
    std::thread::Builder::new()
        .name("assize-scripts".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
            }
        })
        .map(drop)
        .map_err(wasmtime::Error::from)
}
