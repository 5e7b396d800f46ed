//! Client metadata (RFC 7591 §2) as JSON: read with every fault named, written without secrets. The registration
//! endpoint, the management API and the command line share it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::auth::NoRandomness;
use crate::limits::{ACCESS_TOKEN_SECONDS, CLIENT_KEYS};
use crate::oauth::client::{AuthMethod, Client, Grant, NewClient};
use crate::oauth::jws::{self, ALGORITHMS, PublicKey};
use crate::oauth::name::Name;
use crate::oauth::registry::Registry;
use crate::oauth::role::RoleId;
use crate::oauth::scope::{AudienceNames, Scope, Scopes};
use crate::oauth::secret::ClientSecret;

/// What is wrong with client metadata: the member, and why. The code is `invalid_client_metadata`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MetadataFault {
    pub(crate) member: &'static str,
    pub(crate) why: String,
}

impl std::fmt::Display for MetadataFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/{}: {}", self.member, self.why)
    }
}

impl std::error::Error for MetadataFault {}

fn fault<T>(member: &'static str, why: impl Into<String>) -> Result<T, MetadataFault> {
    Err(MetadataFault {
        member,
        why: why.into(),
    })
}

/// What somebody wants a client to be.
pub(crate) struct Metadata {
    pub(crate) name: Option<Name>,
    pub(crate) method: AuthMethod,
    pub(crate) signing_alg: Option<String>,
    pub(crate) jwks: Vec<Value>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) scope: String,
    pub(crate) role: Option<RoleId>,
    pub(crate) lifetime: Option<u32>,
    pub(crate) enabled: bool,
    /// A secret that was made elsewhere.
    pub(crate) secret: Option<ClientSecret>,
}

impl Metadata {
    /// Reads metadata. Members that are not known are ignored (RFC 7591 §2). Our own members are `role` (number or name;
    /// without it the built-in read-write role, bounded by the scopes), `access_token_lifetime` (seconds) and `enabled`.
    ///
    /// # Errors
    /// The first [`MetadataFault`].
    pub(crate) fn read(
        json: &Value,
        registry: &Registry,
        names: &AudienceNames,
    ) -> Result<Metadata, MetadataFault> {
        let Some(json) = json.as_object() else {
            return fault("", "an object is needed");
        };
        for (member, why) in [
            ("client_id", "ids are generated"),
            ("jwks_uri", "keys are not fetched; give them in jwks"),
            (
                "software_statement",
                "software statements are not supported",
            ),
        ] {
            if json.contains_key(member) {
                return fault(member, why);
            }
        }
        let jwks = read_jwks(json)?;
        let method = match text(json, "token_endpoint_auth_method")? {
            None if !jwks.is_empty() => AuthMethod::PrivateKeyJwt,
            None => AuthMethod::SecretBasic,
            Some(name) => match AuthMethod::named(name) {
                Some(method) => method,
                None => {
                    let known = AuthMethod::ALL.map(AuthMethod::name).join(", ");
                    return fault(
                        "token_endpoint_auth_method",
                        format!("must be one of {known}"),
                    );
                }
            },
        };
        let by_keys = method == AuthMethod::PrivateKeyJwt;
        if by_keys && jwks.is_empty() {
            return fault("jwks", "private_key_jwt needs public keys");
        }
        let signing_alg = text(json, "token_endpoint_auth_signing_alg")?.map(str::to_owned);
        if let Some(named) = &signing_alg {
            check_algorithm(named, by_keys, &jwks)?;
        }
        let secret = match text(json, "client_secret")? {
            None => None,
            Some(_) if by_keys => {
                return fault("client_secret", "private_key_jwt has no secret");
            }
            Some(given) => match ClientSecret::import(given) {
                Ok(secret) => Some(secret),
                Err(why) => return fault("client_secret", why),
            },
        };
        Ok(Metadata {
            name: read_name(json)?,
            method,
            signing_alg,
            jwks,
            grants: read_grants(json)?,
            scope: read_scope(json, names)?,
            role: read_role(json, registry)?,
            lifetime: read_lifetime(json)?,
            enabled: match json.get("enabled") {
                None => true,
                Some(Value::Bool(enabled)) => *enabled,
                Some(_) => return fault("enabled", "must be true or false"),
            },
            secret,
        })
    }

    /// The client that this asks for, with a new id; and its secret, where it has one.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(crate) fn into_client(self) -> Result<(Client, Option<ClientSecret>), NoRandomness> {
        let mut client = Client::new(NewClient {
            name: self.name,
            method: self.method,
            jwks: self.jwks,
            signing_alg: self.signing_alg,
            grants: self.grants,
            role: self.role,
            scope: self.scope,
            lifetime: self.lifetime,
        })?;
        client.enabled = self.enabled;
        let secret = match (self.secret, client.method) {
            (_, AuthMethod::PrivateKeyJwt) => None,
            (Some(given), _) => Some(given),
            (None, _) => Some(ClientSecret::generate()?),
        };
        client.set_secret(secret.as_ref());
        Ok((client, secret))
    }

    /// Makes an existing client what this asks for. A secret is only replaced by a given one; a client that comes to need
    /// one and has none gets a new one, which is returned.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(crate) fn update(self, client: &mut Client) -> Result<Option<ClientSecret>, NoRandomness> {
        if let Some(name) = self.name {
            client.name = name;
        }
        client.method = self.method;
        client.enabled = self.enabled;
        client.grants = self.grants;
        client.role = self.role;
        client.scope = self.scope;
        client.lifetime = self.lifetime;
        client.set_keys(self.jwks, self.signing_alg);
        match (self.secret, client.method) {
            (_, AuthMethod::PrivateKeyJwt) => {
                client.set_secret(None);
                Ok(None)
            }
            (Some(given), _) => {
                client.set_secret(Some(&given));
                Ok(None)
            }
            (None, _) if client.has_secret() => Ok(None),
            (None, _) => {
                let made = ClientSecret::generate()?;
                client.set_secret(Some(&made));
                Ok(Some(made))
            }
        }
    }
}

/// A client's metadata, without its secret.
pub(crate) fn written(client: &Client) -> Map<String, Value> {
    let grants: Vec<&str> = client.grants.iter().map(|grant| grant.name()).collect();
    let mut json = Map::new();
    json.insert("client_id".into(), client.id.as_str().into());
    json.insert("client_name".into(), client.name.to_string().into());
    json.insert(
        "token_endpoint_auth_method".into(),
        client.method.name().into(),
    );
    if let Some(alg) = &client.signing_alg {
        json.insert(
            "token_endpoint_auth_signing_alg".into(),
            alg.as_str().into(),
        );
    }
    if !client.jwks.is_empty() {
        json.insert("jwks".into(), json!({"keys": client.jwks}));
    }
    json.insert("grant_types".into(), grants.into());
    json.insert("scope".into(), client.scope.as_str().into());
    json.insert("role".into(), client.role.map(|role| role.0).into());
    if let Some(lifetime) = client.lifetime {
        json.insert("access_token_lifetime".into(), lifetime.into());
    }
    json.insert("enabled".into(), client.enabled.into());
    if let Some(stamp) = &client.stamp {
        let issued = stamp.created_at / 1000;
        json.insert("client_id_issued_at".into(), issued.into());
    }
    json
}

fn text<'a>(
    json: &'a Map<String, Value>,
    member: &'static str,
) -> Result<Option<&'a str>, MetadataFault> {
    match json.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => fault(member, "must be a string"),
    }
}

fn read_name(json: &Map<String, Value>) -> Result<Option<Name>, MetadataFault> {
    let Some(name) = text(json, "client_name")? else {
        return Ok(None);
    };
    match Name::parse(name) {
        Ok(name) => Ok(Some(name)),
        Err(wrong) => fault("client_name", wrong.to_string()),
    }
}

fn read_jwks(json: &Map<String, Value>) -> Result<Vec<Value>, MetadataFault> {
    let jwks = match json.get("jwks") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(jwks) => jwks,
    };
    let Some(keys) = jwks.get("keys").and_then(Value::as_array) else {
        return fault("jwks", "must be a JWK set: an object with an array keys");
    };
    if keys.is_empty() || keys.len() > CLIENT_KEYS {
        return fault("jwks", format!("must hold 1 to {CLIENT_KEYS} keys"));
    }
    let mut kids = HashSet::new();
    for (n, key) in keys.iter().enumerate() {
        match PublicKey::from_jwk(key) {
            Err(refused) => return fault("jwks", format!("/keys/{n} {}", refused.0)),
            // RFC 7517 §4.5: keys of one set are told apart by it.
            Ok(PublicKey { kid: Some(kid), .. }) if !kids.insert(kid.clone()) => {
                return fault("jwks", format!("/keys/{n} has the kid of another key"));
            }
            Ok(_) => {}
        }
    }
    Ok(keys.clone())
}

fn check_algorithm(named: &str, by_keys: bool, jwks: &[Value]) -> Result<(), MetadataFault> {
    const MEMBER: &str = "token_endpoint_auth_signing_alg";
    let Some(algorithm) = jws::algorithm(named) else {
        return fault(MEMBER, format!("must be one of {}", ALGORITHMS.join(", ")));
    };
    if !by_keys {
        return fault(MEMBER, "only private_key_jwt has an algorithm");
    }
    let fits = jwks
        .iter()
        .filter_map(|jwk| PublicKey::from_jwk(jwk).ok())
        .any(|key| key.with_algorithm(algorithm).is_some());
    if fits {
        Ok(())
    } else {
        fault(MEMBER, "no key in jwks is for this algorithm")
    }
}

fn read_grants(json: &Map<String, Value>) -> Result<Vec<Grant>, MetadataFault> {
    let grants = match json.get("grant_types") {
        None | Some(Value::Null) => return Ok(vec![Grant::ClientCredentials]),
        Some(grants) => grants,
    };
    let Some(list) = grants.as_array() else {
        return fault("grant_types", "must be an array of strings");
    };
    let known = |grant: &Value| grant == Grant::ClientCredentials.name();
    if !list.iter().all(known) {
        return fault("grant_types", "may hold client_credentials only");
    }
    Ok(if list.is_empty() {
        Vec::new()
    } else {
        vec![Grant::ClientCredentials]
    })
}

fn read_scope(json: &Map<String, Value>, names: &AudienceNames) -> Result<String, MetadataFault> {
    let scopes = match text(json, "scope")? {
        None => Scopes::full(),
        Some(scope) => match Scope::list(scope, names) {
            Ok(scopes) => scopes,
            Err(unknown) => return fault("scope", unknown.to_string()),
        },
    };
    Ok(scopes.text(names))
}

fn read_role(
    json: &Map<String, Value>,
    registry: &Registry,
) -> Result<Option<RoleId>, MetadataFault> {
    let wanted = match json.get("role") {
        None => return Ok(Some(RoleId::READ_WRITE)),
        Some(Value::Null) => return Ok(None),
        Some(wanted) => wanted,
    };
    match registry.role_meant(wanted) {
        Some(role) => Ok(Some(role.id)),
        None => fault("role", "names no role, neither by number nor by name"),
    }
}

fn read_lifetime(json: &Map<String, Value>) -> Result<Option<u32>, MetadataFault> {
    const MEMBER: &str = "access_token_lifetime";
    match json.get(MEMBER) {
        None | Some(Value::Null) => Ok(None),
        Some(given) => {
            let seconds = given.as_u64().and_then(|n| u32::try_from(n).ok());
            match seconds.filter(|seconds| (1..=ACCESS_TOKEN_SECONDS).contains(seconds)) {
                Some(seconds) => Ok(Some(seconds)),
                None => fault(
                    MEMBER,
                    format!("must be 1 to {ACCESS_TOKEN_SECONDS} seconds"),
                ),
            }
        }
    }
}
