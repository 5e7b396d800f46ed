//! C and Rust to WebAssembly, the same bytes wherever it is done.

use std::path::PathBuf;
use std::process::Command;

/// The compiler for QuickJS, by its exact name: another version gives other bytes. Debian 12 has it as a package.
const CLANG: &str = "clang-19";

/// Stack of the guest in its own memory: what QuickJS is allowed (`sandbox.rs`), and room for what it does without asking.
const STACK: usize = 256 << 10;

pub(crate) fn folder() -> PathBuf {
    crate::here().join("../guest")
}

/// Compiles the guest and says where it is.
pub(crate) fn compile() -> Result<PathBuf, String> {
    let version = Command::new(CLANG).arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        return Err(format!(
            "{CLANG} is missing; on Debian or Ubuntu: apt-get install --no-install-recommends {CLANG}"
        ));
    }
    let folder = folder()
        .canonicalize()
        .map_err(|error| format!("the guest's sources are missing: {error}"))?;
    let target = crate::here().join("../../../target/script-guest");
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .ok_or("neither CARGO_HOME nor a home folder is known")?;
    let renamed = |from: &std::path::Path, to: &str| format!("{}={to}", from.display());
    let flags = [
        format!("--remap-path-prefix={}", renamed(&folder, "guest")),
        format!("--remap-path-prefix={}", renamed(&home, "cargo")),
        format!("-Clink-arg=-zstack-size={STACK}"),
    ];
    let c_flags = format!(
        "-ffile-prefix-map={} -ffile-prefix-map={}",
        renamed(&target, "target"),
        renamed(&home, "cargo")
    );
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(&folder)
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            "wasm32-unknown-unknown",
        ])
        .arg("--target-dir")
        .arg(&target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CC_wasm32_unknown_unknown", CLANG)
        // rustc makes the archive's table of symbols itself: any `ar` will do.
        .env("AR_wasm32_unknown_unknown", "ar")
        .env("CFLAGS_wasm32_unknown_unknown", c_flags);
    for outer in [
        "RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
    ] {
        cargo.env_remove(outer);
    }
    let done = cargo
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !done.success() {
        return Err("the guest does not build: see the compiler's messages above".to_owned());
    }
    Ok(target.join("wasm32-unknown-unknown/release/assize_script_guest.wasm"))
}
