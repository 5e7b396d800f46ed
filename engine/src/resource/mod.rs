//! Resource names and patterns: what they look like once normalised, and what covers what.
//!
//! `canonical` gives the one spelling in which names are stored and compared; `name` splits a
//! requested name into the parts that are matched each on their own; `glob` matches one part; `rows` holds
//! what an evaluateTree answered against names.
//! Sources: RFC 3986 §6.2.2, and AM's URL comparator with the rulings of `COMPATIBILITY.md`.

mod canonical;
#[cfg(feature = "compile")]
mod fit;
pub(crate) mod fold;
pub(crate) mod glob;
pub(crate) mod name;
pub(crate) mod pattern;
pub(crate) mod pieces;
mod rows;
#[cfg(test)]
mod tests;
pub(crate) mod view;

pub(crate) use canonical::is_http_like;
pub use canonical::{NameError, canonical};
#[cfg(feature = "compile")]
pub(crate) use fit::{type_covers, wildcards_fit};
pub use fold::fold;
pub use rows::{RowError, TreeRows};
