//! The one test binary: the corpus on every subject, and generated cases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say so at once")]

mod corpus;
mod differential;
