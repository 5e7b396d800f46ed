//! Proofs of who calls and what they may do. A handler that needs one takes it as an argument, and only the checks in
//! this file make one: there is no way to reach such a handler without having been checked (DESIGN §2, invariant 6).

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::delegation;
use super::endpoint::Permission;
use super::privilege::Privileges;
use super::session::Session;
use crate::api::error::ApiError;
use crate::api::oauth::caller::{Authorization, CallerError, authorization};
use crate::app::App;
use crate::clock::Millis;
use crate::config::Config;
use crate::oauth::bearer::Bearer;
use crate::oauth::permission::{self, Permissions};
use crate::publish::Live;
use crate::realm::{Directory, IdentityKind, RealmPath};

/// Where the token of a request is: the session cookie, or a header of the same name. A cookie is looked at first, and
/// one that is no session is not helped by a good header.
///
/// INVARIANT: a browser sends the cookie whoever wrote the page that makes the request, so it proves nothing there: what
/// says that it comes from another origin than this server's or a configured one is asked for a header.
pub(crate) fn token<'a>(headers: &'a HeaderMap, config: &Config) -> Option<&'a str> {
    let name = config.cookie_name.as_str();
    let cookies = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter(|_| is_at_home(headers, config));
    for header in cookies {
        let Ok(text) = header.to_str() else { continue };
        for pair in text.split(';') {
            if let Some((cookie, value)) = pair.trim().split_once('=')
                && cookie == name
                && !value.is_empty()
            {
                return Some(value.trim_matches('"'));
            }
        }
    }
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a request comes from no page, or from a page of this server or of a configured origin.
fn is_at_home(headers: &HeaderMap, config: &Config) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let own = authority.is_some() && authority == host;
    let public = config.public_url.trim_end_matches('/');
    own || origin == public || config.cors_origins.iter().any(|known| known == origin)
}

/// Somebody who has proved who they are, and the privileges that they hold in their realm.
pub(crate) struct Caller {
    identity: Identity,
    privileges: Privileges,
}

/// By what a caller is known.
enum Identity {
    Session(Arc<Session>),
    /// An access token, and the realm of whom it stands for: the root for clients.
    Bearer(Bearer, RealmPath),
}

impl Caller {
    /// The caller of a request, if it has a live session, or a good access token as `Authorization: Bearer`. Where there
    /// is a session's token, that alone counts.
    ///
    /// # Errors
    /// 401 for an access token that is not good, 503 where the store did not answer.
    pub(crate) async fn find(
        app: &App,
        headers: &HeaderMap,
        live: &Live,
        now: Millis,
    ) -> Result<Option<Caller>, ApiError> {
        let Some(token) = token(headers, &app.config) else {
            return match authorization(headers)? {
                Some(Authorization::Bearer(token)) => {
                    let seen = app.oauth.bearer_seen_before(token, live.revision, now);
                    match seen {
                        Some(bearer) => Ok(Some(Caller {
                            identity: Identity::Bearer(bearer, RealmPath::root()),
                            privileges: Privileges::NONE,
                        })),
                        // It is rare, and its future is large.
                        None => Box::pin(Self::of_bearer(app, token, live, now))
                            .await
                            .map(Some),
                    }
                }
                Some(Authorization::Basic(..)) | None => Ok(None),
            };
        };
        match app.sessions.find(token, now).await? {
            None => Ok(None),
            Some(session) => Self::of_session(app, session, live).await.map(Some),
        }
    }

    /// The caller that a token stands for, where AM takes it from the body (`sessions`, resource version 3 and later).
    ///
    /// # Errors
    /// 503 where the store did not answer.
    pub(crate) async fn of_session(
        app: &App,
        session: Arc<Session>,
        live: &Live,
    ) -> Result<Caller, ApiError> {
        let privileges = delegation::privileges(&app.store, &session, live).await?;
        Ok(Caller {
            identity: Identity::Session(session),
            privileges,
        })
    }

    /// The caller that an access token stands for. A user has the privileges of its groups, as with a session; a client
    /// has none, and its permissions in their place.
    async fn of_bearer(
        app: &App,
        token: &str,
        live: &Live,
        now: Millis,
    ) -> Result<Caller, ApiError> {
        let bearer = app.oauth.bearer(token, live.revision, now).await;
        let bearer = bearer.map_err(CallerError::from)?;
        let (privileges, realm) = match bearer.user() {
            None => (Privileges::NONE, RealmPath::root()),
            Some(user) => {
                let privileges = delegation::of_user_or_administrator(&app.store, user).await?;
                (privileges, user.realm.clone())
            }
        };
        Ok(Caller {
            identity: Identity::Bearer(bearer, realm),
            privileges,
        })
    }

    /// The session that the call was made with, for what only sessions have.
    pub(crate) fn session(&self) -> Option<&Arc<Session>> {
        match &self.identity {
            Identity::Session(session) => Some(session),
            Identity::Bearer(..) => None,
        }
    }

    /// The realm that the caller belongs to: privileges hold there and beneath it.
    pub(crate) fn realm(&self) -> &RealmPath {
        match &self.identity {
            Identity::Session(session) => &session.realm,
            Identity::Bearer(_, realm) => realm,
        }
    }

    /// Whether this is AM's super administrator. A token never is: it opens what its permissions say, and nothing beside.
    pub(crate) fn is_administrator(&self) -> bool {
        match &self.identity {
            Identity::Session(session) => session.is_administrator(),
            Identity::Bearer(..) => false,
        }
    }

    /// Who a change is said to be made by, and whom refusals name: the universal id of a user, the id of a client.
    pub(crate) fn author(&self, directory: &Directory) -> String {
        match &self.identity {
            Identity::Session(session) => {
                directory.universal_id(IdentityKind::User, &session.user, &session.realm)
            }
            Identity::Bearer(bearer, _) => match bearer.user() {
                Some(user) => directory.universal_id(IdentityKind::User, &user.name, &user.realm),
                None => bearer.name(),
            },
        }
    }

    /// Notes that the caller was here, which keeps its session alive.
    pub(crate) fn touch(&self, app: &App, now: Millis) {
        match &self.identity {
            Identity::Session(session) => app.sessions.touch(session, now),
            Identity::Bearer(..) => {}
        }
    }

    /// Whether the caller may do something in a realm: its own realm or one beneath it, unless it is the same in all.
    pub(crate) fn may(&self, permission: Permission, realm: &RealmPath) -> bool {
        let here = permission.is_for_any_realm() || self.realm().contains(realm);
        let opened = match &self.identity {
            Identity::Session(_) => self.privileges.open(permission),
            Identity::Bearer(bearer, _) => {
                let needed = permission::Permission::for_am(permission);
                match bearer.user() {
                    Some(_) => bearer.carries(needed) && self.privileges.open(permission),
                    None => bearer.may(needed),
                }
            }
        };
        here && opened
    }

    /// Whether the caller may do in a realm whatever somebody may there who has these privileges.
    pub(crate) fn may_all_of(&self, privileges: Privileges, realm: &RealmPath) -> bool {
        privileges
            .opened()
            .all(|permission| self.may(permission, realm))
    }

    /// What the caller may give others at the APIs that know permissions. It counts in the root realm only, where clients
    /// and roles are.
    pub(crate) fn held(&self) -> Permissions {
        match &self.identity {
            Identity::Session(_) => Permissions::of_privileges(self.privileges),
            Identity::Bearer(bearer, _) => bearer.held(),
        }
    }

    /// The answer to a caller who may not: a token for another audience is no token here (RFC 6750 §3.1).
    fn refused(&self, permission: Permission) -> ApiError {
        let Identity::Bearer(bearer, _) = &self.identity else {
            return ApiError::insufficient_privileges();
        };
        let needed = permission::Permission::for_am(permission);
        let addressed = needed
            .audience()
            .is_none_or(|audience| bearer.is_for(audience));
        ApiError::from(if addressed {
            CallerError::Insufficient(Some(needed))
        } else {
            CallerError::InvalidToken("The token is for another audience")
        })
    }
}

/// A caller who may do what a request asks for.
pub(crate) struct Authorized {
    caller: Caller,
}

impl Authorized {
    /// Checks that the caller may do something in `realm`. This is the only gate of guarded endpoints.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check(
        caller: Caller,
        permission: Permission,
        realm: &RealmPath,
    ) -> Result<Authorized, ApiError> {
        if caller.may(permission, realm) {
            tracing::trace!(?permission, realm = %realm, "authorized");
            return Ok(Authorized { caller });
        }
        Err(caller.refused(permission))
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// AM's second check where a policy set is changed.
    ///
    /// # Errors
    /// 403 for who may modify policy sets without administering policies.
    pub(crate) fn check_administers_policies(&self) -> Result<(), ApiError> {
        // A client that may change policies administers them.
        let by_permission = match &self.caller.identity {
            Identity::Bearer(bearer, _) if bearer.user().is_none() => {
                bearer.may(permission::Permission::ChangePolicies)
            }
            _ => false,
        };
        if by_permission || self.caller.privileges.administer_policies() {
            Ok(())
        } else {
            Err(ApiError::forbidden("Permission denied."))
        }
    }
}
