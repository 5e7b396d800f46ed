//! The claims of JWTs as they are read: access tokens (RFC 9068 §2.2) and client assertions (RFC 7523 §3).

use serde::{Deserialize, Deserializer};

use crate::clock::Millis;

/// Claims that are read; which of them must be there depends on the kind of token.
///
/// INVARIANT: types are strict. `iss` and `sub` are single texts; a claim that comes twice, or with another type, makes
/// the token unreadable.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    pub(super) iss: Option<String>,
    #[serde(default)]
    pub(super) sub: Option<String>,
    #[serde(default)]
    pub(super) aud: Option<OneOrMany>,
    #[serde(default, deserialize_with = "instant")]
    pub(super) exp: Option<Millis>,
    #[serde(default, deserialize_with = "instant")]
    pub(super) nbf: Option<Millis>,
    #[serde(default, deserialize_with = "instant")]
    pub(super) iat: Option<Millis>,
    #[serde(default)]
    pub(super) jti: Option<String>,
    #[serde(default)]
    pub(super) client_id: Option<String>,
    /// Some issuers write a list where RFC 8693 §4.2 says a text.
    #[serde(default)]
    pub(super) scope: Option<OneOrMany>,
    #[serde(default)]
    pub(super) role: Option<OneOrMany>,
    #[serde(default)]
    pub(super) roles: Option<OneOrMany>,
}

/// A text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// A NumericDate as milliseconds; fractions are allowed by RFC 7519 §2 and of no use.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let seconds = match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => seconds,
        // Far outside of any instant, the conversion gives the greatest number, which is as far away.
        (None, Some(fraction)) => fraction as i64,
        (None, None) => return Err(serde::de::Error::custom("no instant")),
    };
    Ok(Some(seconds.saturating_mul(1000)))
}
