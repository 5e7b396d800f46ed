//! Signature and digest for JavaScript runtimes without them: browsers before Ed25519 came to WebCrypto, and pages that
//! are no secure context, which have no WebCrypto at all.

use ed25519_compact::{PublicKey, Signature};
use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::wasm_bindgen;

/// Whether `signature` (64 bytes) is the Ed25519 signature (RFC 8032 §5.1.7) of `message` under `key` (32 bytes). Keys and
/// signatures of small order, which fit any message, are refused.
#[wasm_bindgen(js_name = verifyEd25519)]
pub fn verify_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (PublicKey::from_slice(key), Signature::from_slice(signature))
    else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}

/// SHA-256 (FIPS 180-4) of some bytes: 32 bytes.
#[wasm_bindgen]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}
