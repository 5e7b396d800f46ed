//! OAuth 2 clients: programs that call the server as themselves.
//!
//! INVARIANT: ids and secrets are made here, from letters, digits, `-` and `_` only, so that clients which form-encode
//! Basic credentials (RFC 6749 §2.3.1) and clients which do not send the same bytes; and an id is never chosen by
//! whoever registers, so no client can take the name of a user or of another client (RFC 9700 §4.15).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::jws::{self, PublicKey};
use super::name::Name;
use super::permission::Permissions;
use super::registered::{Registered, document};
use super::registry::Registry;
use super::role::RoleId;
use super::secret::{ClientSecret, SecretHash};
use crate::auth::NoRandomness;
use crate::store::{Draft, Kind, Object, Stamp};

const ID_RANDOM_BYTES: usize = 16;

/// How a client proves itself (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthMethod {
    /// A secret in the Authorization header, or in the body: clients differ from their registration here so often that
    /// either is taken from both (tokens specification, seed 000).
    #[serde(rename = "client_secret_basic")]
    SecretBasic,
    #[serde(rename = "client_secret_post")]
    SecretPost,
    /// An assertion signed with the client's private key (RFC 7523, OpenID Connect Core §9).
    #[serde(rename = "private_key_jwt")]
    PrivateKeyJwt,
}

impl AuthMethod {
    pub(crate) const ALL: [AuthMethod; 3] = [
        AuthMethod::SecretBasic,
        AuthMethod::SecretPost,
        AuthMethod::PrivateKeyJwt,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            AuthMethod::SecretBasic => "client_secret_basic",
            AuthMethod::SecretPost => "client_secret_post",
            AuthMethod::PrivateKeyJwt => "private_key_jwt",
        }
    }

    pub(crate) fn named(name: &str) -> Option<AuthMethod> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// What a client may ask tokens with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Grant {
    #[serde(rename = "client_credentials")]
    ClientCredentials,
}

impl Grant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Grant::ClientCredentials => "client_credentials",
        }
    }
}

/// A client as it is administered.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) name: Name,
    pub(crate) method: AuthMethod,
    /// Whether the client is served at all.
    pub(crate) enabled: bool,
    /// Public keys as JWKs, for `private_key_jwt`.
    pub(crate) jwks: Vec<Value>,
    /// `token_endpoint_auth_signing_alg`: the only algorithm of its assertions; without one each key's own, or any of its
    /// type where the key names none.
    pub(crate) signing_alg: Option<String>,
    pub(crate) grants: Vec<Grant>,
    /// What it may do; without a role nothing.
    pub(crate) role: Option<RoleId>,
    /// The scopes that it may ask for, by name.
    pub(crate) scope: String,
    /// Life of its access tokens in seconds; the server's setting where it has none of its own.
    pub(crate) lifetime: Option<u32>,
    secret: Option<SecretHash>,
    /// Who registered and changed it; none before it is stored.
    pub(crate) stamp: Option<Stamp>,
    keys: Vec<PublicKey>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    method: AuthMethod,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    jwks: Vec<Value>,
    #[serde(default)]
    signing_alg: Option<String>,
    grants: Vec<Grant>,
    role: Option<RoleId>,
    scope: String,
    #[serde(default)]
    lifetime: Option<u32>,
}

fn yes() -> bool {
    true
}

/// What a new client is made of.
pub(crate) struct NewClient {
    /// Its id where it has no name.
    pub(crate) name: Option<Name>,
    pub(crate) method: AuthMethod,
    pub(crate) jwks: Vec<Value>,
    pub(crate) signing_alg: Option<String>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) role: Option<RoleId>,
    pub(crate) scope: String,
    pub(crate) lifetime: Option<u32>,
}

impl Client {
    /// A client with a new id, and no secret yet.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(crate) fn new(new: NewClient) -> Result<Client, NoRandomness> {
        let mut random = [0; ID_RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|_| NoRandomness)?;
        let keys = public_keys(&new.jwks, new.signing_alg.as_deref());
        let id = hex::encode(random);
        Ok(Client {
            name: new.name.unwrap_or_else(|| Name::known(&id)),
            id,
            method: new.method,
            enabled: true,
            jwks: new.jwks,
            signing_alg: new.signing_alg,
            grants: new.grants,
            role: new.role,
            scope: new.scope,
            lifetime: new.lifetime,
            secret: None,
            stamp: None,
            keys,
        })
    }

    /// Replaces the keys, and the algorithm that assertions must be signed with.
    pub(crate) fn set_keys(&mut self, jwks: Vec<Value>, signing_alg: Option<String>) {
        self.keys = public_keys(&jwks, signing_alg.as_deref());
        self.jwks = jwks;
        self.signing_alg = signing_alg;
    }

    /// Replaces the secret.
    pub(crate) fn set_secret(&mut self, secret: Option<&ClientSecret>) {
        self.secret = secret.map(|secret| SecretHash::of(secret.reveal()));
    }

    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// The keys that its assertions may be signed with.
    pub(crate) fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Whether one of these texts is the client's secret. All of them are always compared, in constant time; a client
    /// without a secret, or none at all, takes as long.
    pub(crate) fn is_secret(client: Option<&Client>, candidates: &[&str]) -> bool {
        let nobody = SecretHash::NOBODY;
        let known = client.and_then(|client| client.secret.as_ref());
        let expected = known.unwrap_or(&nobody);
        let mut same = false;
        for candidate in candidates {
            same |= expected.is_of(candidate);
        }
        same && known.is_some()
    }
}

impl Registered for Client {
    const KIND: Kind = Kind::Client;
    const AUDITED: &'static str = "client";

    fn read(object: &Object) -> Option<Self> {
        let body: Body = serde_json::from_str(&object.body).ok()?;
        let secret = match object.secret.as_deref() {
            None => None,
            Some(stored) => Some(SecretHash::read(stored)?),
        };
        let keys = public_keys(&body.jwks, body.signing_alg.as_deref());
        Some(Client {
            id: object.key.clone(),
            name: Name::known(&object.name),
            method: body.method,
            enabled: body.enabled,
            jwks: body.jwks,
            signing_alg: body.signing_alg,
            grants: body.grants,
            role: body.role,
            scope: body.scope,
            lifetime: body.lifetime,
            secret,
            stamp: Some(object.stamp.clone()),
            keys,
        })
    }

    fn draft(&self) -> Draft {
        let body = Body {
            method: self.method,
            enabled: self.enabled,
            jwks: self.jwks.clone(),
            signing_alg: self.signing_alg.clone(),
            grants: self.grants.clone(),
            role: self.role,
            scope: self.scope.clone(),
            lifetime: self.lifetime,
        };
        Draft {
            secret: self.secret.as_ref().map(SecretHash::text),
            // Names of clients are for people and need not be unique.
            ..document((Self::KIND, self.key()), (&self.name, self.key()), &body)
        }
    }

    fn key(&self) -> String {
        self.id.clone()
    }

    fn permits(&self, registry: &Registry) -> Permissions {
        registry.permitted(self.role.as_slice())
    }

    fn roles(&self) -> &[RoleId] {
        self.role.as_slice()
    }
}

/// JWKs that cannot be used were refused at registration; what a later version wrote and this one cannot use is left out.
fn public_keys(jwks: &[Value], signing_alg: Option<&str>) -> Vec<PublicKey> {
    let algorithm = signing_alg.and_then(jws::algorithm);
    jwks.iter()
        .filter_map(|jwk| PublicKey::from_jwk(jwk).ok())
        .filter_map(|key| match algorithm {
            Some(algorithm) => key.with_algorithm(algorithm),
            None => Some(key.with_every_algorithm()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn client() -> Client {
        Client::new(NewClient {
            name: Some(Name::known("Café")),
            method: AuthMethod::SecretBasic,
            jwks: vec![],
            signing_alg: None,
            grants: vec![Grant::ClientCredentials],
            role: Some(RoleId::READ_ONLY),
            scope: "policyserver.management".into(),
            lifetime: Some(60),
        })
        .unwrap()
    }

    fn stored(draft: Draft) -> Object {
        Object {
            key: draft.key,
            name_key: draft.name_key,
            name: draft.name,
            owner: draft.owner,
            body: draft.body,
            secret: draft.secret,
            stamp: Stamp {
                created_by: "a".into(),
                created_at: 1,
                modified_by: "b".into(),
                modified_at: 2,
            },
            revision: 3,
        }
    }

    #[test]
    fn a_secret_is_known_by_its_hash_alone() {
        let mut client = client();
        assert!(!Client::is_secret(Some(&client), &[""]));
        let secret = ClientSecret::generate().unwrap();
        client.set_secret(Some(&secret));
        let kept = stored(client.draft());
        assert!(!format!("{kept:?}").contains(secret.reveal()));
        let read = Client::read(&kept).unwrap();
        assert_eq!((&*read.name, read.lifetime), ("Café", Some(60)));
        assert!(Client::is_secret(Some(&read), &["wrong", secret.reveal()]));
        assert!(!Client::is_secret(Some(&read), &["wrong"]));
        assert!(!Client::is_secret(None, &[secret.reveal()]));
        assert!(!format!("{read:?}").contains(secret.reveal()));
        client.set_secret(None);
        assert!(!Client::is_secret(Some(&client), &[secret.reveal()]));
        let mut damaged = kept;
        damaged.secret = Some("sha256:00".into());
        assert!(
            Client::read(&damaged).is_none(),
            "never a client without its secret"
        );
    }

    #[test]
    fn ids_and_secrets_travel_unchanged() {
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let (one, other) = (client(), client());
        assert!(plain(&one.id) && one.id.len() == 32 && one.id != other.id);
        assert!(plain(ClientSecret::generate().unwrap().reveal()));
    }
}
