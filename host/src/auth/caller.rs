//! Proofs of who calls and what they may do. A handler that needs one takes it as an argument, and only the checks in
//! this file make one: there is no way to reach such a handler without having been checked (DESIGN §2, invariant 6).

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::session::{Session, Sessions};
use crate::api::error::ApiError;
use crate::clock::Millis;
use crate::realm::RealmPath;

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

/// Somebody with a live session.
pub(crate) struct Caller {
    session: Arc<Session>,
}

impl Caller {
    /// The caller of a request, if it has a live session.
    ///
    /// # Errors
    /// 503 where the store did not answer.
    pub(crate) async fn find(
        sessions: &Sessions,
        headers: &HeaderMap,
        cookie_name: &str,
        now: Millis,
    ) -> Result<Option<Caller>, ApiError> {
        let Some(token) = token(headers, cookie_name) else {
            return Ok(None);
        };
        Ok(sessions
            .find(token, now)
            .await?
            .map(|session| Caller { session }))
    }

    /// The caller of a request that needs one.
    ///
    /// # Errors
    /// 401 without a live session.
    pub(crate) async fn require(
        sessions: &Sessions,
        headers: &HeaderMap,
        cookie_name: &str,
        now: Millis,
    ) -> Result<Caller, ApiError> {
        Self::find(sessions, headers, cookie_name, now)
            .await?
            .ok_or_else(ApiError::unauthorized)
    }

    /// The caller that a token stands for, where AM takes it from the body (`sessions`, resource version 3 and later).
    pub(crate) fn of_session(session: Arc<Session>) -> Caller {
        Caller { session }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.session.is_administrator()
    }
}

/// The privileges of AM that routes ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// `evaluate` and `evaluateTree` of policies.
    Evaluate,
    /// Read policies, policy sets, resource types, and the listings of types.
    ReadPolicies,
    /// Write them.
    ModifyPolicies,
    /// Read realms.
    ReadRealms,
    /// Write realms.
    ModifyRealms,
}

/// A caller who holds a privilege in a realm.
pub(crate) struct Authorized {
    caller: Caller,
}

impl Authorized {
    /// Checks that the caller may use `privilege` in `realm`.
    ///
    /// Only the administrator holds privileges today. Whoever will hold one by delegation must have logged in to the realm
    /// or to one above it: that much is checked for everybody already.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check(
        caller: Caller,
        privilege: Privilege,
        realm: &RealmPath,
    ) -> Result<Authorized, ApiError> {
        if caller.is_administrator() && caller.session.realm.contains(realm) {
            tracing::trace!(?privilege, realm = %realm, "authorized");
            return Ok(Authorized { caller });
        }
        Err(ApiError::insufficient_privileges())
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        self.caller.session()
    }
}
