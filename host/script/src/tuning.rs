//! How the machine code is made. The build and the server must agree on every line, or the code is refused at start.

use wasmtime::Config;

/// What the module's calls may take from the host's stack. The module counts its own depth (`make/src/meter.rs`) and
/// ends a run long before: this is the backstop.
const STACK: usize = 1 << 20;

/// The settings that shape the code.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    // The backstop behind the module's own count of steps.
    config.epoch_interruption(true);
    config.max_wasm_stack(STACK);
    // INVARIANT: nothing in the module may differ between hosts.
    config.wasm_relaxed_simd(false);
    // A run that trapped is thrown away, and nothing unwinds through the module: no tables for either.
    config.generate_address_map(false);
    config.native_unwind_info(false);
    // An instance lives for one script: what it does not touch must cost nothing.
    config.memory_init_cow(true);
    config
}
