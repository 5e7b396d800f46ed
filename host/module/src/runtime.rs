//! wasmtime with the module's machine code, from which instances are made.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Engine, ExternType, InstancePre, Linker, Module, Val};

use crate::instance::{Instance, Resources};
use crate::{MACHINE_CODE, StartError, tuning};

/// The bounds of one instance.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of linear memory. The module's own bound is 1 GiB; this can only be less.
    pub memory: usize,
    /// The longest that one decision may take. The engine's step budget ends a runaway evaluation long before; this is the
    /// backstop if that fails. It is kept to within two [`Limits::TICK`]s; zero lets no call through.
    pub call: Duration,
    /// The same for loading one bundle.
    pub load: Duration,
}

impl Limits {
    /// How exactly deadlines are kept.
    pub const TICK: Duration = Duration::from_millis(50);

    pub(crate) fn ticks(time: Duration) -> u64 {
        if time.is_zero() {
            return 0;
        }
        let ticks = time.as_nanos().div_ceil(Self::TICK.as_nanos());
        // The tick under way counts as one, so that no call gets less than it was promised.
        u64::try_from(ticks)
            .unwrap_or(u64::MAX / 2)
            .saturating_add(1)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 1 << 30,
            call: Duration::from_secs(2),
            load: Duration::from_secs(30),
        }
    }
}

/// Which of AM's two calls a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmCall {
    /// `_action=evaluate`
    Evaluate,
    /// `_action=evaluateTree`
    EvaluateTree,
}

/// The machine code in executable memory, shared by all instances. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pre: Arc<InstancePre<Resources>>,
    limits: Limits,
}

impl Runtime {
    /// Maps the machine code that this binary carries; nothing is compiled.
    ///
    /// # Errors
    /// The CPU lacks what the code needs, or the system gives no executable memory.
    pub fn new(limits: Limits) -> Result<Runtime, StartError> {
        let start = || -> wasmtime::Result<Runtime> {
            let engine = Engine::new(&tuning::config())?;
            let module = machine_code(&engine)?;
            let mut linker = Linker::new(&engine);
            forbid_imports(&mut linker, &module)?;
            let pre = Arc::new(linker.instantiate_pre(&module)?);
            tick(&engine)?;
            Ok(Runtime { pre, limits })
        };
        start().map_err(|error| StartError(format!("{error:#}")))
    }

    /// A fresh instance with nothing loaded.
    ///
    /// # Errors
    /// The system gives no memory.
    pub fn instance(&self) -> Result<Instance, StartError> {
        Instance::new(&self.pre, self.limits).map_err(|error| StartError(format!("{error:#}")))
    }

    /// The bounds of each instance.
    pub fn limits(&self) -> Limits {
        self.limits
    }
}

#[expect(unsafe_code, reason = "wasmtime takes machine code on trust")]
fn machine_code(engine: &Engine) -> wasmtime::Result<Module> {
    // SAFETY: the bytes are a constant of this binary, written by wasmtime's own compiler in this crate's build script
    // and never changed since.
    unsafe { Module::deserialize(engine, MACHINE_CODE) }
}

/// Defines every import, all of them JavaScript's, as a function that traps.
///
/// INVARIANT: the server calls no export that reaches one; should it ever, that request fails.
fn forbid_imports(linker: &mut Linker<Resources>, module: &Module) -> wasmtime::Result<()> {
    for import in module.imports() {
        if let ExternType::Func(signature) = import.ty() {
            let name = import.name().to_owned();
            linker.func_new(
                import.module(),
                import.name(),
                signature,
                move |_, _: &[Val], _: &mut [Val]| {
                    Err(wasmtime::Error::msg(format!(
                        "the server has no JavaScript for `{name}`"
                    )))
                },
            )?;
        }
    }
    Ok(())
}

/// Moves the deadlines on, for as long as the engine is in use.
fn tick(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("assize-tick".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(Limits::TICK);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
            }
        })
        .map(drop)
        .map_err(wasmtime::Error::from)
}
