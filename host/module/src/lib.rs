//! The decision module (`engine/wasm`), ready to run: its bytes, its machine code, and the pool of instances that the
//! server decides with.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (bundle, request): (std::sync::Arc<[u8]>, &[u8]) = (Vec::new().into(), b"{}");
//! let pool = assize_module::Pool::new(assize_module::Settings::with_workers(2))?;
//! pool.publish("/", bundle, 1)?;
//! let answer: Vec<u8> = pool.evaluate("/", request)?;
//! # Ok(())
//! # }
//! ```
//!
//! The module is one file for every runtime. Here its JavaScript imports are traps, and only the plain exports
//! (`engine/wasm/src/abi.rs`), which need none of them, are called.

mod change;
mod failure;
mod instance;
mod pool;
mod runtime;
mod slot;
mod tuning;

pub use failure::{CallError, LoadError, StartError};
pub use instance::{Handle, Instance};
pub use pool::{Pool, Settings};
pub use runtime::{AmCall, Limits, Runtime};
pub use slot::Pace;

/// The one WebAssembly module, as wasmtime, Node, Deno, Bun, workerd and browsers load it.
pub static WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/assize_engine_bg.wasm"));

/// The ES module that goes with it: `initSync({module})`, then `Bundle.load(bytes, revision)`.
pub static GLUE_JS: &str = include_str!(concat!(env!("OUT_DIR"), "/assize_engine.js"));

/// TypeScript's view of [`GLUE_JS`].
pub static GLUE_TYPES: &str = include_str!(concat!(env!("OUT_DIR"), "/assize_engine.d.ts"));

/// [`WASM`] compiled ahead of time for this target's baseline CPU; only the wasmtime built in here can read it.
pub static MACHINE_CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/assize_engine.cwasm"));

/// SHA-256, in hex, of [`WASM`] with its own place for this id left blank. The module reports the same.
pub static BUILD_ID: &str = include_str!(concat!(env!("OUT_DIR"), "/build-id"));

/// Where the build left the files: `assize_engine_bg.wasm`, `assize_engine.js`, `assize_engine.d.ts`.
/// For packaging and for tests that start another runtime; a running server has no use for it.
pub const BUILT_FILES: &str = env!("OUT_DIR");
