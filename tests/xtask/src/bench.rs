//! `cargo xtask bench`: figures, none of which fails anything.

use crate::options::Options;
use crate::process::{cargo, is_there, run as start};

/// Runs the benchmarks asked for.
pub(crate) fn run(options: Options) -> Result<(), String> {
    let words = options.words()?;
    match words.split_first() {
        Some((first, [])) if first == "criterion" => {
            start(cargo().args(["bench", "--package", "assize-bench", "--bench", "decision"]))
        }
        Some((first, [])) if first == "server" => {
            start(cargo().args([
                "build",
                "--release",
                "--package",
                "assize",
                "--bin",
                "assize",
            ]))?;
            figures(&words)
        }
        Some((first, _)) if first == "instructions" && !is_there("valgrind") => {
            println!("valgrind is not installed: no instructions can be counted");
            Ok(())
        }
        _ => figures(&words),
    }
}

fn figures(words: &[String]) -> Result<(), String> {
    start(
        cargo()
            .args([
                "run",
                "--release",
                "--package",
                "assize-bench",
                "--bin",
                "figures",
                "--",
            ])
            .args(words),
    )
}
