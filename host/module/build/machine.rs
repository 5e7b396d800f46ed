//! WebAssembly to machine code, so that a server starts without a compiler.

use wasmtime::{Engine, OptLevel};

/// Compiles for `target` and nothing above its baseline: naming the target keeps wasmtime from looking at the CPU
/// that happens to build. A higher level would buy nothing: x86-64-v2 and v3 decide as fast, to within 3 %.
pub(crate) fn compile(wasm: &[u8], target: &str) -> Result<Vec<u8>, String> {
    let mut config = crate::tuning::config();
    config.cranelift_opt_level(OptLevel::Speed);
    let refused = |error: wasmtime::Error| {
        format!("cannot compile the decision module for {target}: {error:#}")
    };
    config.target(target).map_err(refused)?;
    Engine::new(&config)
        .and_then(|engine| engine.precompile_module(wasm))
        .map_err(refused)
}
