//! `cargo xtask package`: the npm package, with the very module that the server of the same sources carries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::options::Options;
use crate::process::{cargo, program, read, root, run as start};

/// Builds the module, stages it beside the package's sources, builds the package and packs it.
pub(crate) fn run(options: Options) -> Result<(), String> {
    options.none_left()?;
    build()?;
    start(npm().args(["pack", "--pack-destination", "."]))
}

/// Everything but the packing; gives the package's folder.
pub(crate) fn build() -> Result<PathBuf, String> {
    let built = built_files()?;
    let staged = js().join("engine");
    std::fs::create_dir_all(&staged).map_err(|error| format!("{}: {error}", staged.display()))?;
    for (from, to) in [
        ("assize_engine_bg.wasm", "assize.wasm"),
        ("assize_engine.js", "glue.js"),
    ] {
        copy(&built.join(from), &staged.join(to))?;
    }
    copy(
        &root().join("host/script/script.wasm"),
        &staged.join("script.wasm"),
    )?;
    install()?;
    start(npm().args(["run", "build"]))?;
    Ok(js())
}

/// The development tools of the lock file, unless they are there.
fn install() -> Result<(), String> {
    let lock = js().join("package-lock.json");
    let marker = js().join("node_modules/.package-lock.json");
    let newer = |a: &Path, b: &Path| Some(modified(a)? > modified(b)?);
    if newer(&marker, &lock) == Some(true) {
        return Ok(());
    }
    start(npm().args(["ci", "--no-audit", "--no-fund"]))
}

fn modified(file: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

/// The folder of the package.
fn js() -> PathBuf {
    root().join("js")
}

/// npm, in the package's folder.
fn npm() -> Command {
    let mut npm = program("npm");
    npm.current_dir(js());
    npm
}

/// Where the build of the module left its files: cargo says it, for the module of today's sources and no older one.
fn built_files() -> Result<PathBuf, String> {
    const MESSAGE: &str = r#""reason":"build-script-executed""#;
    const MEMBER: &str = r#""out_dir":""#;
    let mut build = cargo();
    build
        .args(["build", "--workspace"])
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null());
    let messages = read(&mut build)?;
    messages
        .lines()
        .filter(|line| line.contains(MESSAGE) && line.contains("host/module#"))
        .find_map(|line| {
            let (_, rest) = line.split_once(MEMBER)?;
            Some(PathBuf::from(rest.split_once('"')?.0))
        })
        .ok_or_else(|| "cargo does not say where it built the decision module".to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::copy(from, to).map(drop).map_err(|error| {
        format!(
            "cannot copy {} to {}: {error}",
            from.display(),
            to.display()
        )
    })
}
