//! Role mappings: who is an administrator by what another authority says of them. Pexip's sources are `LDAP` (a group of
//! the user who logs in) and `OIDC` (a role in the token of the other issuer); `SUB`, a token's subject, is ours.

use serde_json::{Value, json};

use super::caller::Administrator;
use super::error::Refusal;
use super::fields::{Change, Fields};
use super::registered::{Administered, Said};
use super::resource::Resource;
use super::roles;
use crate::oauth::name::Name;
use crate::oauth::permission::Permission;
use crate::oauth::registry::Registry;
use crate::oauth::role::{RoleMapping, Source};

const SOURCES: [(&str, Source); 3] = [
    ("LDAP", Source::Group),
    ("OIDC", Source::Role),
    ("SUB", Source::Sub),
];

impl Administered for RoleMapping {
    const RESOURCE: Resource = Resource::RoleMapping;
    const VIEW: Permission = Permission::ViewAuthentication;
    const CHANGE: Permission = Permission::ChangeAuthentication;

    fn all(registry: &Registry) -> Vec<&RoleMapping> {
        registry.mappings().iter().collect()
    }

    fn find<'a>(registry: &'a Registry, id: &str) -> Option<&'a RoleMapping> {
        let mut mappings = registry.mappings().iter();
        mappings.find(|mapping| mapping.id.to_string() == id)
    }

    fn said(
        administrator: &Administrator,
        before: Option<RoleMapping>,
        mut fields: Fields,
        change: Change,
    ) -> Result<Said<RoleMapping>, Refusal> {
        let registry = &administrator.registry;
        let before = before.unwrap_or_else(|| RoleMapping {
            id: registry.next_mapping(),
            name: Name::default(),
            source: Source::Group,
            value: String::new(),
            roles: Vec::new(),
        });
        let name = fields.name("name", change, before.name);
        let same = registry.mapping_named(&name);
        if same.is_some_and(|mapping| mapping.id != before.id) {
            fields.fault("name", "A role mapping of this name is there already");
        }
        let source = fields.text("source", change, source_name(before.source).to_owned());
        let source = SOURCES.into_iter().find(|(name, _)| *name == source);
        if source.is_none() {
            fields.fault("source", "LDAP, OIDC or SUB is needed");
        }
        let value = fields.text("value", change, before.value);
        let roles = fields.references("roles", change, before.roles, |uri| {
            roles::named(registry, uri)
        });
        fields.close(Resource::RoleMapping)?;
        Ok(Said::all(RoleMapping {
            id: before.id,
            name,
            source: source.map_or(before.source, |(_, source)| source),
            value,
            roles,
        }))
    }

    fn object(&self) -> Value {
        let roles = self.roles.iter().map(|role| Resource::Role.uri(role.0));
        json!({
            "id": self.id,
            "name": self.name,
            "source": source_name(self.source),
            "value": self.value,
            "roles": roles.collect::<Vec<_>>(),
            "resource_uri": Resource::RoleMapping.uri(self.id),
        })
    }
}

fn source_name(source: Source) -> &'static str {
    let found = SOURCES.iter().find(|(_, known)| *known == source);
    found.map_or("", |(name, _)| name)
}
