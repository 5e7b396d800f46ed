//! Other programs, started at the root of the workspace.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo says where it runs this crate from, which counts: a target folder may have been copied from elsewhere.
    let here = std::env::var("CARGO_MANIFEST_DIR");
    let here = here.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    // This crate lies two folders beneath the root.
    Path::new(&here)
        .ancestors()
        .nth(2)
        .map(PathBuf::from)
        .unwrap_or_default()
}

/// The cargo that runs this command.
pub(crate) fn cargo() -> Command {
    program(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
}

/// A program, at the root of the workspace.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Runs to the end, the output shown.
///
/// # Errors
/// It cannot be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} failed: {status}", name(command)))
    }
}

/// Runs to the end, the output shown, each line of standard output looked at as it comes.
///
/// # Errors
/// It cannot be started, or ends with anything but success.
pub(crate) fn watch(command: &mut Command, mut look: impl FnMut(&str)) -> Result<(), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            look(&line);
        }
    }
    let status = child
        .wait()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} failed: {status}", name(command)))
    }
}

/// Installs a package of the system by apt, with root's rights.
///
/// # Errors
/// There is no such package, or no right to install it.
pub(crate) fn install_package(package: &str) -> Result<(), String> {
    println!("installing {package}");
    // Nobody is there to answer, and another apt may be at work: it is waited for.
    let env = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let apt_get = || {
        let mut command = program(if is_there("sudo") { "sudo" } else { "env" });
        if is_there("sudo") {
            command.arg("env");
        }
        command.args(env).args(["-o", "DPkg::Lock::Timeout=300"]);
        command
    };
    // A fresh machine has no lists of packages yet.
    run(apt_get().arg("update"))?;
    run(apt_get().args(["install", "--yes", "--no-install-recommends", package]))
}

/// Runs to the end and gives the standard output.
///
/// # Errors
/// It cannot be started, or ends with anything but success.
pub(crate) fn read(command: &mut Command) -> Result<String, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{} failed: {}", name(command), output.status))
    }
}

/// Whether a program answers at all.
pub(crate) fn is_there(name: &str) -> bool {
    Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("cannot run {}: {error}", name(command))
}

fn name(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}
