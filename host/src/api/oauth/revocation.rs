//! `POST /connect/revocation` (RFC 7009): ends a token before its time. One that is not known, or not good any more, is
//! ended already.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, header};

use super::client::ClientRequest;
use super::error::OauthError;
use super::introspect::Viewer;
use crate::app::App;
use crate::oauth::audit;
use crate::oauth::refresh;
use crate::oauth::verify::{TokenError, TokenSubject};
use crate::store::tokens::Revoke;

/// Answers a revocation. A refresh token takes all of its family with it; an access token goes alone.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    request: ClientRequest,
) -> Result<Response<Body>, OauthError> {
    let token = request.form.required("token")?;
    let about = audit::About {
        client: &request.client.id,
        address: Some(request.address),
        ..audit::About::default()
    };
    match app.oauth.verify(token, request.now).await {
        Ok(access) if matches!(access.subject, TokenSubject::Own(_)) => {
            owned(&request, &access.client)?;
            let about = audit::About {
                jti: &access.jti,
                ..about
            };
            let which = Revoke::Access(&access.jti);
            app.oauth.revoke(which, about, request.now).await?;
        }
        Err(TokenError::Store(error)) => return Err(error.into()),
        // Another issuer's tokens are not ours to end, and whatever else it is, it may be a refresh token.
        Ok(_) | Err(_) => {
            if let Some(row) = app.oauth.refresh_row_of(&refresh::hash(token)).await? {
                owned(&request, &row.client)?;
                let which = Revoke::Family(&row.family);
                app.oauth.revoke(which, about, request.now).await?;
            }
        }
    }
    let mut response = Response::new(Body::empty());
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// RFC 7009 §2.1: a token that was issued to another client is not ended, and the caller is told so.
fn owned(request: &ClientRequest, client: &str) -> Result<(), OauthError> {
    if Viewer::client(request).may_see(client) {
        Ok(())
    } else {
        Err(OauthError::refused(
            "unauthorized_client",
            "The token was issued to another client",
        ))
    }
}
