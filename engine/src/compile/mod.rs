//! Policies to bundles.
//!
//! [`compile_policy`] lowers one policy, whatever the others are, so that a change compiles only
//! what changed; [`link`] puts lowered policies together into the bytes of a bundle.

pub(crate) mod link;
mod lower;
mod packed;
mod tree;

pub use link::link;
pub use lower::{CompiledPolicy, compile_policy};
