//! `…/global-config/roles`

use serde_json::json;

use super::registrations::{Administered, Said};
use super::{Asked, array, name, refused};
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::documents::Members;
use crate::oauth::permission::{Permission, Permissions};
use crate::oauth::registry::Registry;
use crate::oauth::role::Role;

impl Administered for Role {
    const ENDPOINT: Endpoint = Endpoint::Clients;
    const PATH: &'static str = "global-config/roles";
    const NOUN: &'static str = "role";

    fn said(
        asked: &Asked<'_>,
        registry: &Registry,
        before: Option<Role>,
    ) -> Result<Said<Role>, ApiError> {
        let body = asked.call.members()?;
        let mut permissions = Permissions::NONE;
        for (n, codename) in array(&body, "permissions")?.iter().enumerate() {
            let known = codename.as_str().and_then(Permission::with_codename);
            let path = format!("permissions/{n}");
            permissions = permissions
                .with(known.ok_or_else(|| refused(&path, "is the codename of no permission"))?);
        }
        let role = Role {
            id: before.map_or_else(|| registry.next_role(), |before| before.id),
            name: name(&body)?,
            permissions,
        };
        Ok(Said::all(role))
    }

    fn written(&self) -> Members {
        let mut members = Members::new();
        members.insert("name".into(), json!(self.name));
        members.insert("permissions".into(), json!(self.permissions.codenames()));
        members
    }
}
