//! Finding the patterns that can cover a name, without looking at the others.
//!
//! Patterns are grouped by policy set and authority. A group with a literal authority is found by
//! its hash, one with wildcards by what its host ends with. Inside a group each pattern is filed
//! under one key that any name it covers must have: its whole path, a literal segment that few
//! patterns share, or else the rarest of its segments, the text before its first wildcard and the
//! text behind its last. A request looks up its own segments, prefixes and suffixes, so that the
//! cost of a decision depends on the request and on what covers it, not on how many policies there
//! are. Every pattern found so is then compared in full.

#[cfg(feature = "compile")]
pub(crate) mod build;
pub(crate) mod hash;
#[cfg(feature = "compile")]
mod keys;
mod lookup;

pub(crate) use lookup::{beneath, covering, find_set, owners};

/// What a key of the hash table is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum KeyKind {
    /// Set; scheme, host, port: groups whose authority is literal.
    Authority = 1,
    /// Set; host: groups whose host is literal, but not all of their authority.
    Host = 2,
    /// Set; end of the host from a dot on, or nothing: groups whose host has wildcards.
    HostSuffix = 3,
    /// Set; scheme, authority: groups for names that are not http(s).
    Other = 4,
    /// Group; path: patterns without wildcards in their path.
    Path = 5,
    /// Group; one segment that the path must have.
    Segment = 6,
    /// Group; what the path must begin with.
    Prefix = 7,
    /// Group; what the path must end with.
    Suffix = 8,
}
