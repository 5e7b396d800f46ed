//! The same module in Node, string in, string out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assize_bench::prepared::Prepared;

use crate::Outcome;
use crate::report::figure;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/figures.mjs");

/// Nanoseconds of CPU for one decision, the median over batches; every answer must be the one given. `None` without Node.
pub(crate) fn measure(prepared: &Prepared, right: &[Vec<u8>]) -> Outcome<Option<f64>> {
    if !is_there() {
        return Ok(None);
    }
    let folder = Folder::new()?;
    folder.write("bundle", &prepared.bundle)?;
    folder.write("requests", prepared.requests.join("\n").as_bytes())?;
    folder.write("answers", &right.join(&b'\n'))?;
    Ok(Some(run("decisions", &folder.0)?.parse()?))
}

/// Prints how long it takes from the start of the import to the first decision, on the clock.
pub(crate) fn report_first_decision(prepared: &Prepared) -> Outcome<()> {
    if !is_there() {
        figure(
            "first decision in Node",
            "no node".to_owned(),
            "target 30 ms",
        );
        return Ok(());
    }
    let folder = Folder::new()?;
    folder.write("bundle", &prepared.bundle)?;
    folder.write("requests", prepared.requests.join("\n").as_bytes())?;
    println!();
    figure(
        "first decision in Node, import included",
        format!("{} ms", run("first", &folder.0)?),
        "target 30 ms",
    );
    Ok(())
}

fn run(what: &str, folder: &Path) -> Outcome<String> {
    let output = Command::new("node")
        .args([SCRIPT, what, assize_module::BUILT_FILES])
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("node {what}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn is_there() -> bool {
    Command::new("node")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// A folder that goes when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Folder> {
        let path = std::env::temp_dir().join(format!("assize-figures-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Outcome<()> {
        Ok(std::fs::write(self.0.join(name), bytes)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
