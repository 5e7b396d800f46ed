//! `POST /connect/register` (RFC 7591): an administrator registers a client.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use super::super::json_body::{self, BodyFault, Limit};
use super::super::peer::PeerAddress;
use super::caller::ApiCaller;
use super::error::{OauthError, answer};
use super::registration::{self, Metadata, MetadataFault};
use crate::app::App;
use crate::clock;
use crate::limits::{FORM_BYTES, REWRITE_ATTEMPTS};
use crate::oauth::audit;
use crate::oauth::client::Client;
use crate::oauth::permission::Permission;
use crate::oauth::registered::{BeyondTheCaller, Registered};
use crate::oauth::secret::ClientSecret;
use crate::publish::CommitError;
use crate::store::StoreError;

/// A registration, by somebody who may register clients.
pub(crate) struct Registration {
    caller: ApiCaller,
    headers: HeaderMap,
    body: Bytes,
}

impl FromRequest<Arc<App>> for Registration {
    type Rejection = OauthError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, OauthError> {
        let (head, body) = request.into_parts();
        let address = PeerAddress::of(&head.extensions).map_err(OauthError::internal)?;
        let caller = ApiCaller::require(app, &head, address, clock::now());
        let caller = caller.await?.permitted(Permission::ChangeClients)?;
        let body = json_body::bytes(body, Limit::Constant(FORM_BYTES)).await;
        Ok(Registration {
            caller,
            headers: head.headers,
            body: body.map_err(unreadable)?,
        })
    }
}

/// Registers the client.
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    request: Registration,
) -> Result<Response<Body>, OauthError> {
    json_body::check_media_type(&request.headers).map_err(unreadable)?;
    let json: Value = json_body::parse(&request.body).map_err(unreadable)?;
    let author = request.caller.name();
    let (client, secret) = made(&app, &request.caller, &author, &json).await?;
    audit::administered("client.created", &author, &client.id);
    let mut body = registration::written(&client);
    body.insert("client_id_issued_at".into(), (clock::now() / 1000).into());
    if let Some(secret) = secret {
        body.insert("client_secret".into(), secret.reveal().into());
        // 0: it does not expire (RFC 7591 §3.2.1).
        body.insert("client_secret_expires_at".into(), 0.into());
    }
    Ok(answer(StatusCode::CREATED, &Value::Object(body)))
}

/// Makes and stores what the metadata ask for, as long as the role that it gets is what it was when that was weighed.
async fn made(
    app: &App,
    caller: &ApiCaller,
    author: &str,
    json: &Value,
) -> Result<(Client, Option<ClientSecret>), OauthError> {
    for _ in 0..REWRITE_ATTEMPTS {
        let revision = app.publisher.live().revision;
        let registry = app.oauth.registries.at(revision).await?;
        let metadata = Metadata::read(json, &registry, &app.oauth.audience_names)?;
        let (client, secret) = metadata
            .into_client()
            .map_err(|_| OauthError::internal("the system gave no randomness"))?;
        registry.administers(caller.held(), &client)?;
        let summary = format!("register the client {}", client.id);
        let writes = client.creation(&registry);
        match app.publisher.commit(author, &summary, writes).await {
            Err(CommitError::Store(StoreError::Changed { .. })) => {
                app.publisher.catch_up().await?;
            }
            Err(error @ CommitError::Store(_)) => return Err(error.into()),
            // Its secret is told now or never: the client was stored, and is live here soon.
            Err(error @ (CommitError::Publish(_) | CommitError::Unread(_))) => {
                tracing::error!(%error, client = client.id, "a registered client is not live here yet");
                return Ok((client, secret));
            }
            Ok(_) => return Ok((client, secret)),
        }
    }
    Err(OauthError::contended())
}

/// What is wrong with metadata is 400 (RFC 7591 §3.2.2), the content type included.
fn unreadable(fault: BodyFault) -> OauthError {
    const CODE: &str = "invalid_client_metadata";
    match &fault {
        BodyFault::TooLarge(_) | BodyFault::TooSlow | BodyFault::Charset(_) => {
            OauthError::new(fault.status(), CODE, fault.to_string())
        }
        BodyFault::Syntax(error) | BodyFault::Trailing(error) => {
            OauthError::refused(CODE, error.to_string())
        }
        BodyFault::MediaType | BodyFault::NoObject => OauthError::refused(CODE, fault.to_string()),
    }
}

impl From<BeyondTheCaller> for OauthError {
    fn from(_: BeyondTheCaller) -> Self {
        OauthError::new(
            StatusCode::FORBIDDEN,
            "access_denied",
            "The role permits more than the caller may",
        )
    }
}

impl From<MetadataFault> for OauthError {
    fn from(fault: MetadataFault) -> Self {
        OauthError::refused("invalid_client_metadata", fault.to_string())
    }
}

impl From<CommitError> for OauthError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            CommitError::Publish(why) => OauthError::internal(why),
            CommitError::Unread(error) => error.into(),
        }
    }
}
