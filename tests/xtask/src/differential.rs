//! `cargo xtask differential`: the engine against the reference evaluator.

use crate::options::Options;
use crate::process::{cargo, run as start};

/// Pairs of policies and request, unless told otherwise.
const COUNT: u64 = 1_000_000;

/// Generates, evaluates and compares; fails at the first difference.
pub(crate) fn run(mut options: Options) -> Result<(), String> {
    let seed = options.number("--seed")?.unwrap_or(1);
    let count = options.number("--count")?.unwrap_or(COUNT);
    options.none_left()?;
    compare(seed, count)
}

/// One run. The same seed gives the same pairs.
pub(crate) fn compare(seed: u64, count: u64) -> Result<(), String> {
    start(
        cargo()
            .args([
                "run",
                "--release",
                "--package",
                "assize-tests",
                "--bin",
                "differential",
                "--",
            ])
            .args(["--seed", &seed.to_string(), "--count", &count.to_string()]),
    )
}
