//! Generated documents and requests: every condition, subject and attribute type, overlapping wildcards, odd spellings,
//! missing and contradictory facts. A seed gives the same cases everywhere.

mod names;
mod policies;
mod requests;
mod rng;
mod windows;

pub use names::{fill, pattern, root};
pub use policies::{document, policy};
pub use requests::{outside, request};
pub use rng::Rng;
