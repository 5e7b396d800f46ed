//! `POST /connect/introspect` (RFC 7662): whether a token is good, for the client that it was issued to, and for those who
//! may see all. Clients prove themselves as at the token endpoint, or by a Bearer token (RFC 7662 §2.1).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::caller::{ApiCaller, ApiIdentity};
use super::client::{ClientRequest, UnprovedRequest};
use super::error::{OauthError, answer};
use crate::app::App;
use crate::clock::Millis;
use crate::oauth::bearer::{Bearer, BearerError};
use crate::oauth::permission::Permission;
use crate::oauth::refresh;
use crate::oauth::token::{Subject, TokenBody};
use crate::oauth::verify::{TokenError, TokenSubject};
use crate::realm::IdentityKind;

/// Answers an introspection. Whatever is wrong with the token, the answer is the same (RFC 7662 §2.2).
pub(crate) async fn introspect(
    State(app): State<Arc<App>>,
    request: UnprovedRequest,
) -> Result<Response<Body>, OauthError> {
    let (viewer, form) = match request.bearer()? {
        Some(token) => {
            let viewer = Viewer::with_token(&app, token, request.now).await?;
            (viewer, request.form)
        }
        None => {
            let request = request.prove(&app).await?;
            (Viewer::client(&request), request.form)
        }
    };
    let token = form.required("token")?;
    let known = match access_token(&app, &viewer, token).await? {
        Some(known) => Some(known),
        None => refresh_token(&app, &viewer, token).await?,
    };
    let body = known.unwrap_or_else(|| json!({"active": false}));
    Ok(answer(StatusCode::OK, &body))
}

/// Somebody who asks about tokens.
pub(super) struct Viewer {
    /// The client that the caller is; `None` for others.
    client: Option<String>,
    sees_all: bool,
    now: Millis,
}

impl Viewer {
    pub(super) fn client(request: &ClientRequest) -> Self {
        let permissions = request.registry.permissions(request.client.role);
        Viewer {
            client: Some(request.client.id.clone()),
            sees_all: permissions.contains(Permission::IntrospectAll),
            now: request.now,
        }
    }

    /// # Errors
    /// 401 for a token that is not good (RFC 6750 §3.1).
    async fn with_token(app: &App, token: &str, now: Millis) -> Result<Self, OauthError> {
        let caller = ApiCaller::by_token(app, token, now).await?;
        let client = match &caller.identity {
            ApiIdentity::Bearer(bearer) => bearer.client().map(str::to_owned),
            ApiIdentity::User(_) => None,
        };
        Ok(Viewer {
            client,
            sees_all: caller.may(Permission::IntrospectAll),
            now,
        })
    }

    /// Whether the caller may see what was issued to `client`.
    pub(super) fn may_see(&self, client: &str) -> bool {
        self.sees_all || self.client.as_deref() == Some(client)
    }
}

/// A good access token of this server that the caller may see.
async fn visible(app: &App, viewer: &Viewer, token: &str) -> Result<Option<Bearer>, OauthError> {
    let revision = app.publisher.live().revision;
    match app.oauth.bearer(token, revision, viewer.now).await {
        Ok(bearer) => {
            let own = matches!(bearer.token().subject, TokenSubject::Own(_));
            Ok(Some(bearer).filter(|bearer| own && viewer.may_see(&bearer.token().client)))
        }
        Err(BearerError::Token(TokenError::Store(error))) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

async fn access_token(
    app: &App,
    viewer: &Viewer,
    token: &str,
) -> Result<Option<Value>, OauthError> {
    let Some(bearer) = visible(app, viewer, token).await? else {
        return Ok(None);
    };
    let (token, names) = (bearer.token(), &app.oauth.audience_names);
    let audiences: Vec<&str> = token.audiences.iter().map(|a| names.name(*a)).collect();
    let (sub, user) = match &token.subject {
        TokenSubject::Own(Subject::User(user)) => (
            app.oauth
                .directory
                .universal_id(IdentityKind::User, &user.name, &user.realm),
            Some(user.name.as_str()),
        ),
        _ => (token.client.clone(), None),
    };
    let mut body = json!({
        "active": true,
        "iss": app.oauth.issuer(),
        "sub": sub,
        "aud": audiences,
        "client_id": token.client,
        "token_type": "Bearer",
        "iat": token.issued / 1000,
        "exp": token.expires / 1000,
        "jti": token.jti,
        "scope": token.scopes.text(names),
    });
    if let Some(user) = user {
        body["username"] = user.into();
    }
    Ok(Some(body))
}

async fn refresh_token(
    app: &App,
    viewer: &Viewer,
    token: &str,
) -> Result<Option<Value>, OauthError> {
    let row = app.oauth.refresh_row_of(&refresh::hash(token)).await?;
    let good = row.filter(|row| {
        row.used.is_none()
            && row.revoked.is_none()
            && row.expires > viewer.now
            && viewer.may_see(&row.client)
    });
    let described = good.and_then(|row| {
        let body: TokenBody = serde_json::from_str(&row.body).ok()?;
        Some(json!({
            "active": true,
            "iss": app.oauth.issuer(),
            "sub": body.sub,
            "aud": body.audiences,
            "client_id": row.client,
            "iat": row.issued / 1000,
            "exp": row.expires / 1000,
            "scope": body.scope,
        }))
    });
    Ok(described)
}
