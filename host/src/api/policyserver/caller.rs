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
use crate::limits::REWRITE_ATTEMPTS;
use crate::oauth::permission::Permission;
use crate::policyserver::hierarchy::Hierarchy;
use crate::publish::CommitError;
use crate::store::{StoreError, Write};

/// Somebody who administers the hierarchy, and the hierarchy as it is.
pub(super) struct Administrator {
    app: Arc<App>,
    caller: ApiCaller,
    pub(super) hierarchy: Arc<Hierarchy>,
    /// All that was written of the hierarchy up to this revision of the store is in it.
    as_of: u64,
}

/// A change of the hierarchy: what the history says of it, its steps, and what is answered.
pub(super) struct Planned<T> {
    pub(super) summary: String,
    pub(super) writes: Vec<Write>,
    pub(super) outcome: T,
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

    /// Changes the hierarchy. `plan` says how, from what there is and as of which revision; where somebody else changes
    /// meanwhile what it is made from, it is asked again, so that nobody's change is lost and nothing is left hanging.
    ///
    /// # Errors
    /// Those of `plan`; 409 where others do not stop changing it; [`Refusal`].
    pub(super) async fn change<T>(
        &mut self,
        plan: impl Fn(&Hierarchy, u64) -> Result<Planned<T>, Refusal>,
    ) -> Result<T, Refusal> {
        let author = self.caller.name();
        for _ in 0..REWRITE_ATTEMPTS {
            let Planned {
                summary,
                writes,
                outcome,
            } = plan(&self.hierarchy, self.as_of)?;
            match self.app.publisher.commit(&author, &summary, writes).await {
                Err(CommitError::Store(
                    StoreError::Changed { .. } | StoreError::Missing { .. },
                )) => {
                    self.app.publisher.catch_up().await?;
                    (self.as_of, self.hierarchy) = current(&self.app).await?;
                }
                done => return Ok(done.map(|_| outcome)?),
            }
        }
        Err(Refusal::conflict(
            "Too many others are changing this at the same time; try again",
        ))
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
        let caller = caller.permitted(what)?;
        let (as_of, hierarchy) = current(app).await?;
        Ok(Administrator {
            app: Arc::clone(app),
            caller,
            hierarchy,
            as_of,
        })
    }
}

/// The hierarchy as it is live here or later, and the revision that is live here.
async fn current(app: &App) -> Result<(u64, Arc<Hierarchy>), StoreError> {
    let revision = app.publisher.live().revision;
    Ok((revision, app.hierarchies.at(revision).await?))
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
