//! `cargo xtask size`: what is shipped, and how large it is.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::options::Options;
use crate::process::{cargo, program, read, run as start, target_dir};

/// Most bytes that the decision module may have, gzipped.
const MODULE_BUDGET: u64 = 300 << 10;

/// Prints the sizes; fails if the module is over its budget.
pub(crate) fn run(options: Options) -> Result<(), String> {
    options.none_left()?;
    start(cargo().args([
        "build",
        "--release",
        "--package",
        "assize",
        "--bin",
        "assize",
    ]))?;
    let server = target_dir().join("release/assize");
    println!("{:<34}{:>12} bytes", "server", bytes(&server)?);
    module("release")
}

/// The decision module that the last build of a profile made.
pub(crate) fn module(profile: &str) -> Result<(), String> {
    let file = newest_module(profile).ok_or("no decision module has been built")?;
    let plain = bytes(&file)?;
    let gzipped = read(
        program("sh")
            .args(["-c", "gzip -9 -c \"$0\" | wc -c"])
            .arg(&file),
    )?;
    let gzipped: u64 = gzipped
        .trim()
        .parse()
        .map_err(|_| format!("gzip gave no size for {}", file.display()))?;
    println!("{:<34}{plain:>12} bytes", "decision module");
    println!(
        "{:<34}{gzipped:>12} bytes of {MODULE_BUDGET}",
        "decision module, gzip -9"
    );
    if gzipped <= MODULE_BUDGET {
        Ok(())
    } else {
        Err("the decision module is over its budget".to_owned())
    }
}

fn newest_module(profile: &str) -> Option<PathBuf> {
    let builds = std::fs::read_dir(target_dir().join(profile).join("build")).ok()?;
    builds
        .filter_map(Result::ok)
        .filter(|build| {
            build
                .file_name()
                .to_string_lossy()
                .starts_with("assize-module-")
        })
        .map(|build| build.path().join("out/assize_engine_bg.wasm"))
        .filter_map(|file| Some((modified(&file)?, file)))
        .max()
        .map(|(_, file)| file)
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

fn bytes(file: &Path) -> Result<u64, String> {
    std::fs::metadata(file)
        .map(|found| found.len())
        .map_err(|error| format!("{}: {error}", file.display()))
}
