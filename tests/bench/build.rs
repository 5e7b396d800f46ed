//! Makes the machine code that the benchmark runs: the floor, the decision module, and the engine's evaluation alone, each with
//! and without epoch interruption.
//!
//! All go through the settings of the server (`host/module/src/tuning.rs`), so that a ratio compares programs and not compilers.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use wasmtime::{Engine, OptLevel};

#[path = "../../host/module/src/tuning.rs"]
mod tuning;

const TARGET: &str = "wasm32-unknown-unknown";

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
    let manifest_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out_dir = PathBuf::from(variable("OUT_DIR")?);
    // The same directory that the decision module is built in: what both depend on is built once.
    let target_dir = out_dir
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR lies in no target directory")?
        .join("wasm-build");
    for source in [
        "build.rs",
        "floor",
        "pure",
        "../../engine/src",
        "../../host/module/src/tuning.rs",
    ] {
        println!("cargo::rerun-if-changed={source}");
    }
    build_modules(&manifest_dir, &target_dir)?;
    let built = |name: &str| read(&target_dir.join(TARGET).join("wasm").join(name));
    let modules = [
        ("floor", built("assize_floor.wasm")?),
        ("pure", built("assize_pure.wasm")?),
        (
            "engine",
            read(Path::new(&variable("DEP_ASSIZE_MODULE_WASM")?))?,
        ),
    ];
    for (name, wasm) in &modules {
        for (suffix, interruption) in [("plain", false), ("interruptible", true)] {
            let code = compile(wasm, interruption)
                .map_err(|error| format!("cannot compile {name}: {error:#}"))?;
            let file = out_dir.join(format!("{name}-{suffix}.cwasm"));
            std::fs::write(&file, code)
                .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        }
    }
    Ok(())
}

fn build_modules(manifest_dir: &Path, target_dir: &Path) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .current_dir(manifest_dir)
        .args([
            "build",
            "--package",
            "assize-floor",
            "--package",
            "assize-pure",
            "--profile",
            "wasm",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(target_dir)
        .stdout(Stdio::null());
    // What the outer build was told holds for the outer build.
    for outer in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
        "CARGO_BUILD_TARGET",
    ] {
        cargo.env_remove(outer);
    }
    let status = cargo
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("a module does not build: see the compiler's messages".to_owned())
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

fn compile(wasm: &[u8], interruption: bool) -> wasmtime::Result<Vec<u8>> {
    let mut config = tuning::config();
    config.epoch_interruption(interruption);
    config.cranelift_opt_level(OptLevel::Speed);
    config.target(&std::env::var("TARGET").unwrap_or_default())?;
    Engine::new(&config)?.precompile_module(wasm)
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}
