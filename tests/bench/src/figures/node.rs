//! The same module in Node, string in, string out.

use std::path::Path;
use std::process::{Command, Stdio};

use assize_bench::prepared::Prepared;

use crate::Outcome;
use crate::folder::Folder;
use crate::report::figure;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/figures.mjs");

/// Nanoseconds of CPU for one decision, the median over batches; every answer must be the one given. `None` without Node.
pub(crate) fn measure(prepared: &Prepared, right: &[Vec<u8>]) -> Outcome<Option<f64>> {
    if !is_there() {
        return Ok(None);
    }
    let folder = Folder::new("node")?;
    folder.write("bundle", &prepared.bundle)?;
    folder.write("requests", prepared.requests.join("\n").as_bytes())?;
    folder.write("answers", &right.join(&b'\n'))?;
    Ok(Some(run("decisions", folder.path())?.parse()?))
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
    let folder = Folder::new("node")?;
    folder.write("bundle", &prepared.bundle)?;
    folder.write("requests", prepared.requests.join("\n").as_bytes())?;
    println!();
    figure(
        "first decision in Node, import included",
        format!("{} ms", run("first", folder.path())?),
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
