//! Who calls: a user of the root realm, or a client, by password or Bearer token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::super::oauth::caller::{ApiCaller, ApiIdentity};
use super::super::peer::PeerAddress;
use super::error::Refusal;
use crate::app::App;
use crate::clock::{self, Millis};
use crate::oauth::audit;
use crate::oauth::permission::{Audience, Permission};
use crate::oauth::scope::Scopes;
use crate::oauth::token::{Subject, User};
use crate::realm::IdentityKind;

/// Somebody who is known.
pub(super) struct Authenticated {
    pub(super) app: Arc<App>,
    caller: ApiCaller,
    pub(super) address: IpAddr,
    pub(super) now: Millis,
}

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let address = PeerAddress::of(&parts.extensions).map_err(Refusal::internal)?;
        let now = clock::now();
        let caller = ApiCaller::require(app, parts, address, now).await?;
        Ok(Authenticated {
            app: Arc::clone(app),
            caller,
            address,
            now,
        })
    }
}

/// Somebody who may get and invalidate tokens (Elasticsearch's cluster privilege `manage_token`).
pub(super) struct TokenManager {
    pub(super) app: Arc<App>,
    caller: ApiCaller,
    pub(super) address: IpAddr,
    pub(super) now: Millis,
}

impl Authenticated {
    /// # Errors
    /// 403, or 401 for a token for another audience.
    pub(super) fn manages_tokens(self, action: &str) -> Result<TokenManager, Refusal> {
        let who = self.caller.name();
        self.caller.addressed(Audience::Management)?;
        if !self.caller.may(Permission::ManageTokens) {
            return Err(Refusal::unauthorized(action, &who));
        }
        Ok(TokenManager {
            app: self.app,
            caller: self.caller,
            address: self.address,
            now: self.now,
        })
    }

    /// Checks that the caller may see how the server is (Elasticsearch's cluster privilege `monitor`).
    ///
    /// # Errors
    /// 403
    pub(super) fn monitors(&self, action: &str) -> Result<(), Refusal> {
        if self.caller.may(Permission::UseApi) {
            Ok(())
        } else {
            Err(Refusal::unauthorized(action, &self.caller.name()))
        }
    }

    /// The user that the caller is; `None` for a client.
    pub(super) fn user(&self) -> Option<&User> {
        match &self.caller.identity {
            ApiIdentity::User(user) => Some(user),
            ApiIdentity::Bearer(bearer) => bearer.user(),
        }
    }

    /// What the caller is called.
    pub(super) fn name(&self) -> String {
        match &self.caller.identity {
            ApiIdentity::User(user) => user.name.clone(),
            ApiIdentity::Bearer(bearer) => match (bearer.user(), bearer.client()) {
                (Some(user), _) => user.name.clone(),
                (None, Some(client)) => client.to_owned(),
                (None, None) => bearer.name(),
            },
        }
    }

    /// Whether a token was sent rather than a password.
    pub(super) fn has_token(&self) -> bool {
        matches!(self.caller.identity, ApiIdentity::Bearer(_))
    }

    /// Codenames of what the caller may do.
    pub(super) fn roles(&self) -> Vec<&'static str> {
        self.caller.permissions().codenames()
    }
}

/// What a token that is asked for as oneself can be at most: never more than what was shown to get it.
pub(super) struct Own {
    pub(super) subject: Subject,
    pub(super) audiences: Vec<Audience>,
    pub(super) scopes: Scopes,
    /// Seconds that what was shown is good for; none for a password.
    pub(super) remaining: Option<u32>,
}

impl TokenManager {
    /// Who asks, as tokens and refresh tokens know it: the id of a client, or the universal id of a user.
    pub(super) fn id(&self) -> String {
        let universal = |user: &User| {
            let directory = &self.app.oauth.directory;
            directory.universal_id(IdentityKind::User, &user.name, &user.realm)
        };
        match &self.caller.identity {
            ApiIdentity::User(user) => universal(user),
            ApiIdentity::Bearer(bearer) => match (bearer.user(), bearer.client()) {
                (Some(user), _) => universal(user),
                (None, Some(client)) => client.to_owned(),
                (None, None) => bearer.name(),
            },
        }
    }

    /// The caller as the subject of a token; `None` for one whom another issuer vouches for, as tokens are for clients
    /// and users of this server.
    pub(super) fn own(&self) -> Option<Own> {
        match &self.caller.identity {
            ApiIdentity::User(user) => Some(Own {
                subject: Subject::User(user.clone()),
                audiences: vec![Audience::Management, Audience::Runtime],
                scopes: Scopes::full(),
                remaining: None,
            }),
            ApiIdentity::Bearer(bearer) => {
                let subject = match (bearer.user(), bearer.client()) {
                    (Some(user), _) => Subject::User(user.clone()),
                    (None, Some(client)) => Subject::Client(client.to_owned()),
                    (None, None) => return None,
                };
                Some(Own {
                    subject,
                    audiences: bearer.token().audiences.clone(),
                    scopes: bearer.token().scopes.clone(),
                    remaining: u32::try_from((bearer.token().expires - self.now) / 1000).ok(),
                })
            }
        }
    }

    /// For the audit record.
    pub(super) fn about<'a>(&self, id: &'a str, grant: &'a str) -> audit::About<'a> {
        audit::About {
            client: id,
            grant,
            address: Some(self.address),
            ..audit::About::default()
        }
    }
}
