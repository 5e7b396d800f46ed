//! What clients, roles and role mappings have in common: how they are stored, and who may administer them.

use serde::Serialize;

use super::name::Name;
use super::permission::Permissions;
use super::registry::Registry;
use crate::realm::RealmPath;
use crate::store::{Draft, Expect, Kind, Object, Write};

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

    /// Names of what refers to it. It stays as long as there are any.
    fn users(&self, _: &Registry) -> Vec<String> {
        Vec::new()
    }

    fn creation(&self) -> Write {
        Write::Put(Expect::Absent, self.draft())
    }

    fn change(&self) -> Write {
        Write::Put(Expect::Present, self.draft())
    }

    /// # Errors
    /// [`InUse`]
    fn deletion(&self, registry: &Registry) -> Result<Write, InUse> {
        let users = self.users(registry);
        if !users.is_empty() {
            return Err(InUse(users));
        }
        Ok(Write::Delete {
            kind: Self::KIND,
            realm: RealmPath::root().key(),
            key: self.key(),
        })
    }
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
