//! What clients, roles and role mappings have in common: how they are stored, and who may administer them.

use serde::Serialize;

use super::client::Client;
use super::name::Name;
use super::permission::Permissions;
use super::registry::Registry;
use super::role::{RoleId, RoleMapping};
use crate::realm::RealmPath;
use crate::store::{Draft, Expect, Kind, Object, Unreferred, Write};

/// Something in the registry.
pub(crate) trait Registered: Sized {
    const KIND: Kind;
    /// What audit records call it.
    const AUDITED: &'static str;

    /// `None` for a document that cannot be read.
    fn read(object: &Object) -> Option<Self>;

    fn draft(&self) -> Draft;

    /// What the store finds it by.
    fn key(&self) -> String;

    /// What it lets somebody do. Nobody makes it, changes it or takes it away who may not do all of this.
    fn permits(&self, registry: &Registry) -> Permissions;

    /// The roles that it has.
    fn roles(&self) -> &[RoleId] {
        &[]
    }

    /// The role that it is.
    fn role(&self) -> Option<RoleId> {
        None
    }

    /// What makes it, as long as its roles are what the registry knows.
    fn creation(&self, registry: &Registry) -> Vec<Write> {
        let mut writes = registry.require_roles(self.roles());
        writes.push(Write::Put(Expect::Absent, self.draft()));
        writes
    }

    /// What writes what it has become, as long as it was at `revision` what it was made from, and its roles are what the
    /// registry knows.
    fn change(&self, registry: &Registry, revision: u64) -> Vec<Write> {
        let mut writes = vec![self.require(revision)];
        writes.extend(registry.require_roles(self.roles()));
        writes.push(Write::Put(Expect::Present, self.draft()));
        writes
    }

    /// What deletes it as it was at `revision`, as long as nothing has come to use it.
    ///
    /// # Errors
    /// [`InUse`]
    fn deletion(&self, registry: &Registry, revision: u64) -> Result<Vec<Write>, InUse> {
        let mut writes = vec![self.require(revision)];
        if let Some(role) = self.role() {
            let users = registry.users_of(role);
            if !users.is_empty() {
                return Err(InUse(users));
            }
            writes.push(unused::<Client>(registry, role));
            writes.push(unused::<RoleMapping>(registry, role));
        }
        writes.push(Write::Delete {
            kind: Self::KIND,
            realm: RealmPath::root().key(),
            key: self.key(),
        });
        Ok(writes)
    }

    /// That it is at a revision still.
    fn require(&self, revision: u64) -> Write {
        Write::Require {
            kind: Self::KIND,
            realm: RealmPath::root().key(),
            key: self.key(),
            revision,
        }
    }
}

/// That nothing of a kind has got a role that the registry does not know of.
fn unused<R: Registered>(registry: &Registry, role: RoleId) -> Write {
    Write::RequireUnreferred(Unreferred {
        kind: R::KIND,
        realm: RealmPath::root().key(),
        since: registry.as_of,
        to: role.0.to_string(),
        refers: |object, role| {
            let known = R::read(object);
            known.is_some_and(|known| known.roles().iter().any(|own| own.0.to_string() == role))
        },
    })
}

/// The caller may do less than what a registration permits.
#[derive(Debug)]
pub(crate) struct BeyondTheCaller;

/// Names of what uses a registration that should be deleted.
#[derive(Debug)]
pub(crate) struct InUse(pub(crate) Vec<String>);

impl Registry {
    /// Checks that somebody who holds `held` may make, change or take away a registration.
    ///
    /// # Errors
    /// [`BeyondTheCaller`]
    pub(crate) fn administers(
        &self,
        held: Permissions,
        registered: &impl Registered,
    ) -> Result<(), BeyondTheCaller> {
        if self.may_give(held, registered.permits(self)) {
            Ok(())
        } else {
            Err(BeyondTheCaller)
        }
    }
}

/// The document of a registration. All of them are the root realm's.
pub(super) fn document(
    (kind, key): (Kind, String),
    (name, name_key): (&Name, String),
    body: &impl Serialize,
) -> Draft {
    Draft {
        kind,
        realm: RealmPath::root().key(),
        key,
        name_key,
        name: name.to_string(),
        owner: String::new(),
        // Structs of texts, numbers and JSON always serialise.
        body: serde_json::to_string(body).unwrap_or_default(),
        secret: None,
        members: Vec::new(),
        stamp: None,
    }
}
