//! Compact JWS (RFC 7515 §3.1) as OAuth uses it: taking one apart, and checking it with a key that is already known.
//!
//! INVARIANT: nothing in a token chooses how it is verified (RFC 8725 §3.1): the algorithms belong to the key, `alg` must
//! merely name one of them. Keys that a token brings along or points to (`jwk`, `jku`, `x5c`, `x5u`) are refused, as is `crit`,
//! since no extension is understood here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::limits::JWT_BYTES;

/// Why a token was not taken apart, or not believed. Texts fit into `error_description` (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwsError {
    TooLong,
    Malformed,
    /// It names an extension that must be understood.
    Critical,
    /// It brings its own key, or the address of one.
    OwnKey,
    /// `alg` is none of the key's.
    Algorithm,
    Signature,
}

impl JwsError {
    pub(crate) fn text(self) -> &'static str {
        match self {
            JwsError::TooLong => "The token is too long",
            JwsError::Malformed => "The token is not a signed JWT",
            JwsError::Critical => "The token has a crit header, and no extension is supported",
            JwsError::OwnKey => "The token must not bring its own key or the address of one",
            JwsError::Algorithm => "The algorithm is not the one that belongs to the key",
            JwsError::Signature => "The signature is not valid",
        }
    }
}

/// The header parameters that are looked at; all others are ignored.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<IgnoredAny>,
    #[serde(default)]
    jku: Option<IgnoredAny>,
    #[serde(default)]
    jwk: Option<IgnoredAny>,
    #[serde(default)]
    x5u: Option<IgnoredAny>,
    #[serde(default)]
    x5c: Option<IgnoredAny>,
}

/// A token taken apart; nothing about it is believed yet.
pub(crate) struct Jws<'a> {
    header: Header,
    /// What was signed: header and payload as they were sent.
    signed: &'a str,
    payload: Vec<u8>,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// # Errors
    /// All but [`JwsError::Algorithm`] and [`JwsError::Signature`].
    pub(crate) fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > JWT_BYTES {
            return Err(JwsError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        if payload.contains('.') || signature.is_empty() {
            return Err(JwsError::Malformed);
        }
        let decoded = |part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_| JwsError::Malformed)
        };
        let header: Header =
            serde_json::from_slice(&decoded(header)?).map_err(|_| JwsError::Malformed)?;
        if header.crit.is_some() {
            return Err(JwsError::Critical);
        }
        if header.jku.is_some()
            || header.jwk.is_some()
            || header.x5u.is_some()
            || header.x5c.is_some()
        {
            return Err(JwsError::OwnKey);
        }
        Ok(Jws {
            header,
            signed,
            payload: decoded(payload)?,
            signature,
        })
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The `typ` header without the prefix that may be left out (RFC 7515 §4.1.9), in lower case.
    pub(crate) fn typ(&self) -> Option<String> {
        let typ = self.header.typ.as_deref()?.to_ascii_lowercase();
        Some(match typ.strip_prefix("application/") {
            Some(short) => short.to_owned(),
            None => typ,
        })
    }

    /// The payload before its signature is checked: only to find the key that must have signed it.
    ///
    /// # Errors
    /// [`JwsError::Malformed`]
    pub(crate) fn unverified<T: DeserializeOwned>(&self) -> Result<T, JwsError> {
        serde_json::from_slice(&self.payload).map_err(|_| JwsError::Malformed)
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`JwsError::Algorithm`], [`JwsError::Signature`].
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), JwsError> {
        let mut algorithms = key.algorithms.iter().copied();
        let named = algorithms.find(|algorithm| name(*algorithm) == self.header.alg);
        let algorithm = named.ok_or(JwsError::Algorithm)?;
        let signed = self.signed.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, signed, &key.decoding, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(JwsError::Signature),
        }
    }
}

/// A public key with the algorithms that it is used with: one, unless its owner leaves the choice.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey {
    pub(crate) kid: Option<String>,
    algorithms: Vec<Algorithm>,
    /// Whether its `alg` names the algorithm.
    pinned: bool,
    decoding: DecodingKey,
}

/// What RSA keys can be used with; other types have one algorithm for each curve.
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Why a JWK cannot be used to verify signatures.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyRefused(pub(crate) &'static str);

impl PublicKey {
    /// Reads a JWK (RFC 7517). Its algorithm is its `alg`, or follows from its type and curve; a key for encryption, a
    /// symmetric key and one with private members are refused.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn from_jwk(json: &serde_json::Value) -> Result<PublicKey, KeyRefused> {
        const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if PRIVATE.iter().any(|member| json.get(member).is_some()) {
            return Err(KeyRefused("holds a private or symmetric key"));
        }
        if json.get("use").is_some_and(|used| used != "sig") {
            return Err(KeyRefused("is not for signatures (use)"));
        }
        let jwk: Jwk = serde_json::from_value(json.clone()).map_err(|_| KeyRefused("is no JWK"))?;
        let natural = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let modulus = URL_SAFE_NO_PAD.decode(&rsa.n);
                let bytes = modulus.map_or(0, |n| n.iter().skip_while(|b| **b == 0).count());
                if !(256..=1024).contains(&bytes) {
                    return Err(KeyRefused("is no RSA key of 2048 to 8192 bits"));
                }
                Algorithm::RS256
            }
            AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
                EllipticCurve::P256 => Algorithm::ES256,
                EllipticCurve::P384 => Algorithm::ES384,
                _ => return Err(KeyRefused("has a curve that is not supported")),
            },
            AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            _ => return Err(KeyRefused("is of a type that is not supported")),
        };
        let algorithm = match json.get("alg") {
            None => natural,
            Some(alg) => {
                let named = alg.as_str().and_then(algorithm);
                let fits = |named: &Algorithm| {
                    *named == natural || natural == Algorithm::RS256 && RSA.contains(named)
                };
                named
                    .filter(fits)
                    .ok_or(KeyRefused("has an alg that is not supported for its type"))?
            }
        };
        let decoding =
            DecodingKey::from_jwk(&jwk).map_err(|_| KeyRefused("cannot be read as a key"))?;
        Ok(PublicKey {
            kid: jwk.common.key_id,
            algorithms: vec![algorithm],
            pinned: json.get("alg").is_some(),
            decoding,
        })
    }

    /// The same key with another algorithm of its kind: RSA keys leave a choice, which a client's registration makes.
    pub(crate) fn with_algorithm(mut self, algorithm: Algorithm) -> Option<PublicKey> {
        let fits = self.algorithms.contains(&algorithm)
            || self.algorithms == [Algorithm::RS256] && RSA.contains(&algorithm);
        self.algorithms = vec![algorithm];
        fits.then_some(self)
    }

    /// The same key with every algorithm of its type, unless its own `alg` names one: for a client that may sign with
    /// whatever the metadata document offers, as its registration does not choose.
    pub(crate) fn with_every_algorithm(mut self) -> PublicKey {
        if !self.pinned && self.algorithms == [Algorithm::RS256] {
            self.algorithms = RSA.to_vec();
        }
        self
    }
}

/// Algorithms that signatures may be made with: asymmetric ones only. With an HMAC whoever can verify could sign.
pub(crate) const ALGORITHMS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// The algorithm with a name of [`ALGORITHMS`].
pub(crate) fn algorithm(named: &str) -> Option<Algorithm> {
    if !ALGORITHMS.contains(&named) {
        return None;
    }
    named.parse().ok()
}

/// The name of an algorithm in `alg`.
pub(crate) fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::RS384 => "RS384",
        Algorithm::RS512 => "RS512",
        Algorithm::PS256 => "PS256",
        Algorithm::PS384 => "PS384",
        Algorithm::PS512 => "PS512",
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        Algorithm::EdDSA => "EdDSA",
        // No key here has such an algorithm, and no token can name this one.
        _ => "",
    }
}
