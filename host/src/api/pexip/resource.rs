//! What there is, where, and how changes of it are answered.

use axum::body::Body;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

use super::super::oauth::error::answer;
use super::fields::Change;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Client,
    Role,
    Permission,
    RoleMapping,
    Authentication,
    /// Tokens that are good now: our own resource, as Pexip has a page for them and no API.
    Token,
}

impl Resource {
    pub(super) const ALL: [Resource; 6] = [
        Resource::Client,
        Resource::Role,
        Resource::Permission,
        Resource::RoleMapping,
        Resource::Authentication,
        Resource::Token,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Resource::Client => "oauth2_client",
            Resource::Role => "role",
            Resource::Permission => "permission",
            Resource::RoleMapping => "role_mapping",
            Resource::Authentication => "authentication",
            Resource::Token => "oauth2_token",
        }
    }

    /// The API that it belongs to: what is configured, or what is so.
    pub(super) fn api(self) -> &'static str {
        match self {
            Resource::Token => "status",
            _ => "configuration",
        }
    }

    /// The address of all.
    pub(super) fn list(self) -> String {
        format!("/api/admin/{}/v1/{}/", self.api(), self.name())
    }

    /// The pattern of the addresses of each.
    pub(super) fn detail(self) -> String {
        format!("{}{{id}}/", self.list())
    }

    /// The address of one.
    pub(super) fn uri(self, id: impl std::fmt::Display) -> String {
        format!("{}{id}/", self.list())
    }

    /// The id in the address of one; scheme and host may stand before it.
    pub(super) fn id_in(self, uri: &str) -> Option<&str> {
        let list = self.list();
        let at = uri.find(&list)?;
        let id = uri.get(at + list.len()..)?;
        let id = id.strip_suffix('/').unwrap_or(id);
        (!id.is_empty() && !id.contains('/')).then_some(id)
    }
}

/// 201 with the object and its address.
pub(super) fn created(object: Value) -> Response<Body> {
    let mut response = answer(StatusCode::CREATED, &object);
    let uri = object.get("resource_uri").and_then(Value::as_str);
    if let Some(Ok(location)) = uri.map(HeaderValue::from_str) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// What a change is answered with: Pexip accepts parts (202) and answers for the whole.
pub(super) fn changed(change: Change) -> StatusCode {
    match change {
        Change::Whole => StatusCode::OK,
        Change::Part => StatusCode::ACCEPTED,
    }
}

/// 204
pub(super) fn gone() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_one_object() {
        let uri = Resource::Role.uri(7);
        assert_eq!(uri, "/api/admin/configuration/v1/role/7/");
        for good in [
            uri.as_str(),
            "/api/admin/configuration/v1/role/7",
            "https://node.example/api/admin/configuration/v1/role/7/",
        ] {
            assert_eq!(Resource::Role.id_in(good), Some("7"), "{good}");
        }
        for bad in [
            "7",
            "/api/admin/configuration/v1/role/",
            "/api/admin/configuration/v1/role/7/8/",
            "/api/admin/configuration/v1/permission/7/",
        ] {
            assert_eq!(Resource::Role.id_in(bad), None, "{bad}");
        }
    }
}
