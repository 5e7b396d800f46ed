//! Signed messages: the compact form of RFC 7515 §7.1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Key, KeyError, Ring};

/// Signs a payload with a ring's current key. `typ` says what the message is (RFC 8725 §3.11).
///
/// # Errors
/// The cryptography library refused.
pub(crate) fn sign(ring: &Ring, typ: &str, payload: &Value) -> Result<String, KeyError> {
    sign_with(ring.current(), typ, payload)
}

/// Signs a payload with a key that is in no ring.
///
/// # Errors
/// As [`sign`].
pub(crate) fn sign_with(key: &Key, typ: &str, payload: &Value) -> Result<String, KeyError> {
    let header = json!({"alg": key.algorithm().name(), "typ": typ, "kid": key.kid()});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut message = format!("{}.{}", part(&header), part(payload));
    let signature = key.sign(message.as_bytes())?;
    message.push('.');
    message.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(message)
}
