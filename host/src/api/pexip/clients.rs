//! OAuth 2 clients: a name and a role. A new client's private key is shown in the answer that makes it, and is nowhere
//! else from then on (seed 003).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::caller::Administrator;
use super::error::Refusal;
use super::fields::{Change, Fields};
use super::registered::{Administered, Said};
use super::resource::Resource;
use super::roles;
use crate::keys::Algorithm;
use crate::oauth::client::{AuthMethod, Client, Grant, NewClient};
use crate::oauth::name::Name;
use crate::oauth::permission::Permission;
use crate::oauth::registry::Registry;
use crate::oauth::role::RoleId;
use crate::oauth::scope::Scopes;
use crate::store::tokens::Revoke;

impl Administered for Client {
    const RESOURCE: Resource = Resource::Client;
    const VIEW: Permission = Permission::ViewClients;
    const CHANGE: Permission = Permission::ChangeClients;

    fn all(registry: &Registry) -> Vec<&Client> {
        registry.clients().into_iter().map(AsRef::as_ref).collect()
    }

    fn find<'a>(registry: &'a Registry, id: &str) -> Option<&'a Client> {
        registry.client(id).map(AsRef::as_ref)
    }

    fn said(
        administrator: &Administrator,
        before: Option<Client>,
        mut fields: Fields,
        change: Change,
    ) -> Result<Said<Client>, Refusal> {
        let registry = &administrator.registry;
        let (name, role) = match &before {
            Some(before) => (before.name.clone(), before.role),
            None => (Name::default(), None),
        };
        let name = fields.name("client_name", change, name);
        let role = match fields.take("role") {
            Some(value) => fields.reference("role", &value, |uri| roles::named(registry, uri)),
            None if change == Change::Part => role,
            None => {
                fields.fault("role", "This field is required");
                None
            }
        };
        fields.close(Resource::Client)?;
        match before {
            Some(mut client) => {
                client.name = name;
                client.role = role;
                Ok(Said::all(client))
            }
            None => made(administrator, name, role),
        }
    }

    fn object(&self) -> Value {
        json!({
            "client_id": self.id,
            "client_name": self.name,
            "role": self.role.map(|role| Resource::Role.uri(role.0)),
            "resource_uri": Resource::Client.uri(&self.id),
        })
    }

    fn tokens(&self) -> Option<Revoke<'_>> {
        Some(Revoke::Client(&self.id))
    }
}

/// A new client, and its private key.
fn made(
    administrator: &Administrator,
    name: Name,
    role: Option<RoleId>,
) -> Result<Said<Client>, Refusal> {
    let private_key = Algorithm::Es256.generate()?;
    let (_, mut jwk) = Algorithm::Es256.read(&private_key)?.public();
    jwk.insert("alg".into(), Algorithm::Es256.name().into());
    let client = Client::new(NewClient {
        name: Some(name),
        method: AuthMethod::PrivateKeyJwt,
        jwks: vec![Value::Object(jwk)],
        signing_alg: Some(Algorithm::Es256.name().into()),
        grants: vec![Grant::ClientCredentials],
        role,
        scope: Scopes::full().text(&administrator.app.oauth.audience_names),
        lifetime: None,
    })?;
    let told = Map::from_iter([("private_key_jwt".to_owned(), pem(&private_key).into())]);
    Ok(Said {
        registered: client,
        told,
    })
}

/// A private key as people keep it (RFC 7468 §10).
fn pem(pkcs8: &[u8]) -> String {
    let text = STANDARD.encode(pkcs8);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}
