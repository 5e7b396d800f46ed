//! Who calls: passwords, sessions, log-ins, and the proofs that handlers ask for.

pub(crate) mod caller;
pub(crate) mod delegation;
pub(crate) mod login;
pub(crate) mod password;
pub(crate) mod plan;
pub(crate) mod privilege;
pub(crate) mod session;
pub(crate) mod session_events;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The system has no randomness to give: nothing secret can be made.
#[derive(Debug)]
pub(crate) struct NoRandomness;

/// `bytes` random bytes as base64url text.
pub(crate) fn random_text(bytes: usize) -> Result<String, NoRandomness> {
    let mut buffer = vec![0u8; bytes];
    getrandom::fill(&mut buffer).map_err(|_| NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(&buffer))
}
