//! JWTs made by hand, good ones and bad ones, and the keys for them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::Place;

/// A key pair.
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) private: EncodingKey,
    /// The public key.
    pub(crate) jwk: Value,
}

fn pem(der: &[u8]) -> String {
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    )
}

impl Key {
    pub(crate) fn ec() -> Key {
        use aws_lc_rs::rand::SystemRandom;
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Key::read(Algorithm::ES256, der.as_ref())
    }

    fn read(algorithm: Algorithm, der: &[u8]) -> Key {
        let private = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem(der).as_bytes()).unwrap(),
            _ => EncodingKey::from_rsa_pem(pem(der).as_bytes()).unwrap(),
        };
        let jwk = Jwk::from_encoding_key(&private, algorithm).unwrap();
        Key {
            algorithm,
            private,
            jwk: serde_json::to_value(jwk).unwrap(),
        }
    }

    /// A key of the server that signs access tokens, as a backup holds it.
    pub(crate) fn of_server(place: &Place, ring: &str) -> Key {
        let exported = place.command(&["export", "--with-credentials"]);
        let exported: Value = serde_json::from_str(&exported).unwrap();
        let (secret, current) = find(&exported, ring).unwrap();
        let private: Value = serde_json::from_str(&secret).unwrap();
        let der = URL_SAFE_NO_PAD
            .decode(private[&current].as_str().unwrap())
            .unwrap();
        let algorithm = if ring == "tokens-es256" {
            Algorithm::ES256
        } else {
            Algorithm::RS256
        };
        let mut key = Key::read(algorithm, &der);
        key.jwk["kid"] = current.into();
        key
    }

    pub(crate) fn kid(&self) -> &str {
        self.jwk["kid"].as_str().unwrap_or_default()
    }

    /// Signs exactly this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &self.private, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

/// The secret and the current key's name of a ring in an export.
fn find(exported: &Value, ring: &str) -> Option<(String, String)> {
    let rings = exported["keyRings"].as_array()?;
    let found = rings
        .iter()
        .find(|candidate| candidate["_store"]["name"] == ring)?;
    let secret = found["_store"]["secret"].as_str()?.to_owned();
    let keys = found["keys"].as_array()?;
    let current = keys.iter().find(|key| key["stage"] == "current")?;
    Some((secret, current["kid"].as_str()?.to_owned()))
}

/// Header and claims before their signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

/// Header or claims with some members changed; `null` removes one.
pub(crate) fn changed(base: &Value, changes: Value) -> Value {
    let mut value = base.clone();
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => drop(value.as_object_mut().unwrap().remove(name)),
            other => value[name] = other.clone(),
        }
    }
    value
}

/// Claims of an assertion that is good.
pub(crate) fn assertion_claims(id: &str, audience: &str, jti: &str) -> Value {
    json!({
        "iss": id, "sub": id, "aud": audience, "jti": jti, "iat": now(), "exp": now() + 60,
    })
}
