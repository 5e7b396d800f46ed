//! `DELETE /_security/oauth2/token`: ends one token, or all of a user or of a realm; the answer counts.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::super::oauth::error::answer;
use super::super::oauth::spelling::is_misspelled;
use super::body::Members;
use super::caller::{Authenticated, TokenManager};
use super::error::Refusal;
use super::identity::REALM;
use crate::oauth::{audit, refresh};
use crate::realm::RealmPath;
use crate::store::tokens::{Revoke, Revoked};

const ACTION: &str = "cluster:admin/xpack/security/token/invalidate";
const MEMBERS: [&str; 4] = ["token", "refresh_token", "realm_name", "username"];

/// Answers an invalidation.
pub(super) async fn invalidate(
    caller: Authenticated,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    let manager = caller.manages_tokens(ACTION)?;
    let members = Members::read(request, &MEMBERS).await?;
    let given = |name| members.text(name).filter(|text| !text.is_empty());
    let (token, refresh) = (given("token"), given("refresh_token"));
    let (realm, username) = (given("realm_name"), given("username"));
    match (token, refresh, realm.or(username)) {
        (Some(token), None, None) => {
            let jti = manager.app.oauth.own_token(token);
            one(&manager, jti.as_deref().map(Revoke::Access)).await
        }
        (None, Some(token), None) => {
            let hash = refresh::hash(token);
            one(&manager, Some(Revoke::Refresh(&hash))).await
        }
        (None, None, Some(_)) => {
            // Users of the root realm are all that there is; other realms have no tokens.
            let mut known = realm.is_none_or(|realm| realm == REALM);
            if let Some(name) = username {
                known = known && !is_misspelled(&manager.app, name).await?;
            }
            let root = RealmPath::root().key();
            let user = username.map(str::to_lowercase);
            let which = match &user {
                Some(user) => Revoke::User(&root, user),
                None => Revoke::Realm(&root),
            };
            let revoked = match known {
                true => revoke(&manager, which).await?,
                false => Revoked::default(),
            };
            Ok(counts(StatusCode::OK, revoked))
        }
        (None, None, None) => Err(Refusal::illegal(
            "one of [token, refresh_token, realm_name, username] is needed",
        )),
        _ => Err(Refusal::illegal(
            "only one of [token, refresh_token] is allowed, and neither together with [realm_name, username]",
        )),
    }
}

/// Ends one token; 404 for one that there is not.
async fn one(manager: &TokenManager, which: Option<Revoke<'_>>) -> Result<Response<Body>, Refusal> {
    let revoked = match which {
        Some(which) => revoke(manager, which).await?,
        None => Revoked::default(),
    };
    let status = if revoked == Revoked::default() {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::OK
    };
    Ok(counts(status, revoked))
}

async fn revoke(manager: &TokenManager, which: Revoke<'_>) -> Result<Revoked, Refusal> {
    let id = manager.id();
    let about: audit::About<'_> = manager.about(&id, "");
    Ok(manager.app.oauth.revoke(which, about, manager.now).await?)
}

fn counts(status: StatusCode, revoked: Revoked) -> Response<Body> {
    let body = json!({
        "invalidated_tokens": revoked.now,
        "previously_invalidated_tokens": revoked.before,
        "error_count": 0,
    });
    answer(status, &body)
}
