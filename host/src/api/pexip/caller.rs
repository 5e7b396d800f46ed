//! Who may use this API: an administrator who may use the API, by password or by Bearer token; and what is registered at
//! the moment of the call. Each handler asks for the permission of what it does before it gets to either.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::super::oauth::caller::ApiCaller;
use super::super::peer::PeerAddress;
use super::error::Refusal;
use crate::app::App;
use crate::clock::{self, Millis};
use crate::limits::REWRITE_ATTEMPTS;
use crate::oauth::audit;
use crate::oauth::permission::Permission;
use crate::oauth::registered::{BeyondTheCaller, Registered};
use crate::oauth::registry::{Registry, TokenSettings};
use crate::publish::CommitError;
use crate::store::{StoreError, Write};

/// Somebody who may use the API at all.
pub(super) struct ApiUser {
    app: Arc<App>,
    caller: ApiCaller,
    address: IpAddr,
    now: Millis,
}

impl FromRequestParts<Arc<App>> for ApiUser {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let address = PeerAddress::of(&parts.extensions).map_err(Refusal::internal)?;
        let now = clock::now();
        let caller = ApiCaller::require(app, parts, address, now).await?;
        let caller = caller
            .permitted(Permission::IsAdmin)?
            .permitted(Permission::UseApi)?;
        Ok(ApiUser {
            app: Arc::clone(app),
            caller,
            address,
            now,
        })
    }
}

impl ApiUser {
    /// The caller, who must hold a permission, and the registry.
    ///
    /// # Errors
    /// 403; 503 where the store did not answer.
    pub(super) async fn with(self, permission: Permission) -> Result<Administrator, Refusal> {
        let revision = self.app.publisher.live().revision;
        Ok(Administrator {
            caller: self.caller.permitted(permission)?,
            registry: self.app.oauth.registries.at(revision).await?,
            address: self.address,
            now: self.now,
            app: self.app,
        })
    }
}

/// Somebody who may do what the request asks for.
pub(super) struct Administrator {
    pub(super) app: Arc<App>,
    caller: ApiCaller,
    pub(super) registry: Arc<Registry>,
    address: IpAddr,
    pub(super) now: Millis,
}

impl Administrator {
    /// Checks that the caller may make, change or take away a registration.
    ///
    /// # Errors
    /// [`BeyondTheCaller`]
    pub(super) fn administers(&self, registered: &impl Registered) -> Result<(), BeyondTheCaller> {
        self.registry.administers(self.caller.held(), registered)
    }

    /// Makes a change of registrations, and writes it down. `plan` says what it is from what is registered; where somebody
    /// else changes that meanwhile, it is asked again, so that nobody's change is lost. `deed` is `created` and the like.
    ///
    /// # Errors
    /// Those of `plan`; 409 where others do not stop changing what it is made from; [`Refusal`].
    pub(super) async fn change<R: Registered, T>(
        &mut self,
        deed: &str,
        plan: impl Fn(&Administrator) -> Result<Planned<R, T>, Refusal>,
    ) -> Result<(R, T), Refusal> {
        let what = format!("{}.{deed}", R::AUDITED);
        for _ in 0..REWRITE_ATTEMPTS {
            let Planned {
                registered,
                writes,
                told,
            } = plan(self)?;
            match self.make(&what, &registered.key(), writes).await {
                Err(CommitError::Store(StoreError::Changed { .. } | StoreError::Exists { .. })) => {
                    self.app.publisher.catch_up().await?;
                    self.registry = self.afterwards().await?;
                }
                // A secret that is told once must be told: it was stored.
                Err(error @ (CommitError::Publish(_) | CommitError::Unread(_))) => {
                    tracing::error!(%error, what, "what was stored is not live here yet");
                    return Ok((registered, told));
                }
                done => return Ok(done.map(|()| (registered, told))?),
            }
        }
        Err(contended())
    }

    /// Changes the token settings to what `change` makes of them. Where somebody else changes them meanwhile they are read
    /// again, so that nobody's change is lost.
    ///
    /// # Errors
    /// 409 where others do not stop changing them; [`Refusal`].
    pub(super) async fn change_settings(
        &self,
        id: &str,
        change: impl Fn(&mut TokenSettings),
    ) -> Result<(), Refusal> {
        for _ in 0..REWRITE_ATTEMPTS {
            let (mut settings, there) = TokenSettings::stored(self.app.store.as_ref()).await?;
            change(&mut settings);
            let writes = settings.in_place_of(there);
            match self.make("authentication.changed", id, writes).await {
                Err(CommitError::Store(StoreError::Changed { .. } | StoreError::Exists { .. })) => {
                }
                other => return Ok(other?),
            }
        }
        Err(contended())
    }

    /// Makes a change and writes it down. `what` is `role.created` and the like.
    async fn make(&self, what: &str, name: &str, writes: Vec<Write>) -> Result<(), CommitError> {
        let author = self.caller.name();
        let summary = format!("{what} {name}");
        let made = self.app.publisher.commit(&author, &summary, writes).await;
        // What is not live yet was written nevertheless.
        if !matches!(made, Err(CommitError::Store(_))) {
            audit::administered(what, &author, name);
        }
        made.map(drop)
    }

    /// What is changed, as it is afterwards.
    ///
    /// # Errors
    /// The store did not answer.
    pub(super) async fn afterwards(&self) -> Result<Arc<Registry>, Refusal> {
        let revision = self.app.publisher.live().revision;
        Ok(self.app.oauth.registries.at(revision).await?)
    }

    /// Revokes tokens.
    ///
    /// # Errors
    /// The store did not answer.
    pub(super) async fn revoke(
        &self,
        which: crate::store::tokens::Revoke<'_>,
    ) -> Result<(), Refusal> {
        let author = self.caller.name();
        let about = audit::About {
            client: &author,
            address: Some(self.address),
            ..audit::About::default()
        };
        self.app.oauth.revoke(which, about, self.now).await?;
        Ok(())
    }
}

/// A change of one registration.
pub(super) struct Planned<R, T> {
    pub(super) registered: R,
    pub(super) writes: Vec<Write>,
    pub(super) told: T,
}

fn contended() -> Refusal {
    Refusal::conflict("Too many others are changing this at the same time; try again")
}
