//! Answers with links: clients find their way by `rel`.

use axum::body::Body;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use crate::policyserver::entry::{Assignee, Assignment, Permission, Policy, Role};
use crate::policyserver::hierarchy::Hierarchy;

/// `{"data", "links"}` with a status.
pub(super) fn page(status: StatusCode, data: Value, links: Vec<Value>) -> Response<Body> {
    answer(status, &json!({"data": data, "links": links}))
}

/// 201 for something new, with its address.
pub(super) fn created(data: Value) -> Response<Body> {
    let address = self_address(&data);
    let mut response = answer(StatusCode::CREATED, &json!({"data": data, "links": []}));
    if let Ok(location) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// 204: done, and nothing is left to tell.
pub(super) fn gone() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The way to add something, for somebody who `changes` what is shown.
pub(super) fn add(changes: bool, rel: &str, href: &str, name: &str) -> Vec<Value> {
    if changes {
        vec![link(rel, href, name)]
    } else {
        Vec::new()
    }
}

pub(super) fn link(rel: &str, href: &str, name: &str) -> Value {
    json!({"rel": rel, "href": href, "name": name})
}

fn self_address(data: &Value) -> String {
    let first = data.pointer("/links/0/href").and_then(Value::as_str);
    first.unwrap_or_default().to_owned()
}

/// A policy as it is shown to somebody who `changes` it, or does not. The first link of everything shown leads to itself.
pub(super) fn policy(hierarchy: &Hierarchy, policy: &Policy, changes: bool) -> Value {
    let own = format!("/management/policies/{}", policy.id);
    let way = hierarchy.way_to(&policy.id).unwrap_or_default();
    let names: Vec<&str> = way
        .iter()
        .map(|policy| policy.label.name.as_str())
        .collect();
    let below = |rel: &str, what: &str, name: &str| link(rel, &format!("{own}/{what}"), name);
    let mut links = vec![
        link("self", &own, &policy.label.name),
        below("policies", "policies", "Child policies"),
        below("roles", "roles", "Roles"),
        below("permissions", "permissions", "Permissions"),
    ];
    if changes {
        links.extend([
            below("add-policy", "policies", "Add a child policy"),
            below("add-role", "roles", "Add a role"),
            below("add-permission", "permissions", "Add a permission"),
        ]);
    }
    json!({
        "id": policy.id,
        "name": policy.label.name,
        "description": policy.label.description,
        "path": names.join("/"),
        "parent": policy.parent,
        "links": links,
    })
}

/// A role as it is shown.
pub(super) fn role(role: &Role) -> Value {
    let own = format!("/management/roles/{}", role.id);
    let assignments = |kind: &str| {
        let (policy, role) = (&role.policy, &role.id);
        format!("/management/policies/{policy}/{kind}-assignments/{role}")
    };
    json!({
        "id": role.id,
        "name": role.label.name,
        "description": role.label.description,
        "policy": role.policy,
        "links": [
            link("self", &own, &role.label.name),
            link("policy", &format!("/management/policies/{}", role.policy), "Policy"),
            link("subject-assignments", &assignments("subject"), "Users"),
            link("role-assignments", &assignments("role"), "Identity roles"),
            link("claim-assignments", &assignments("claim"), "Claims"),
        ],
    })
}

/// A permission as it is shown.
pub(super) fn permission(permission: &Permission) -> Value {
    let own = format!("/management/permissions/{}", permission.id);
    json!({
        "id": permission.id,
        "name": permission.label.name,
        "description": permission.label.description,
        "policy": permission.policy,
        "roles": permission.roles,
        "links": [
            link("self", &own, &permission.label.name),
            link("policy", &format!("/management/policies/{}", permission.policy), "Policy"),
        ],
    })
}

/// An assignment as it is shown.
pub(super) fn assignment(assignment: &Assignment) -> Value {
    let (kind, name) = match &assignment.assignee {
        Assignee::Subject { sub } => ("subject", sub.clone()),
        Assignee::Role { role } => ("role", role.clone()),
        Assignee::Claim { r#type, value } => ("claim", format!("{type}={value}")),
    };
    let own = format!("/management/{kind}-assignments/{}", assignment.id);
    let mut shown = json!({"id": assignment.id, "role": assignment.role});
    if let Some(members) = shown.as_object_mut() {
        match &assignment.assignee {
            Assignee::Subject { sub } => {
                members.insert("subject".into(), sub.as_str().into());
            }
            Assignee::Role { role } => {
                members.insert("identityRole".into(), role.as_str().into());
            }
            Assignee::Claim { r#type, value } => {
                members.insert("claimType".into(), r#type.as_str().into());
                members.insert("claimValue".into(), value.as_str().into());
            }
        }
        let links = json!([
            link("self", &own, &name),
            link(
                "role",
                &format!("/management/roles/{}", assignment.role),
                "Role"
            ),
        ]);
        members.insert("links".into(), links);
    }
    shown
}
