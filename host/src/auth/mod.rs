//! Who calls: passwords, sessions, log-ins, and the proofs that handlers ask for.

pub(crate) mod caller;
pub(crate) mod delegation;
pub(crate) mod endpoint;
pub(crate) mod login;
pub(crate) mod password;
pub(crate) mod plan;
pub(crate) mod privilege;
pub(crate) mod session;
pub(crate) mod sessions;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The system has no randomness to give: nothing secret can be made.
#[derive(Debug)]
pub(crate) struct NoRandomness;

impl std::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the system gave no randomness")
    }
}

/// `bytes` random bytes as base64url text.
pub(crate) fn random_text(bytes: usize) -> Result<String, NoRandomness> {
    let mut buffer = vec![0u8; bytes];
    getrandom::fill(&mut buffer).map_err(|_| NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(&buffer))
}

/// A random UUID (RFC 9562, version 4).
pub(crate) fn random_uuid() -> Result<String, NoRandomness> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok(format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    ))
}
