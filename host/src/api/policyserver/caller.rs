//! Who may use the two APIs: nobody without a Bearer token for the right audience. Each handler takes one of these
//! proofs as an argument, and nothing else makes them.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;

use super::super::oauth::caller::{ApiCaller, Authorization, CallerError, authorization};
use super::super::peer::PeerAddress;
use super::error::Refusal;
use crate::app::App;
use crate::clock;
use crate::oauth::permission::Permission;
use crate::policyserver::hierarchy::Hierarchy;
use crate::store::Write;

/// Somebody who administers the hierarchy, and the hierarchy as it is.
pub(super) struct Administrator {
    app: Arc<App>,
    caller: ApiCaller,
    pub(super) hierarchy: Arc<Hierarchy>,
}

impl Administrator {
    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// Whether the administrator may change the hierarchy: who may not is shown no way to.
    pub(super) fn changes(&self) -> bool {
        self.caller.may(Permission::ChangePolicies)
    }

    /// Whether the administrator may see users and groups.
    pub(super) fn sees_users(&self) -> bool {
        self.caller.may(Permission::ViewUsers)
    }

    /// Checks that the administrator may see users and groups.
    ///
    /// # Errors
    /// 403
    pub(super) fn check_sees_users(&self) -> Result<(), Refusal> {
        if self.sees_users() {
            Ok(())
        } else {
            Err(CallerError::Insufficient(Some(Permission::ViewUsers)).into())
        }
    }

    /// Makes a change of the hierarchy.
    ///
    /// # Errors
    /// [`Refusal`]
    pub(super) async fn commit(&self, summary: &str, writes: Vec<Write>) -> Result<(), Refusal> {
        let author = self.caller.name();
        self.app.publisher.commit(&author, summary, writes).await?;
        Ok(())
    }
}

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        // An administrator, and within that what its role lets it do with policies.
        let what = match parts.method {
            Method::GET | Method::HEAD => Permission::ViewPolicies,
            _ => Permission::ChangePolicies,
        };
        let caller = permitted(parts, app, Permission::IsAdmin).await?;
        Ok(Administrator {
            caller: caller.permitted(what)?,
            hierarchy: app.hierarchies.at(app.publisher.live().revision).await?,
            app: Arc::clone(app),
        })
    }
}

/// A program that asks what users may do, and the hierarchy as it is.
pub(super) struct Enforcer {
    pub(super) hierarchy: Arc<Hierarchy>,
}

impl FromRequestParts<Arc<App>> for Enforcer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        permitted(parts, app, Permission::EvaluatePolicies).await?;
        Ok(Enforcer {
            hierarchy: app.hierarchies.at(app.publisher.live().revision).await?,
        })
    }
}

async fn permitted(parts: &Parts, app: &App, permission: Permission) -> Result<ApiCaller, Refusal> {
    // Passwords are not taken here, whatever the settings say: seed 000 knows tokens only.
    if let Some(Authorization::Basic(..)) = authorization(&parts.headers)? {
        return Err(CallerError::Missing.into());
    }
    let address = PeerAddress::of(&parts.extensions).map_err(Refusal::internal)?;
    let caller = ApiCaller::require(app, parts, address, clock::now()).await?;
    Ok(caller.permitted(permission)?)
}
