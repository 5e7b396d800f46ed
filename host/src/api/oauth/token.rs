//! `POST /connect/token` (alias `/token`): client credentials for an access token (RFC 6749 §4.4). No refresh token comes
//! with it, and there is no password grant here (RFC 9700 §2.4).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::client::{ClientRequest, UnprovedRequest};
use super::error::{OauthError, answer};
use crate::app::App;
use crate::oauth::audit;
use crate::oauth::client::Grant;
use crate::oauth::permission::{Audience, Permissions};
use crate::oauth::registry::TokenSettings;
use crate::oauth::scope::{Scope, Scopes};
use crate::oauth::token::{NewToken, Subject};

/// Answers a token request.
pub(crate) async fn issue(
    State(app): State<Arc<App>>,
    request: UnprovedRequest,
) -> Result<Response<Body>, OauthError> {
    issued(&app, request, |_| None).await
}

/// Answers a token request at Pexip's endpoint: how long tokens live there is a setting of Pexip's API.
pub(crate) async fn issue_at_pexip(
    State(app): State<Arc<App>>,
    request: UnprovedRequest,
) -> Result<Response<Body>, OauthError> {
    issued(&app, request, |settings| settings.expiration).await
}

async fn issued(
    app: &App,
    request: UnprovedRequest,
    expiration: impl FnOnce(&TokenSettings) -> Option<u32>,
) -> Result<Response<Body>, OauthError> {
    // What can be said without knowing the client is said first.
    let grant = request.form.required("grant_type")?;
    if grant != Grant::ClientCredentials.name() {
        return Err(OauthError::refused(
            "unsupported_grant_type",
            "Only client_credentials is supported",
        ));
    }
    let request = request.prove(app).await?;
    let granted = granted(app, &request);
    let (scopes, audiences) = granted.inspect_err(|error| {
        let about = audit::About {
            client: &request.client.id,
            grant: Grant::ClientCredentials.name(),
            address: Some(request.address),
            ..audit::About::default()
        };
        audit::refused(about, error.description());
    })?;
    let client = &request.client;
    let new = NewToken {
        client: client.id.clone(),
        subject: Subject::Client(client.id.clone()),
        audiences,
        scopes,
        lifetime: app
            .oauth
            .client_lifetime(client, expiration(&request.registry.settings)),
        grant: Grant::ClientCredentials.name(),
    };
    let issued = app.oauth.issue(&new, request.now).await?;
    let body = json!({
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "scope": new.scopes.text(&app.oauth.audience_names),
    });
    Ok(answer(StatusCode::OK, &body))
}

/// What the client asks for, exactly: nothing is silently left out.
fn granted(app: &App, request: &ClientRequest) -> Result<(Scopes, Vec<Audience>), OauthError> {
    let (client, names) = (&request.client, &app.oauth.audience_names);
    if !client.grants.contains(&Grant::ClientCredentials) {
        return Err(OauthError::refused(
            "unauthorized_client",
            "The client may not use client_credentials",
        ));
    }
    let words = client.scope.split(' ');
    let registered: Scopes = words.filter_map(|word| Scope::named(word, names)).collect();
    let permitted = request.registry.permissions(client.role);
    let asked = request.form.one("scope")?;
    let scopes = match asked {
        None => permitted_now(&registered, permitted)?,
        Some(text) => Scope::list(text, names)
            .map_err(|unknown| OauthError::invalid_scope(unknown.to_string()))?,
    };
    if scopes.is_empty() {
        return Err(OauthError::invalid_scope(
            "The client is registered for no scope",
        ));
    }
    if let Some(beyond) = scopes.beyond(&registered) {
        return Err(OauthError::invalid_scope(format!(
            "The client is not registered for {}",
            beyond.name(names)
        )));
    }
    let refused = scopes.iter().find(|scope| !may_have(*scope, permitted));
    if let Some(refused) = refused {
        return Err(OauthError::invalid_scope(format!(
            "The client's role does not permit {}",
            refused.name(names)
        )));
    }
    targets(app, request, scopes, asked.is_some())
}

fn may_have(scope: Scope, permitted: Permissions) -> bool {
    match scope {
        Scope::Permission(permission) => permitted.contains(permission),
        Scope::Audience(_) => true,
    }
}

/// What a client gets that names no scope: those of its registration that it would get by name, as its role may have
/// become narrower since.
fn permitted_now(registered: &Scopes, permitted: Permissions) -> Result<Scopes, OauthError> {
    let kept = registered
        .iter()
        .filter(|scope| may_have(*scope, permitted));
    let kept: Scopes = kept.collect();
    // INVARIANT: what is left never means more than the whole did: without the permissions that narrow it, an audience
    // alone would stand for all that the role permits.
    if kept != *registered && !registered.permissions().covers(kept.permissions()) {
        return Err(OauthError::invalid_scope(
            "The client's role permits none of the scopes that it is registered for",
        ));
    }
    Ok(kept)
}

/// Narrows the audiences to the `resource` parameters (RFC 8707), where there are any: each names an audience, by its
/// name or by the address of what it protects.
fn targets(
    app: &App,
    request: &ClientRequest,
    scopes: Scopes,
    scopes_were_asked_for: bool,
) -> Result<(Scopes, Vec<Audience>), OauthError> {
    let mut audiences = scopes.audiences();
    let mut wanted = Vec::new();
    for resource in request.form.all("resource") {
        let named = app.oauth.audience_of_resource(resource);
        let named = named.filter(|audience| audiences.contains(audience));
        wanted.push(named.ok_or_else(|| {
            OauthError::refused(
                "invalid_target",
                "The client gets no token for this resource",
            )
        })?);
    }
    if wanted.is_empty() {
        return Ok((scopes, audiences));
    }
    audiences.retain(|audience| wanted.contains(audience));
    let kept: Scopes = scopes
        .iter()
        .filter(|scope| audiences.contains(&scope.audience()))
        .collect();
    if scopes_were_asked_for && kept != scopes {
        return Err(OauthError::refused(
            "invalid_target",
            "A scope that is asked for belongs to another resource",
        ));
    }
    Ok((kept, audiences))
}
