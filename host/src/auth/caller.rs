//! Proofs of who calls and what they may do. A handler that needs one takes it as an argument, and only the checks in
//! this file make one: there is no way to reach such a handler without having been checked (DESIGN §2, invariant 6).

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::delegation;
use super::privilege::{Permission, Privileges};
use super::session::Session;
use crate::api::error::ApiError;
use crate::app::App;
use crate::clock::Millis;
use crate::publish::Live;
use crate::realm::{Directory, IdentityKind, RealmPath};

/// Where the token of a request is: the session cookie, or a header of the same name. A cookie is looked at first, and
/// one that is no session is not helped by a good header.
pub(crate) fn token<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    for header in headers.get_all(header::COOKIE) {
        let Ok(text) = header.to_str() else { continue };
        for pair in text.split(';') {
            if let Some((cookie, value)) = pair.trim().split_once('=')
                && cookie == name
            {
                return Some(value.trim_matches('"'));
            }
        }
    }
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Somebody who has proved who they are, and the privileges that they hold in their realm.
pub(crate) struct Caller {
    identity: Identity,
    privileges: Privileges,
}

/// By what a caller is known.
enum Identity {
    Session(Arc<Session>),
}

impl Caller {
    /// The caller of a request, if it has a live session.
    ///
    /// # Errors
    /// 503 where the store did not answer.
    pub(crate) async fn find(
        app: &App,
        headers: &HeaderMap,
        live: &Live,
        now: Millis,
    ) -> Result<Option<Caller>, ApiError> {
        let Some(token) = token(headers, &app.config.cookie_name) else {
            return Ok(None);
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

    /// The session that the call was made with, for what only sessions have.
    pub(crate) fn session(&self) -> Option<&Arc<Session>> {
        match &self.identity {
            Identity::Session(session) => Some(session),
        }
    }

    /// The realm that the caller belongs to: privileges hold there and beneath it.
    pub(crate) fn realm(&self) -> &RealmPath {
        match &self.identity {
            Identity::Session(session) => &session.realm,
        }
    }

    /// Whether this is AM's super administrator.
    pub(crate) fn is_administrator(&self) -> bool {
        match &self.identity {
            Identity::Session(session) => session.is_administrator(),
        }
    }

    /// Who a change is said to be made by, and whom refusals name: the universal id.
    pub(crate) fn author(&self, directory: &Directory) -> String {
        match &self.identity {
            Identity::Session(session) => {
                directory.universal_id(IdentityKind::User, &session.user, &session.realm)
            }
        }
    }

    /// Notes that the caller was here, which keeps its session alive.
    pub(crate) fn touch(&self, app: &App, now: Millis) {
        match &self.identity {
            Identity::Session(session) => app.sessions.touch(session, now),
        }
    }

    /// Whether the caller may do something in a realm: its own realm or one beneath it, unless it is the same in all.
    pub(crate) fn may(&self, permission: Permission, realm: &RealmPath) -> bool {
        (permission.is_for_any_realm() || self.realm().contains(realm))
            && self.privileges.open(permission)
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
        Err(ApiError::insufficient_privileges())
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// AM's second check where a policy set is changed.
    ///
    /// # Errors
    /// 403 for who may modify policy sets without administering policies.
    pub(crate) fn check_administers_policies(&self) -> Result<(), ApiError> {
        if self.caller.privileges.administer_policies() {
            Ok(())
        } else {
            Err(ApiError::forbidden("Permission denied."))
        }
    }
}
