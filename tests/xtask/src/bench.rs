//! `cargo xtask bench`: figures, none of which fails anything.

use crate::options::Options;
use crate::package;
use crate::process::{cargo, is_there, program, run as start, target_dir};

/// Runs the benchmarks asked for.
pub(crate) fn run(options: Options) -> Result<(), String> {
    let words = options.words()?;
    match words.first().map(String::as_str) {
        Some("criterion") => start(
            cargo()
                .arg("bench")
                .args(BOTH)
                .args(["--features", "assize-bench/criterion"])
                .args(["--bench", "decision"]),
        ),
        Some("js") => start(
            program("npm")
                .current_dir(package::build()?)
                .args(["run", "bench", "--"])
                .args(words.iter().skip(1)),
        ),
        Some("instructions") if !is_there("valgrind") => {
            println!("valgrind is not installed: no instructions can be counted");
            Ok(())
        }
        _ => figures(&words),
    }
}

/// The server and what measures it, always asked for together: one by one they would have their dependencies built with
/// different features, and wasmtime twice.
const BOTH: [&str; 4] = ["--package", "assize", "--package", "assize-bench"];

/// The program that measures, beside the server that it measures.
fn figures(words: &[String]) -> Result<(), String> {
    start(cargo().args(["build", "--release", "--bins"]).args(BOTH))?;
    let program_file = target_dir().join("release/figures");
    start(program(&program_file.to_string_lossy()).args(words))
}
