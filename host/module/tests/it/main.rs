//! The decision module as it ships: one file in every runtime, and a pool that outlives whatever a request does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod artefact;
mod fixture;
mod isolation;
mod publishing;
mod purity;
mod runtimes;

/// Says what a test did, past the harness's capture: a count belongs into the output of a green run too.
fn report(line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "  {line}");
}
