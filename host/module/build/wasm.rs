//! Rust to WebAssembly: a cargo inside cargo, with a target directory of its own (the outer one is locked).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds `engine/wasm` and gives the bytes that the linker made.
///
/// # Errors
/// One line: the target is missing and cannot be added, or the build failed (its own output stands above).
pub(crate) fn compile(manifest_dir: &Path, out_dir: &Path) -> Result<Vec<u8>, String> {
    let workspace = manifest_dir
        .ancestors()
        .nth(2)
        .ok_or("host/module does not lie in the workspace")?;
    for source in [
        "engine/src",
        "engine/Cargo.toml",
        "engine/wasm",
        "host/module/build",
        "host/module/src/tuning.rs",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
    ] {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(source).display()
        );
    }
    require_target()?;

    let target_dir = shared_target_dir(out_dir);
    let mut cargo = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace)
        .args([
            "build",
            "--package",
            "assize-engine-wasm",
            "--profile",
            "wasm",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target_dir)
        // Standard output belongs to what this script tells the outer cargo.
        .stdout(Stdio::null());
    if workspace.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    // What the outer build was told holds for the outer build: coverage, sanitizers or a CPU would spoil the module,
    // and clippy would lint it instead of building it.
    for outer in [
        "RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
    ] {
        cargo.env_remove(outer);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace));

    eprintln!(
        "building the decision module for {TARGET} in {}",
        target_dir.display()
    );
    let status = cargo
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err("the decision module (engine/wasm) does not build: see the compiler's messages above or below".to_owned());
    }
    let file = target_dir.join(TARGET).join("wasm/assize_engine_wasm.wasm");
    std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// One directory for all profiles of the outer build, `target/wasm-build`: the module is the same in each of them.
/// `OUT_DIR` is `target/[triple/]profile/build/package/out`; where it is not, the module is built in there.
fn shared_target_dir(out_dir: &Path) -> PathBuf {
    let build = out_dir.ancestors().nth(2);
    match (build, out_dir.ancestors().nth(4)) {
        (Some(build), Some(target)) if build.ends_with("build") => target.join("wasm-build"),
        _ => out_dir.join("wasm-build"),
    }
}

/// Panic messages name source files: with the builder's own directories replaced, the module is the same bytes
/// wherever it is built, and says nothing about who built it.
fn flags(workspace: &Path) -> String {
    let cargo_home = variable("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let mut flags = vec![format!(
        "--remap-path-prefix={}=assize",
        workspace.display()
    )];
    flags.extend(cargo_home.map(|home| format!("--remap-path-prefix={}=cargo", home.display())));
    flags.join("\u{1f}")
}

/// rust-toolchain.toml names the target, but rustup installs by itself only where it is allowed to.
fn require_target() -> Result<(), String> {
    let has_target = || {
        Command::new(variable("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--print", "target-libdir", "--target", TARGET])
            .output()
            .ok()
            .and_then(|output| String::from_utf8(output.stdout).ok())
            .is_some_and(|dir| Path::new(dir.trim()).is_dir())
    };
    if has_target() {
        return Ok(());
    }
    eprintln!("adding the Rust target {TARGET}");
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if added && has_target() {
        return Ok(());
    }
    Err(format!(
        "the Rust target {TARGET} is missing and could not be added: run `rustup target add {TARGET}` and build again"
    ))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
