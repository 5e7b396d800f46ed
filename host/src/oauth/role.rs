//! Roles: named sets of permissions that clients have, and that subjects of other issuers' tokens are mapped to.

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::permission::{Permission, Permissions};
use super::registered::{Registered, document};
use super::registry::Registry;
use crate::clock::Millis;
use crate::documents::defaults::BUILT_IN_AUTHOR;
use crate::store::{Draft, Expect, Kind, Object, Store, StoreError, Write};

/// A role's number: Pexip's API names roles by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RoleId(pub(crate) u32);

impl RoleId {
    /// Views everything and evaluates, changes nothing; built in.
    pub(crate) const READ_ONLY: RoleId = RoleId(1);
    /// Everything but looking into other clients' tokens; built in.
    pub(crate) const READ_WRITE: RoleId = RoleId(2);
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) id: RoleId,
    pub(crate) name: Name,
    pub(crate) permissions: Permissions,
}

#[derive(Serialize, Deserialize)]
struct Body {
    permissions: Vec<String>,
}

impl Role {
    /// The roles that every store begins with.
    pub(crate) fn built_in() -> [Role; 2] {
        use Permission::*;
        let changes = [
            ChangePolicies,
            ChangeRealms,
            ChangeUsers,
            ChangeSessions,
            ChangeScripts,
            ChangeBundles,
            ChangeRevisions,
            ChangeClients,
            ChangeAuthentication,
            ManageTokens,
        ];
        let read_write = Permissions::all().without(IntrospectAll);
        let read_only = changes.into_iter().fold(read_write, Permissions::without);
        [
            Role {
                id: RoleId::READ_ONLY,
                name: Name::known("Read-only"),
                permissions: read_only,
            },
            Role {
                id: RoleId::READ_WRITE,
                name: Name::known("Read-write"),
                permissions: read_write,
            },
        ]
    }
}

impl Registered for Role {
    const KIND: Kind = Kind::Role;
    const AUDITED: &'static str = "role";

    /// A permission that this version does not know permits nothing.
    fn read(object: &Object) -> Option<Self> {
        let body: Body = serde_json::from_str(&object.body).ok()?;
        let known = body
            .permissions
            .iter()
            .filter_map(|codename| Permission::with_codename(codename));
        Some(Role {
            id: RoleId(object.key.parse().ok()?),
            name: Name::known(&object.name),
            permissions: known.collect(),
        })
    }

    fn draft(&self) -> Draft {
        let codenames = self.permissions.codenames().into_iter();
        let body = Body {
            permissions: codenames.map(str::to_owned).collect(),
        };
        let name = (&self.name, self.name.folded());
        document((Self::KIND, self.key()), name, &body)
    }

    fn key(&self) -> String {
        self.id.0.to_string()
    }

    fn permits(&self, _: &Registry) -> Permissions {
        self.permissions
    }

    fn role(&self) -> Option<RoleId> {
        Some(self.id)
    }
}

/// The setting that says that the built-in roles were made.
pub(crate) const DONE: &str = "defaults.roles";

/// Gives a store the built-in roles, once: what was deleted later is not made again.
///
/// # Errors
/// The store did not take it.
pub(crate) async fn ensure_built_in(store: &dyn Store, now: Millis) -> Result<(), StoreError> {
    if store.setting(DONE).await?.is_some() {
        return Ok(());
    }
    let roles = Role::built_in();
    let drafts = roles.iter().map(Role::draft);
    let writes: Vec<Write> = drafts
        .map(|draft| Write::Put(Expect::Absent, draft))
        .collect();
    match store
        .apply(BUILT_IN_AUTHOR, now, "the built-in roles", &writes)
        .await
    {
        // Another process was faster.
        Ok(_) | Err(StoreError::Exists { .. }) => store.put_setting(DONE, "1").await,
        Err(error) => Err(error),
    }
}

/// Where the value of a mapping is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// The claim `sub` of another issuer's token.
    Sub,
    /// A value of the claims `role` and `roles` of another issuer's token (Pexip's source `OIDC`).
    Role,
    /// A group of the user who logs in with a password (Pexip's source `LDAP`).
    Group,
}

/// Who is an administrator, and of which kind: everyone with that `sub`, that role or that group has these roles.
/// Values are compared exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleMapping {
    pub(crate) id: u32,
    pub(crate) name: Name,
    pub(crate) source: Source,
    pub(crate) value: String,
    pub(crate) roles: Vec<RoleId>,
}

#[derive(Serialize, Deserialize)]
struct MappingBody {
    source: Source,
    value: String,
    roles: Vec<RoleId>,
}

impl Registered for RoleMapping {
    const KIND: Kind = Kind::RoleMapping;
    const AUDITED: &'static str = "role_mapping";

    fn read(object: &Object) -> Option<Self> {
        let body: MappingBody = serde_json::from_str(&object.body).ok()?;
        Some(RoleMapping {
            id: object.key.parse().ok()?,
            name: Name::known(&object.name),
            source: body.source,
            value: body.value,
            roles: body.roles,
        })
    }

    fn draft(&self) -> Draft {
        let body = MappingBody {
            source: self.source,
            value: self.value.clone(),
            roles: self.roles.clone(),
        };
        let name = (&self.name, self.name.folded());
        document((Self::KIND, self.key()), name, &body)
    }

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn permits(&self, registry: &Registry) -> Permissions {
        registry.permitted(&self.roles)
    }

    fn roles(&self) -> &[RoleId] {
        &self.roles
    }
}
