//! The one test binary: the corpus on every subject, and generated cases.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod corpus;
mod differential;
mod http;
mod module;
