//! What must hold for every input, one module for each fuzz target: `check` takes any bytes and panics when something
//! that is promised does not hold.
//!
//! The targets in `targets/` hand libFuzzer's bytes over and do nothing else; `corpus/` holds, for each, inputs that reach
//! what it is about, and every input that ever failed. The test of this crate replays them without a fuzzer.

pub mod am;
mod answer;
pub mod bundle;
pub mod filter;
pub mod pattern;
pub mod policy;
mod policy_text;
pub mod request;
pub mod resource;
mod world;

#[cfg(test)]
mod tests;
