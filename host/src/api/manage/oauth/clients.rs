//! `…/global-config/clients`

use serde_json::{Map, Value};

use super::super::collection::{self, Collection, Put, Route};
use super::super::rows::{self, Remaining, Row};
use super::super::scripts::compare;
use super::super::{created, deleted};
use super::{Form, ids_are_generated};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::api::oauth::registration::{self, Metadata};
use crate::auth::NoRandomness;
use crate::auth::privilege::Endpoint;
use crate::documents::Members;
use crate::oauth::audit;
use crate::oauth::client::{AuthMethod, Client, ClientSecret};
use crate::store::{Expect, Kind, Object, Write};

type Asked<'a> = collection::Asked<'a, Form>;

pub(in crate::api::manage) struct Clients;

impl Collection for Clients {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = Endpoint::Clients;
    const PATH: &'static str = "global-config/clients";
    const ROUTES: &'static [Route<Form>] = &[(Version(1, 0), (Form, "resource=1.0"))];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::Client, id).await
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!("There is no client {id}"))
    }

    fn revision(found: &Object) -> String {
        found.revision.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        let filter = rows::filter(asked.call)?;
        let mut found = Vec::new();
        for object in asked.objects(Kind::Client).await? {
            let row = Row {
                id: object.key.clone(),
                revision: Some(Self::revision(&object)),
                members: registration::written(&read(&object)?),
            };
            if rows::holds(&filter, &row, &|row, name, operator, value| {
                Ok(compare(&row.members, name, operator, value))
            })? {
                found.push(row);
            }
        }
        rows::answer(asked.call, asked.served, found, Remaining::Counted)
    }

    async fn read(asked: &Asked<'_>, _: &str, found: Object) -> Result<Answer, ApiError> {
        shown(asked, &found, None)
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        if id.is_some() {
            return Err(ids_are_generated());
        }
        let (client, secret) = checked(asked).await?.into_client().map_err(no_randomness)?;
        let write = Write::Put(Expect::Absent, client.draft());
        asked.commit("client created", vec![write]).await?;
        audit::administered("client.created", &asked.author(), &client.id);
        let object = there(asked, &client.id).await?;
        let answer = shown(asked, &object, secret)?;
        Ok(created(
            asked.app,
            asked.call,
            Self::PATH,
            &client.id,
            answer,
        ))
    }

    async fn update(asked: &Asked<'_>, _: &str, found: Object, _: Put) -> Result<Answer, ApiError> {
        let mut client = read(&found)?;
        let metadata = checked(asked).await?;
        let secret = metadata.update(&mut client).map_err(no_randomness)?;
        put(asked, &found, &client, "client changed").await?;
        shown(asked, &there(asked, &client.id).await?, secret)
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        may_change(asked, &found).await?;
        let write = Write::Delete {
            kind: Kind::Client,
            realm: asked.call.realm.key.clone(),
            key: found.key.clone(),
        };
        // The store revokes the client's tokens in the same transaction.
        asked
            .commit_to(Kind::Client, &found, "client deleted", vec![write])
            .await?;
        asked.app.oauth.take_over_revocations().await?;
        audit::administered("client.deleted", &asked.author(), &found.key);
        Ok(deleted(asked.call, asked.served, id))
    }

    async fn act(asked: &Asked<'_>, action: &str, id: Option<&str>) -> Result<Answer, ApiError> {
        let (Some(id), "rotateSecret") = (id, action) else {
            return Err(ApiError::not_implemented(
                "A client has one action: rotateSecret",
            ));
        };
        let found = Self::find(asked, id).await?;
        let found = found.ok_or_else(|| ApiError::not_found(format!("There is no client {id}")))?;
        let mut client = read(&found)?;
        if client.method == AuthMethod::PrivateKeyJwt {
            return Err(ApiError::bad_request(
                "The client proves itself by assertions and has no secret",
            ));
        }
        let body = asked.call.json()?;
        let (secret, told) = match body.get("client_secret").and_then(Value::as_str) {
            Some(given) => {
                let secret = ClientSecret::import(given);
                let secret = secret.map_err(|why| super::refused("client_secret", why))?;
                (secret, false)
            }
            None => (ClientSecret::generate().map_err(no_randomness)?, true),
        };
        client.set_secret(Some(&secret));
        put(asked, &found, &client, "client secret rotated").await?;
        audit::administered("client.secret", &asked.author(), &client.id);
        let object = there(asked, &client.id).await?;
        shown(asked, &object, told.then_some(secret))
    }

    fn patch_refused(_: &Asked<'_>) -> ApiError {
        ApiError::not_implemented("A client is changed as a whole, by PUT")
    }
}

/// What was sent, as far as the caller may ask for it.
async fn checked(asked: &Asked<'_>) -> Result<Metadata, ApiError> {
    let mut body = asked.call.members()?;
    // What reading shows may come back unchanged.
    for shown in ["_id", "_rev", "client_id", "client_id_issued_at"] {
        body.remove(shown);
    }
    let registry = asked.registry().await?;
    let names = &asked.app.oauth.audience_names;
    let metadata = Metadata::read(&Value::Object(body), &registry, names)?;
    let given = metadata.role.as_slice();
    asked.may_give(&registry, Asked::permitted(&registry, given))?;
    Ok(metadata)
}

/// Whoever may not give a role may neither end a client that has it, nor take it over by giving it a secret or keys of
/// their own.
async fn may_change(asked: &Asked<'_>, there: &Object) -> Result<(), ApiError> {
    let registry = asked.registry().await?;
    let held = read(there)?.role;
    asked.may_give(&registry, Asked::permitted(&registry, held.as_slice()))
}

async fn put(
    asked: &Asked<'_>,
    there: &Object,
    client: &Client,
    summary: &str,
) -> Result<(), ApiError> {
    may_change(asked, there).await?;
    let write = Write::Put(Expect::Present, client.draft());
    asked
        .commit_to(Kind::Client, there, summary, vec![write])
        .await?;
    audit::administered("client.changed", &asked.author(), &client.id);
    Ok(())
}

async fn there(asked: &Asked<'_>, id: &str) -> Result<Object, ApiError> {
    let found = asked.object(Kind::Client, id).await?;
    found.ok_or_else(|| ApiError::not_found(format!("There is no client {id}")))
}

fn read(object: &Object) -> Result<Client, ApiError> {
    Client::read(object)
        .ok_or_else(|| ApiError::internal(format!("the client {} cannot be read", object.key)))
}

/// A client as it is shown; its secret only in the answer that made it.
fn shown(
    asked: &Asked<'_>,
    object: &Object,
    secret: Option<ClientSecret>,
) -> Result<Answer, ApiError> {
    let mut members: Members = registration::written(&read(object)?);
    if let Some(secret) = secret {
        let mut told = Map::new();
        told.insert("client_secret".into(), secret.reveal().into());
        told.insert("client_secret_expires_at".into(), 0.into());
        members.extend(told);
    }
    let revision = Some(object.revision.to_string());
    Ok(asked.single(&object.key, revision, members))
}

fn no_randomness(_: NoRandomness) -> ApiError {
    ApiError::internal("the system gave no randomness")
}
