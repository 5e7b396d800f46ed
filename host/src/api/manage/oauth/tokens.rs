//! `…/global-config/tokens`: tokens that are good now.

use serde_json::{Value, json};

use super::super::collection::{Collection, Put, Route};
use super::super::deleted;
use super::super::rows::{self, Row};
use super::{Asked, Form, ROUTES, refused};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::clock;
use crate::documents::Members;
use crate::limits::TOKENS_LISTED;
use crate::oauth::audit;
use crate::oauth::registry::Registry;
use crate::oauth::token::TokenBody;
use crate::realm::RealmPath;
use crate::store::tokens::{AccessRow, Revoke};

pub(super) struct Tokens;

impl Collection for Tokens {
    type Form = Form;
    type Found = AccessRow;

    const ENDPOINT: Endpoint = Endpoint::Clients;
    const PATH: &'static str = "global-config/tokens";
    const ROUTES: &'static [Route<Form>] = &ROUTES;

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<AccessRow>, ApiError> {
        let found = asked.app.store.access_token(id).await?;
        let good = |row: &AccessRow| row.revoked.is_none() && row.expires > asked.call.now;
        Ok(found.filter(good))
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!("There is no token {id} that is good now"))
    }

    fn revision(found: &AccessRow) -> String {
        found.issued.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        let registry = asked.registry().await?;
        let tokens = asked
            .app
            .store
            .active_tokens(asked.call.now, "", TOKENS_LISTED)
            .await?;
        let rows = tokens.into_iter().map(|token| Row {
            members: written(&token, &registry),
            revision: Some(Self::revision(&token)),
            id: token.jti,
        });
        rows::listed(asked.call, asked.served, rows.collect())
    }

    async fn read(asked: &Asked<'_>, id: &str, found: AccessRow) -> Result<Answer, ApiError> {
        let registry = asked.registry().await?;
        let revision = Some(Self::revision(&found));
        Ok(asked.single(id, revision, written(&found, &registry)))
    }

    async fn create(_: &Asked<'_>, _: Option<&str>) -> Result<Answer, ApiError> {
        Err(issued_elsewhere())
    }

    async fn update(_: &Asked<'_>, _: &str, _: AccessRow, _: Put) -> Result<Answer, ApiError> {
        Err(issued_elsewhere())
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: AccessRow) -> Result<Answer, ApiError> {
        revoke(asked, Revoke::Access(&found.jti)).await?;
        Ok(deleted(asked.call, asked.served, id))
    }

    async fn act(asked: &Asked<'_>, action: &str, id: Option<&str>) -> Result<Answer, ApiError> {
        if action != "revoke" || id.is_some() {
            return Err(ApiError::not_implemented(
                "The collection has one action: revoke",
            ));
        }
        let body = asked.call.members()?;
        let text = |member: &str| body.get(member).and_then(Value::as_str);
        let revoked = match (text("client_id"), text("realm"), text("user")) {
            (Some(client), None, None) => revoke(asked, Revoke::Client(client)).await?,
            (None, Some(realm), Some(user)) => {
                let realm = RealmPath::parse(realm)
                    .ok_or_else(|| refused("realm", "is no path of a realm"))?;
                let (realm, user) = (realm.key(), user.to_lowercase());
                revoke(asked, Revoke::User(&realm, &user)).await?
            }
            _ => {
                return Err(ApiError::bad_request(
                    "Either client_id, or realm and user, say whose tokens are revoked",
                ));
            }
        };
        Ok(Answer::value(asked.served, json!({"revoked": revoked})))
    }
}

async fn revoke(asked: &Asked<'_>, which: Revoke<'_>) -> Result<u64, ApiError> {
    let author = asked.author();
    let about = audit::About {
        client: &author,
        address: Some(asked.call.peer),
        ..audit::About::default()
    };
    let revoked = asked.app.oauth.revoke(which, about, asked.call.now).await?;
    Ok(revoked.now)
}

fn issued_elsewhere() -> ApiError {
    ApiError::not_implemented("Tokens are issued at /connect/token")
}

/// A token as it is listed: nothing of it opens anything.
fn written(token: &AccessRow, registry: &Registry) -> Members {
    let client = registry.client(&token.client);
    let mut members = Members::new();
    members.insert("client_id".into(), token.client.as_str().into());
    if let Some(client) = client {
        let permissions = registry.permissions(client.role).codenames();
        members.insert("client_name".into(), client.name.to_string().into());
        members.insert("permissions".into(), permissions.into());
    }
    if let Ok(body) = serde_json::from_str::<TokenBody>(&token.body) {
        members.insert("sub".into(), body.sub.into());
        members.insert("aud".into(), body.audiences.into());
        members.insert("scope".into(), body.scope.into());
        members.insert("grant".into(), body.grant.into());
    }
    let instant = clock::millis_text;
    members.insert("issued".into(), instant(token.issued).into());
    members.insert("expires".into(), instant(token.expires).into());
    members
}
