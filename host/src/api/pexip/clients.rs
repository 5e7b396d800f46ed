//! OAuth 2 clients: a name and a role. A new client's private key is shown in the answer that makes it, and is nowhere
//! else from then on (seed 003).

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use super::caller::{Administrator, ApiUser};
use super::error::Refusal;
use super::fields::{Change, Fields};
use super::list::page;
use super::resource::Resource;
use super::roles;
use crate::keys::Algorithm;
use crate::oauth::client::{AuthMethod, Client, Grant, NewClient};
use crate::oauth::permission::{Permission, Permissions};
use crate::oauth::registry::Registry;
use crate::oauth::role::RoleId;
use crate::oauth::scope::Scopes;
use crate::realm::RealmPath;
use crate::store::tokens::Revoke;
use crate::store::{Expect, Kind, Write};

type Answered = Result<Response<Body>, Refusal>;

/// `GET …/oauth2_client/`
pub(super) async fn list(user: ApiUser, RawQuery(query): RawQuery) -> Answered {
    let administrator = user.with(Permission::ViewClients).await?;
    let clients = administrator.registry.clients();
    let objects = clients.into_iter().map(|client| object(client)).collect();
    page(&Resource::Client.list(), objects, query.as_deref())
}

/// `GET …/oauth2_client/{client_id}/`
pub(super) async fn read(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ViewClients).await?;
    let client = find(&administrator.registry, &id)?;
    Ok(answer(StatusCode::OK, &object(client)))
}

/// `POST …/oauth2_client/` with `client_name` and `role`: 201 with the client and its new private key.
pub(super) async fn create(user: ApiUser, fields: Fields) -> Answered {
    let administrator = user.with(Permission::ChangeClients).await?;
    let (name, role) = said(&administrator, "", None, fields, Change::Whole)?;
    let private_key = Algorithm::Es256.generate()?;
    let (_, mut jwk) = Algorithm::Es256.read(&private_key)?.public();
    jwk.insert("alg".into(), Algorithm::Es256.name().into());
    let client = Client::new(NewClient {
        name,
        method: AuthMethod::PrivateKeyJwt,
        jwks: vec![Value::Object(jwk)],
        signing_alg: Some(Algorithm::Es256.name().into()),
        grants: vec![Grant::ClientCredentials],
        role,
        scope: Scopes::full().text(&administrator.app.oauth.audience_names),
        lifetime: None,
    })?;
    let write = Write::Put(Expect::Absent, client.draft());
    administrator
        .commit("client.created", &client.id, vec![write])
        .await?;
    let mut shown = object(&client);
    if let Some(members) = shown.as_object_mut() {
        members.insert("private_key_jwt".into(), pem(&private_key).into());
    }
    Ok(created(shown))
}

/// `PUT …/oauth2_client/{client_id}/`
pub(super) async fn replace(user: ApiUser, Path(id): Path<String>, fields: Fields) -> Answered {
    update(user, &id, fields, Change::Whole).await
}

/// `PATCH …/oauth2_client/{client_id}/`
pub(super) async fn change(user: ApiUser, Path(id): Path<String>, fields: Fields) -> Answered {
    update(user, &id, fields, Change::Part).await
}

async fn update(user: ApiUser, id: &str, fields: Fields, change: Change) -> Answered {
    let administrator = user.with(Permission::ChangeClients).await?;
    let mut client = find(&administrator.registry, id)?.clone();
    administrator.gives(held(&administrator.registry, &client))?;
    let (name, role) = said(&administrator, &client.name, client.role, fields, change)?;
    client.name = name;
    client.role = role;
    let write = Write::Put(Expect::Present, client.draft());
    administrator
        .commit("client.changed", id, vec![write])
        .await?;
    Ok(answer(changed(change), &object(&client)))
}

/// `DELETE …/oauth2_client/{client_id}/`: its tokens end with it.
pub(super) async fn delete(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ChangeClients).await?;
    let client = find(&administrator.registry, &id)?;
    administrator.gives(held(&administrator.registry, client))?;
    let write = Write::Delete {
        kind: Kind::Client,
        realm: RealmPath::root().key(),
        key: client.id.clone(),
    };
    administrator
        .commit("client.deleted", &id, vec![write])
        .await?;
    administrator.revoke(Revoke::Client(&id)).await?;
    Ok(gone())
}

/// Name and role as a body has them.
fn said(
    administrator: &Administrator,
    name: &str,
    role: Option<RoleId>,
    mut fields: Fields,
    change: Change,
) -> Result<(String, Option<RoleId>), Refusal> {
    let name = fields.text("client_name", change, name);
    let registry = &administrator.registry;
    let role = match fields.take("role") {
        Some(value) => fields.reference("role", &value, |uri| roles::named(registry, uri)),
        None if change == Change::Part => role,
        None => {
            fields.fault("role", "This field is required");
            None
        }
    };
    fields.close(Resource::Client)?;
    if let Some(role) = role.and_then(|role| registry.role(role)) {
        administrator.gives(role.permissions)?;
    }
    Ok((name, role))
}

/// What a client's role permits: nobody changes or ends a client that may more than they.
fn held(registry: &Registry, client: &Client) -> Permissions {
    let role = client.role.and_then(|role| registry.role(role));
    role.map_or(Permissions::NONE, |role| role.permissions)
}

/// A client as it is shown.
fn object(client: &Client) -> Value {
    json!({
        "client_id": client.id,
        "client_name": client.name,
        "role": client.role.map(|role| Resource::Role.uri(role.0)),
        "resource_uri": Resource::Client.uri(&client.id),
    })
}

fn find<'a>(registry: &'a Registry, id: &str) -> Result<&'a Client, Refusal> {
    let client = registry.client(id);
    let client = client.ok_or_else(|| Refusal::not_found(Resource::Client, id))?;
    Ok(client)
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

/// 201 with the object and its address.
pub(super) fn created(object: Value) -> Response<Body> {
    let mut response = answer(StatusCode::CREATED, &object);
    let uri = object.get("resource_uri").and_then(Value::as_str);
    if let Some(Ok(location)) = uri.map(HeaderValue::from_str) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// What a change is answered with: Pexip accepts parts (202) and answers for the whole.
pub(super) fn changed(change: Change) -> StatusCode {
    match change {
        Change::Whole => StatusCode::OK,
        Change::Part => StatusCode::ACCEPTED,
    }
}

/// 204
pub(super) fn gone() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
