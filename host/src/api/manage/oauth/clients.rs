//! `…/global-config/clients`

use serde_json::Value;

use super::registrations::{self, Administered, Said};
use super::{Asked, refused};
use crate::api::answer::Answer;
use crate::api::error::ApiError;
use crate::api::oauth::registration::{self, Metadata};
use crate::auth::NoRandomness;
use crate::auth::endpoint::Endpoint;
use crate::documents::Members;
use crate::oauth::audit;
use crate::oauth::client::{AuthMethod, Client};
use crate::oauth::registry::Registry;
use crate::oauth::secret::ClientSecret;
use crate::store::Kind;

impl Administered for Client {
    const ENDPOINT: Endpoint = Endpoint::Clients;
    const PATH: &'static str = "global-config/clients";
    const NOUN: &'static str = "client";

    fn said(
        asked: &Asked<'_>,
        registry: &Registry,
        before: Option<Client>,
    ) -> Result<Said<Client>, ApiError> {
        let mut body = asked.call.members()?;
        // What reading shows may come back unchanged.
        for shown in ["_id", "_rev", "client_id", "client_id_issued_at"] {
            body.remove(shown);
        }
        let names = &asked.app.oauth.audience_names;
        let metadata = Metadata::read(&Value::Object(body), registry, names)?;
        let (client, secret) = match before {
            None => metadata.into_client().map_err(no_randomness)?,
            Some(mut client) => {
                let secret = metadata.update(&mut client).map_err(no_randomness)?;
                (client, secret)
            }
        };
        Ok(Said {
            registered: client,
            told: secret.as_ref().map(told).unwrap_or_default(),
        })
    }

    fn written(&self) -> Members {
        registration::written(self)
    }

    async fn act(asked: &Asked<'_>, action: &str, id: Option<&str>) -> Result<Answer, ApiError> {
        match (id, action) {
            (Some(id), "rotateSecret") => rotate_secret(asked, id).await,
            _ => Err(ApiError::not_implemented(
                "A client has one action: rotateSecret",
            )),
        }
    }

    fn patch_refused() -> ApiError {
        ApiError::not_implemented("A client is changed as a whole, by PUT")
    }
}

/// Gives a client another secret: the one in the body, or a new one.
async fn rotate_secret(asked: &Asked<'_>, id: &str) -> Result<Answer, ApiError> {
    let found = asked.object(Kind::Client, id).await?;
    let found = found.ok_or_else(|| registrations::missing::<Client>(id))?;
    let mut client: Client = registrations::read(&found)?;
    if client.method == AuthMethod::PrivateKeyJwt {
        return Err(ApiError::bad_request(
            "The client proves itself by assertions and has no secret",
        ));
    }
    let body = asked.call.json()?;
    let (secret, told) = match body.get("client_secret").and_then(Value::as_str) {
        Some(given) => {
            let secret = ClientSecret::import(given);
            let secret = secret.map_err(|why| refused("client_secret", why))?;
            (secret, Members::new())
        }
        None => {
            let secret = ClientSecret::generate().map_err(no_randomness)?;
            let told = told(&secret);
            (secret, told)
        }
    };
    client.set_secret(Some(&secret));
    // Whoever may not give a client's role may not take the client over either, by giving it a secret of their own.
    let registry = asked.registry().await?;
    asked.administers(&registry, &client)?;
    let answer = registrations::replace(asked, &registry, &found, &client, told).await?;
    audit::administered("client.secret", &asked.author(), &client.id);
    Ok(answer)
}

/// A secret, in the only answer that shows it.
fn told(secret: &ClientSecret) -> Members {
    let mut told = Members::new();
    told.insert("client_secret".into(), secret.reveal().into());
    // 0: it does not expire (RFC 7591 §3.2.1).
    told.insert("client_secret_expires_at".into(), 0.into());
    told
}

fn no_randomness(_: NoRandomness) -> ApiError {
    ApiError::internal("the system gave no randomness")
}
