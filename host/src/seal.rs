//! Sealed bundles: a line that says what the bundle is and signs it, then the bundle's bytes.
//!
//! The line is a compact JWS (RFC 7515) under an Ed25519 key. A holder verifies it under a key that it was given before,
//! then the SHA-256 of the bytes, then that this is the bundle that it wants and no older than one that it has seen.

use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock::Millis;

/// What a sealed bundle's line says it is (RFC 8725 §3.11).
pub(crate) const BUNDLE: &str = "assize-bundle+jwt";
/// The same of a notice about a bundle.
pub(crate) const NOTICE: &str = "assize-notice+jwt";

/// What is said of a bundle.
pub(crate) struct Seal<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) name: &'a str,
    pub(crate) revision: u64,
    /// Hex SHA-256 of the content, as the bundle's header has it.
    pub(crate) digest: &'a str,
    /// Hex SHA-256 of all bytes.
    pub(crate) bytes_sha256: &'a str,
    pub(crate) issued_at: Millis,
    /// Seconds past which a holder denies everything.
    pub(crate) max_age: u64,
}

impl Seal<'_> {
    /// The payload of the line.
    pub(crate) fn payload(&self) -> Value {
        json!({
            "iss": self.issuer,
            "realm": self.realm,
            "name": self.name,
            "revision": self.revision,
            "digest": self.digest,
            "bytes_sha256": self.bytes_sha256,
            "issuedAt": self.issued_at,
            "maxAge": self.max_age,
        })
    }
}

/// A sealed bundle, taken apart. Nothing of it is verified but that its bytes are those that the line names.
pub(crate) struct Sealed<'a> {
    line: &'a str,
    pub(crate) header: Value,
    pub(crate) payload: Value,
    pub(crate) bundle: &'a [u8],
}

/// Why bytes are no sealed bundle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotSealed(&'static str);

impl fmt::Display for NotSealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'a> Sealed<'a> {
    /// # Errors
    /// The bytes do not begin with a line that seals a bundle, or the bytes after it are others than it names.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, NotSealed> {
        let no_line = NotSealed("it does not begin with a signed line");
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (line, bundle) = end
            .and_then(|end| bytes.split_at_checked(end))
            .ok_or(no_line)?;
        let bundle = bundle.get(1..).unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|_| NotSealed("its first line is no text"))?;
        let json = |part: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let parts: Vec<&str> = line.split('.').collect();
        let [header, payload, _] = parts.as_slice() else {
            return Err(NotSealed("its first line is no compact JWS"));
        };
        let (Some(header), Some(payload)) = (json(header), json(payload)) else {
            return Err(NotSealed("its first line is no compact JWS"));
        };
        if header.get("typ").and_then(Value::as_str) != Some(BUNDLE) {
            return Err(NotSealed("its first line does not seal a bundle"));
        }
        let sha256 = hex::encode(Sha256::digest(bundle));
        if payload.get("bytes_sha256").and_then(Value::as_str) != Some(sha256.as_str()) {
            return Err(NotSealed("its bytes are not those that were signed"));
        }
        Ok(Sealed {
            line,
            header,
            payload,
            bundle,
        })
    }

    /// Whether one of the keys of a JWK set signed it. The algorithm is Ed25519, whatever the line says.
    pub(crate) fn is_signed_by(&self, jwks: &Value) -> bool {
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let Some((message, signature)) = self.line.rsplit_once('.') else {
            return false;
        };
        let Some(signature) = decoded(signature) else {
            return false;
        };
        let keys = jwks.get("keys").and_then(Value::as_array);
        let named = keys.into_iter().flatten().filter(|key| {
            key.get("crv").and_then(Value::as_str) == Some("Ed25519")
                && key
                    .get("kid")
                    .is_some_and(|kid| self.header.get("kid") == Some(kid))
        });
        let mut publics = named.filter_map(|key| decoded(key.get("x")?.as_str()?));
        publics.any(|public| {
            let key = UnparsedPublicKey::new(&ED25519, public);
            key.verify(message.as_bytes(), &signature).is_ok()
        })
    }
}
