//! `cargo xtask crash`: the server killed at random moments while it writes, more often than in every run of the tests.

use crate::options::Options;
use crate::process::{cargo, run as start};

/// Kills on each database, unless told otherwise.
const KILLS: u64 = 200;

/// Fails where an acknowledged write is lost, or a decision is not that of the policies.
pub(crate) fn run(mut options: Options) -> Result<(), String> {
    let kills = options.number("--kills")?.unwrap_or(KILLS);
    let seed = options.number("--seed")?;
    options.none_left()?;
    let mut command = cargo();
    command
        .args(["test", "--package", "assize", "--test", "crash"])
        .args(["--", "--nocapture"])
        .env("CRASH_KILLS", kills.to_string());
    if let Some(seed) = seed {
        command.env("CRASH_SEED", seed.to_string());
    }
    start(&mut command)
}
