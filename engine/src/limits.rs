//! Every bound of the engine, in one place, each with the reason for its size.
//!
//! A bound that is met is an error that names it (`limitExceeded`, `stepsExceeded`), never a
//! different answer. Sizes are in bytes of UTF-8, counts in items.

/// Largest request that is read. An AM client sends a few hundred bytes; a batch of the largest
/// number of resources with long URLs stays below this.
pub const MAX_REQUEST_BYTES: usize = 4 << 20;

/// Deepest nesting of JSON in a request: only `claims` nests at all.
pub const MAX_JSON_DEPTH: usize = 64;

/// Members of one object in a request: environment keys, session properties, attributes of a profile, claims. AM's own
/// sessions and profiles hold some dozens.
pub const MAX_MEMBERS: usize = 1_000;

/// Furthest instant from 1970 that a request may name, in milliseconds: the range of ECMAScript's dates
/// (ECMA-262 §21.4.1.1), so that every host can say it and no arithmetic with it ends.
pub const MAX_INSTANT_MS: i64 = 8_640_000_000_000_000;

/// Whether epoch milliseconds keep to [`MAX_INSTANT_MS`].
pub(crate) fn is_instant(millis: i64) -> bool {
    (-MAX_INSTANT_MS..=MAX_INSTANT_MS).contains(&millis)
}

/// Resources asked for in one request.
pub const MAX_RESOURCES: usize = 1_000;

/// Longest resource name in a request or pattern in a policy, in bytes. Browsers and servers
/// stop at about 8 KiB of URL.
pub const MAX_RESOURCE_BYTES: usize = 8 << 10;

/// Wildcards in one part (host, port, path, query) of a pattern.
pub const MAX_WILDCARDS: usize = 32;

/// Resources of one policy.
pub const MAX_PATTERNS: usize = 1_000;

/// Deepest nesting of a subject or condition tree.
pub const MAX_TREE_DEPTH: usize = 32;

/// Nodes of one subject or condition tree.
pub const MAX_TREE_NODES: usize = 2_000;

/// Longest name of a policy, policy set or resource type, in bytes.
pub const MAX_NAME_BYTES: usize = 1_024;

/// Work that one request may cause, in steps: one for each policy, policy that a pattern leads to,
/// condition leaf and wildcard piece looked at, and one for each 64 bytes compared; more for what
/// an explanation repeats. Ordinary requests need a few dozen; the
/// largest honest batch some hundred thousand.
pub const MAX_STEPS: u64 = 20_000_000;

/// Largest bundle that is loaded, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 256 << 20;
