//! Benchmarks of Assize: the workload, its translation, and what is measured on it.
//!
//! `cargo xtask bench` runs the binary `figures`, which prints every figure beside its target; none of them fails anything.
//! What is tested here is that all answers are right: a benchmark of wrong answers measures nothing.

pub mod cpu;
pub mod guest;
mod mersenne;
pub mod prepared;
pub mod translate;
pub mod workload;

#[cfg(test)]
mod tests;
