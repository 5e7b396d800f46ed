//! `…/global-config/rolemappings`: who, known by another issuer or by a group, is an administrator of which kind.

use serde_json::json;

use super::registrations::{Administered, Said};
use super::{Asked, array, name, refused, text};
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::documents::Members;
use crate::oauth::name::mapping_value;
use crate::oauth::registry::Registry;
use crate::oauth::role::{RoleId, RoleMapping, Source};

impl Administered for RoleMapping {
    // As Pexip's API has it: who is an administrator is authentication configuration.
    const ENDPOINT: Endpoint = Endpoint::Authentication;
    const PATH: &'static str = "global-config/rolemappings";
    const NOUN: &'static str = "role mapping";

    fn said(
        asked: &Asked<'_>,
        registry: &Registry,
        before: Option<RoleMapping>,
    ) -> Result<Said<RoleMapping>, ApiError> {
        let body = asked.call.members()?;
        let source = match text(&body, "source")? {
            "sub" => Source::Sub,
            "role" => Source::Role,
            "group" => Source::Group,
            _ => return Err(refused("source", "must be sub, role or group")),
        };
        let value = mapping_value(text(&body, "value")?);
        let value = value.map_err(|fault| refused("value", &fault.to_string()))?;
        let mut roles: Vec<RoleId> = Vec::new();
        for (n, wanted) in array(&body, "roles")?.iter().enumerate() {
            let path = format!("roles/{n}");
            let role = registry.role_meant(wanted);
            let role = role.ok_or_else(|| refused(&path, "names no role, by number or by name"))?;
            roles.push(role.id);
        }
        let mapping = RoleMapping {
            id: before.map_or_else(|| registry.next_mapping(), |before| before.id),
            name: name(&body)?,
            source,
            value,
            roles,
        };
        Ok(Said::all(mapping))
    }

    fn written(&self) -> Members {
        let roles: Vec<u32> = self.roles.iter().map(|role| role.0).collect();
        let mut members = Members::new();
        members.insert("name".into(), json!(self.name));
        members.insert("source".into(), json!(self.source));
        members.insert("value".into(), self.value.as_str().into());
        members.insert("roles".into(), roles.into());
        members
    }
}
