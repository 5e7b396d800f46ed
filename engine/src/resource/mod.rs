//! Resource names and patterns: what they look like once normalised, and what covers what.
//!
//! `canonical` gives the one spelling in which names are stored and compared; `name` splits a
//! requested name into the parts that are matched each on their own; `glob` matches one part; `rows` holds
//! what an evaluateTree answered against names.
//! Sources: RFC 3986 §6.2.2, and AM's URL comparator with the rulings of `COMPATIBILITY.md`.
//!
//! # How a name is cut
//!
//! 1. The scheme is what stands before the first `://`; a name without that is a plain one, of one part.
//! 2. A scheme `http` or `https` in any case, stars behind it or none, makes an http(s) name. What follows is, in this order: the
//!    fragment cut off at the first `#`; leading slashes dropped; the authority, to the first `/` or `?`; the path, to the first
//!    `?`; the query, all the rest. `http://*` is whole: any name without a query.
//! 3. Any other scheme makes a name of two parts: the authority, to the first `/`, and the rest, in which `?` is a character.
//! 4. The port is what follows an authority's last `:` that no `]` follows; where nothing follows it there is none. Without a
//!    host there is no port, not even a default one. Brackets hold an IPv6 address, or an address's characters with wildcards
//!    among them.
//! 5. Every part is covered by itself, by a part of the pattern cut in the same way. A pattern whose scheme has wildcards may
//!    cover names of both kinds, and is cut as the name is; without a port its authority has to cover host and port together.
//! 6. `-*-` is found before `*`, from left to right. Texts are folded character by character.

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
