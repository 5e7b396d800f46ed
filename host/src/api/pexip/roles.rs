//! Roles: requests name permissions by their addresses, answers show them whole.

use serde_json::{Value, json};

use super::caller::Administrator;
use super::error::Refusal;
use super::fields::{Change, Fields};
use super::permissions;
use super::registered::{Administered, Said};
use super::resource::Resource;
use crate::oauth::name::Name;
use crate::oauth::permission::{PERMISSIONS, Permission, Permissions};
use crate::oauth::registry::Registry;
use crate::oauth::role::{Role, RoleId};

impl Administered for Role {
    const RESOURCE: Resource = Resource::Role;
    const VIEW: Permission = Permission::ViewClients;
    const CHANGE: Permission = Permission::ChangeClients;

    fn all(registry: &Registry) -> Vec<&Role> {
        registry.roles().collect()
    }

    fn find<'a>(registry: &'a Registry, id: &str) -> Option<&'a Role> {
        registry.role(RoleId(id.parse().ok()?))
    }

    fn said(
        administrator: &Administrator,
        before: Option<Role>,
        mut fields: Fields,
        change: Change,
    ) -> Result<Said<Role>, Refusal> {
        let registry = &administrator.registry;
        let before = before.unwrap_or_else(|| Role {
            id: registry.next_role(),
            name: Name::default(),
            permissions: Permissions::NONE,
        });
        let name = fields.name("name", change, before.name);
        let same = registry.role_named(&name);
        if same.is_some_and(|role| role.id != before.id) {
            fields.fault("name", "A role of this name is there already");
        }
        let had: Vec<Permission> = before.permissions.iter().collect();
        let has = fields.references("permissions", change, had, permissions::named);
        fields.close(Resource::Role)?;
        Ok(Said::all(Role {
            id: before.id,
            name,
            permissions: has.into_iter().collect(),
        }))
    }

    fn object(&self) -> Value {
        let shown = PERMISSIONS
            .iter()
            .filter(|row| self.permissions.contains(row.permission));
        json!({
            "id": self.id.0,
            "name": self.name,
            "permissions": shown.map(permissions::object).collect::<Vec<_>>(),
            "resource_uri": Resource::Role.uri(self.id.0),
        })
    }
}

/// The role that an address names.
pub(super) fn named(registry: &Registry, uri: &str) -> Option<RoleId> {
    Role::find(registry, Resource::Role.id_in(uri)?).map(|role| role.id)
}
