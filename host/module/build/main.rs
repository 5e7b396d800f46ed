//! Makes the decision module out of `engine/wasm`, so that a plain `cargo build` needs no other step:
//! Rust → WebAssembly ([`wasm`]) → the one file with its JavaScript glue ([`glue`]) → machine code ([`machine`]).
//!
//! A build that goes wrong ends with one line that says what to do.

mod glue;
mod machine;
#[path = "../src/tuning.rs"]
mod tuning;
mod wasm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sha2::{Digest, Sha256};

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // `cargo::error` is shown in full view; the rest of a failed script's output comes after it.
            println!("cargo::error={reason}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let manifest_dir = path("CARGO_MANIFEST_DIR")?;
    let out_dir = path("OUT_DIR")?;
    let target = text("TARGET")?;
    // Benchmarks compile the same module with other settings.
    println!(
        "cargo::metadata=WASM={}",
        out_dir.join("assize_engine_bg.wasm").display()
    );
    let raw = wasm::compile(&manifest_dir, &out_dir)?;

    // Cargo runs this script whenever a source or the lock file has changed; mostly the module comes out the same.
    let stamp = out_dir.join("made-from");
    let made_from = format!(
        "{} {target} {}",
        hex::encode(Sha256::digest(&raw)),
        this_script()
    );
    if std::fs::read_to_string(&stamp).is_ok_and(|before| before == made_from) {
        return Ok(());
    }
    let _ = std::fs::remove_file(&stamp);
    let module = glue::bind(raw)?;
    eprintln!(
        "decision module: {} bytes, build {}",
        module.wasm.len(),
        module.build_id
    );
    let code = machine::compile(&module.wasm, &target)?;
    write(&out_dir.join("assize_engine_bg.wasm"), &module.wasm)?;
    write(&out_dir.join("assize_engine.js"), module.js.as_bytes())?;
    write(&out_dir.join("assize_engine.d.ts"), module.types.as_bytes())?;
    write(&out_dir.join("assize_engine.cwasm"), &code)?;
    write(&out_dir.join("build-id"), module.build_id.as_bytes())?;
    write(&stamp, made_from.as_bytes())
}

/// Tells one build of this script from another: its settings shape what it makes.
fn this_script() -> String {
    let script = std::env::current_exe().and_then(std::fs::metadata);
    script
        .and_then(|file| Ok((file.len(), file.modified()?)))
        .map_or_else(
            |error| error.to_string(),
            |(length, modified)| format!("{length} {modified:?}"),
        )
}

fn text(variable: &str) -> Result<String, String> {
    std::env::var(variable).map_err(|_| format!("cargo did not set {variable}"))
}

fn path(variable: &str) -> Result<PathBuf, String> {
    text(variable).map(PathBuf::from)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
