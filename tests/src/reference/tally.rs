//! How often each type of condition and subject came out how: what the coverage report shows.

use super::truth::Truth;
use std::cell::RefCell;

/// The types, conditions before subjects.
pub(super) const TYPES: [&str; 26] = [
    "AMIdentityMembership",
    "AND",
    "AuthLevel",
    "AuthScheme",
    "AuthenticateToRealm",
    "AuthenticateToService",
    "IPv4",
    "IPv6",
    "LDAPFilter",
    "LEAuthLevel",
    "NOT",
    "OAuth2Scope",
    "OR",
    "ResourceEnvIP",
    "Script",
    "Session",
    "SessionProperty",
    "SimpleTime",
    "Transaction",
    "subject AND",
    "subject AuthenticatedUsers",
    "subject Identity",
    "subject JwtClaim",
    "subject NONE",
    "subject NOT",
    "subject OR",
];

/// Counts by place in [`TYPES`].
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: RefCell<[[u64; 3]; TYPES.len()]>,
}

impl Tally {
    pub(super) fn note(&self, prefix: &str, kind: &str, truth: Truth) {
        let place = TYPES
            .iter()
            .position(|t| t.strip_prefix(prefix) == Some(kind));
        let way = match truth {
            Truth::True => 0,
            Truth::False => 1,
            Truth::Undetermined => 2,
        };
        let mut counts = self.counts.borrow_mut();
        if let Some(count) = place
            .and_then(|p| counts.get_mut(p))
            .and_then(|c| c.get_mut(way))
        {
            *count += 1;
        }
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, [u64; 3])> {
        TYPES
            .iter()
            .copied()
            .zip(self.counts.borrow().iter().copied())
            .collect()
    }
}
