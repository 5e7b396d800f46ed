//! A caller with a Bearer token: who it is, and what it may do at this moment.
//!
//! What a token says is a bound, not a grant: at each use it is met with what its client's role, its user's roles or the
//! mapping of its issuer's subject permit now.

use std::sync::Arc;

use super::Oauth;
use super::permission::{Audience, Permission, Permissions};
use super::registry::Registry;
use super::role::{RoleId, Source};
use super::token::{Subject, User};
use super::verify::{AccessToken, Granted, TokenError, TokenSubject};
use crate::auth::delegation;
use crate::auth::session::ADMINISTRATOR;
use crate::clock::Millis;
use crate::store::{Kind, StoreError};

/// Somebody with a good access token.
#[derive(Clone, Debug)]
pub(crate) struct Bearer {
    token: Arc<AccessToken>,
    permissions: Permissions,
    held: Permissions,
}

impl Bearer {
    fn new(token: Arc<AccessToken>, granted: Permissions) -> Self {
        let held = granted.and(token.scoped);
        Bearer {
            permissions: held.and(token.carried),
            held,
            token,
        }
    }

    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }

    /// Whether the token is for an audience; one that is not is no token there (401), whatever it may do elsewhere.
    pub(crate) fn is_for(&self, audience: Audience) -> bool {
        self.token.audiences.contains(&audience)
    }

    /// All that the caller may do with this token now.
    pub(crate) fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// Whether the token itself lets its holder do something, whatever the holder may do.
    pub(crate) fn carries(&self, permission: Permission) -> bool {
        self.token
            .scoped
            .and(self.token.carried)
            .contains(permission)
    }

    /// What whoever holds the token may do within its scopes, whatever its audiences: with a token for the other audience
    /// it may do the rest.
    pub(crate) fn held(&self) -> Permissions {
        self.held
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// The user that the token stands for; `None` for clients and for subjects of other issuers.
    pub(crate) fn user(&self) -> Option<&User> {
        match &self.token.subject {
            TokenSubject::Own(Subject::User(user)) => Some(user),
            _ => None,
        }
    }

    /// The client of this server that the token stands for.
    pub(crate) fn client(&self) -> Option<&str> {
        match &self.token.subject {
            TokenSubject::Own(Subject::Client(id)) => Some(id),
            _ => None,
        }
    }

    /// What to write down as the author of a change, and in the audit record.
    pub(crate) fn name(&self) -> String {
        match &self.token.subject {
            TokenSubject::Own(Subject::Client(id)) => id.clone(),
            TokenSubject::Own(Subject::User(user)) => user.name.clone(),
            // INVARIANT: another issuer's names are marked, so that none of them is taken for one of ours.
            TokenSubject::External { sub: Some(sub), .. } => format!("external:{sub}"),
            TokenSubject::External { sub: None, .. } => format!("external:{}", self.token.client),
        }
    }
}

/// Why a Bearer token opens nothing.
#[derive(Debug)]
pub(crate) enum BearerError {
    Token(TokenError),
    /// The token is good, and its subject is no administrator (seed 000: a token with `sub` must belong to one).
    NotAdministrator,
}

impl From<StoreError> for BearerError {
    fn from(error: StoreError) -> Self {
        BearerError::Token(TokenError::Store(error))
    }
}

impl Oauth {
    /// The client that an access token stands for, where it was used before at the same revision of the store: what
    /// nearly every request is. `None` where more has to be found out.
    pub(crate) fn bearer_seen_before(
        &self,
        token: &str,
        revision: u64,
        now: Millis,
    ) -> Option<Bearer> {
        let token = self.verified_before(token, now)?;
        let granted = token.granted.load();
        let granted = granted
            .as_ref()
            .filter(|granted| granted.revision == revision)?;
        let permissions = granted.permissions;
        Some(Bearer::new(token, permissions))
    }

    /// The caller that an access token stands for. `revision` is the store's that is live on this node.
    ///
    /// # Errors
    /// [`BearerError`]
    pub(crate) async fn bearer(
        &self,
        token: &str,
        revision: u64,
        now: Millis,
    ) -> Result<Bearer, BearerError> {
        let token = self.verify(token, now).await.map_err(BearerError::Token)?;
        let registry = self.registries.at(revision).await?;
        let granted = match &token.subject {
            TokenSubject::Own(Subject::Client(id)) => {
                let client = registry.client(id).filter(|client| client.enabled);
                let client = client.ok_or(BearerError::Token(TokenError::Invalid(
                    "The client of the token does not exist any more",
                )))?;
                let permissions = registry.permissions(client.role);
                token.granted.store(Some(Arc::new(Granted {
                    revision,
                    permissions,
                })));
                permissions
            }
            TokenSubject::Own(Subject::User(user)) => {
                let gone = || {
                    BearerError::Token(TokenError::Invalid(
                        "The user of the token does not exist any more",
                    ))
                };
                if self.is_a_namesake(user, token.issued).await? {
                    return Err(gone());
                }
                let permissions = self.user_permissions(&registry, user).await?;
                permissions.ok_or_else(gone)?
            }
            // Nobody in particular: the audience that the issuer grants decides.
            TokenSubject::External { sub: None, .. } => {
                registry.permissions(Some(RoleId::READ_WRITE))
            }
            TokenSubject::External {
                sub: Some(sub),
                roles,
            } => administrator(&registry, sub, roles).ok_or(BearerError::NotAdministrator)?,
        };
        Ok(Bearer::new(token, granted))
    }

    /// Whether the user of that name was made after a token was issued: it is somebody else, of whom the token says
    /// nothing. Tokens tell whole seconds (RFC 7519 §2).
    async fn is_a_namesake(&self, user: &User, issued: Millis) -> Result<bool, StoreError> {
        let (realm, key) = (user.realm.key(), user.key());
        let found = self.store.object(Kind::User, &realm, &key).await?;
        Ok(found.is_some_and(|found| found.stamp.created_at / 1000 > issued / 1000))
    }

    /// What a user may do at the APIs that know permissions: `amadmin` everything, others what their privileges in the
    /// root realm say, and the roles that their groups are mapped to; `None` for one who does not exist or may not log
    /// in.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn user_permissions(
        &self,
        registry: &Registry,
        user: &User,
    ) -> Result<Option<Permissions>, StoreError> {
        let (realm, key) = (user.realm.key(), user.key());
        if user.realm.is_root() && key == ADMINISTRATOR {
            return Ok(Some(Permissions::all()));
        }
        let Some(privileges) = delegation::of_user(&self.store, &realm, &key).await? else {
            return Ok(None);
        };
        // Those APIs have no realms: what a user holds in one of them opens nothing there.
        if !user.realm.is_root() {
            return Ok(Some(Permissions::NONE));
        }
        let groups = self.store.groups_of(&realm, &key).await?;
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let mapped = registry.mapped(Source::Group, &groups);
        let own = Permissions::of_privileges(privileges);
        Ok(Some(own.or(mapped.unwrap_or(Permissions::NONE))))
    }
}

/// What an authorised administrator of another issuer may do: by `sub`, by role, or by both.
fn administrator(registry: &Registry, sub: &str, roles: &[String]) -> Option<Permissions> {
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let by_sub = registry.mapped(Source::Sub, &[sub]);
    let by_role = registry.mapped(Source::Role, &roles);
    match (by_sub, by_role) {
        (None, by_role) => by_role,
        (by_sub, None) => by_sub,
        (Some(a), Some(b)) => Some(a.or(b)),
    }
}
