//! Compiles `script.wasm` ahead of time, so that a server runs scripts without a compiler.

#[path = "src/tuning.rs"]
mod tuning;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sha2::{Digest, Sha256};

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error={reason}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    println!("cargo::rerun-if-changed=script.wasm");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tuning.rs");
    let variable =
        |name: &str| std::env::var(name).map_err(|_| format!("cargo did not set {name}"));
    let out_dir = PathBuf::from(variable("OUT_DIR")?);
    let target = variable("TARGET")?;
    let source = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("script.wasm");
    let wasm =
        std::fs::read(&source).map_err(|error| format!("cannot read script.wasm: {error}"))?;

    let mut config = tuning::config();
    config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    let refused =
        |error: wasmtime::Error| format!("cannot compile script.wasm for {target}: {error:#}");
    // Naming the target keeps wasmtime from looking at the CPU that happens to build.
    config.target(&target).map_err(refused)?;
    let code = wasmtime::Engine::new(&config)
        .and_then(|engine| engine.precompile_module(&wasm))
        .map_err(refused)?;
    let id = hex::encode(Sha256::digest(&wasm));
    write(&out_dir.join("script.cwasm"), &code)?;
    write(&out_dir.join("build-id"), id.as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
