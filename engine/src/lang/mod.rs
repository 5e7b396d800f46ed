//! The small languages that conditions are written in: addresses, `IF … THEN` rules, LDAP filters, time zones, time windows.
//!
//! Texts of policies are parsed when a policy is written; only what a request or a bundle carries (addresses, DNS names, zone
//! names, TZif bytes) is read while evaluating, and that allocates nothing. Nothing here panics, whatever the input.

pub mod address;
pub mod civil;
pub mod filter;
pub mod instant;
pub mod rule;
pub mod window;
pub mod zone;
