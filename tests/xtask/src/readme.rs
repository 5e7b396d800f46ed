//! `cargo xtask readme`: does what the README tells a reader to do, and compares what comes out.
//!
//! Each fenced `console` block holds commands after `$ ` (a line that ends in a backslash goes on in the next one, and so
//! does a command above lines that begin with `> `) and below each what it prints. There `…` stands for anything: alone on a
//! line for any lines, otherwise for any characters.
//! A command without output below it only has to succeed. All blocks share one shell, as one reader would have it; a command
//! that goes on running after it has printed what the README shows (a server) keeps its shell, and the next commands get a
//! new one, as a reader would open a second terminal.
//!
//! Commands that start with `git clone`, `cd` or `cargo xtask` are left out: they lead here.

mod blocks;
mod shell;

use std::path::Path;
use std::time::Duration;

use blocks::Step;
use shell::{Outcome, Shell};

use crate::options::Options;
use crate::process::root;

/// Longest time that one command may take: the first one builds everything.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How long a command may stay silent, with all that it should print printed, before it counts as one that keeps running.
const SETTLED: Duration = Duration::from_secs(2);

/// Plays README.md, or the file named.
pub(crate) fn run(options: Options) -> Result<(), String> {
    let words = options.words()?;
    let file = words
        .first()
        .map_or_else(|| root().join("README.md"), |name| root().join(name));
    play(&file).map(|commands| println!("{}: {commands} commands do what it says", file.display()))
}

/// Runs every command of the file; the number of those that were run.
///
/// # Errors
/// The first command that fails, or prints something else than the file says.
pub(crate) fn play(file: &Path) -> Result<usize, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let data = std::env::temp_dir().join(format!("assize-readme-{}", std::process::id()));
    let played = play_all(&blocks::steps(&text), &data);
    let _ = std::fs::remove_dir_all(&data);
    played
}

fn play_all(steps: &[Step], data: &Path) -> Result<usize, String> {
    let mut running = Vec::new();
    let mut shell = Shell::open(data)?;
    let mut commands = 0;
    for step in steps.iter().filter(|step| !leads_here(&step.command)) {
        println!("$ {}", step.command);
        commands += 1;
        match shell.run(step, PATIENCE, SETTLED)? {
            Outcome::Ended => {}
            Outcome::StillRunning => {
                running.push(std::mem::replace(&mut shell, Shell::open(data)?))
            }
        }
    }
    Ok(commands)
}

fn leads_here(command: &str) -> bool {
    ["git clone", "cd ", "cargo xtask"]
        .iter()
        .any(|start| command.starts_with(start))
}
