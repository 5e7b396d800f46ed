//! Roles: named sets of permissions that clients have, and that subjects of other issuers' tokens are mapped to.

use serde::{Deserialize, Serialize};

use super::permission::{Permission, Permissions};
use crate::clock::Millis;
use crate::documents::defaults::BUILT_IN_AUTHOR;
use crate::realm::RealmPath;
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

    /// What the store finds the role by.
    pub(crate) fn key(self) -> String {
        self.0.to_string()
    }
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) id: RoleId,
    pub(crate) name: String,
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
                name: "Read-only".into(),
                permissions: read_only,
            },
            Role {
                id: RoleId::READ_WRITE,
                name: "Read-write".into(),
                permissions: read_write,
            },
        ]
    }

    /// The role of a stored document. A permission that this version does not know permits nothing.
    pub(crate) fn read(object: &Object) -> Option<Role> {
        let body: Body = serde_json::from_str(&object.body).ok()?;
        let known = body
            .permissions
            .iter()
            .filter_map(|codename| Permission::with_codename(codename));
        Some(Role {
            id: RoleId(object.key.parse().ok()?),
            name: object.name.clone(),
            permissions: known.collect(),
        })
    }

    pub(crate) fn draft(&self) -> Draft {
        let body = Body {
            permissions: self
                .permissions
                .codenames()
                .into_iter()
                .map(str::to_owned)
                .collect(),
        };
        Draft {
            kind: Kind::Role,
            realm: RealmPath::root().key(),
            key: self.id.key(),
            name_key: self.name.to_lowercase(),
            name: self.name.clone(),
            owner: String::new(),
            // A list of texts always serialises.
            body: serde_json::to_string(&body).unwrap_or_default(),
            secret: None,
            members: Vec::new(),
            stamp: None,
        }
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
    let writes: Vec<Write> = Role::built_in()
        .iter()
        .map(|role| Write::Put(Expect::Absent, role.draft()))
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
    pub(crate) name: String,
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

impl RoleMapping {
    pub(crate) fn read(object: &Object) -> Option<RoleMapping> {
        let body: MappingBody = serde_json::from_str(&object.body).ok()?;
        Some(RoleMapping {
            id: object.key.parse().ok()?,
            name: object.name.clone(),
            source: body.source,
            value: body.value,
            roles: body.roles,
        })
    }

    pub(crate) fn draft(&self) -> Draft {
        let body = MappingBody {
            source: self.source,
            value: self.value.clone(),
            roles: self.roles.clone(),
        };
        Draft {
            kind: Kind::RoleMapping,
            realm: RealmPath::root().key(),
            key: self.id.to_string(),
            name_key: self.name.to_lowercase(),
            name: self.name.clone(),
            owner: String::new(),
            // A struct of texts and numbers always serialises.
            body: serde_json::to_string(&body).unwrap_or_default(),
            secret: None,
            members: Vec::new(),
            stamp: None,
        }
    }
}
