//! `script.wasm`, the JavaScript engine of policy scripts, ready to run: its bytes, its machine code, and one function
//! that runs a script in a fresh instance.
//!
//! The module is one file for every runtime, made by `cargo xtask script-module` from `guest/`. It imports nothing, counts
//! its own steps, its depth and its memory, and holds an engine that is started already, so a run begins where the last
//! one began: no script sees anything of another.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let inputs = assize_script::Inputs::default();
//! let scripts = assize_script::Runtime::start()?;
//! let run = scripts.run("authorized = environment.containsKey('k')", &inputs);
//! # Ok(())
//! # }
//! ```

mod check;
mod instance;
mod marks;
mod run;
mod runtime;
mod tuning;

pub use check::SyntaxError;
pub use run::{Failure, Inputs, Level, Resolved, Run, Sandbox, Session};
pub use runtime::{Runtime, StartError};

/// The module, as wasmtime, Node, Deno, Bun, workerd and browsers load it.
pub static WASM: &[u8] = include_bytes!("../script.wasm");

/// [`WASM`] compiled ahead of time for this target's baseline CPU; only the wasmtime built in here can read it.
pub static MACHINE_CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/script.cwasm"));

/// SHA-256, in hex, of [`WASM`].
pub static BUILD_ID: &str = include_str!(concat!(env!("OUT_DIR"), "/build-id"));
