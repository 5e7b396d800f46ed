//! How the machine code is made. The build and the server must agree on every line, or the code is refused at start.

use wasmtime::{Collector, Config};

/// The settings that shape the code.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    // The module holds a table of JavaScript values (never used here), for which wasmtime wants a collector.
    config.collector(Collector::DeferredReferenceCounting);
    // The backstop behind the engine's own step budget. Its checks are a fifth of what a decision costs.
    config.epoch_interruption(true);
    // INVARIANT: nothing in the module may differ between hosts.
    config.wasm_relaxed_simd(false);
    // A trap costs the instance whatever its place was, and nothing unwinds through the module: no tables for either.
    config.generate_address_map(false);
    config.native_unwind_info(false);
    // A few dozen functions stand in the table: filled once, so that no indirect call asks whether they are there.
    config.table_lazy_init(false);
    config
}
