//! `cargo xtask script-module`: makes `host/script/script.wasm` anew from its sources. CI makes it too, and compares.

use crate::options::Options;
use crate::process::{cargo, run as start};

pub(crate) fn run(options: Options) -> Result<(), String> {
    options.none_left()?;
    make(&[])
}

/// Whether the module that is kept is what its sources give.
pub(crate) fn check() -> Result<(), String> {
    make(&["--check"])
}

fn make(arguments: &[&str]) -> Result<(), String> {
    start(
        cargo()
            .args(["run", "--quiet", "--package", "assize-script-make", "--"])
            .args(arguments),
    )
}
