//! Policies, roles and permissions over REST.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::caller::{Administrator, Planned};
use super::document::Document;
use super::error::Refusal;
use super::page::{self, add, created, gone, link, page};
use crate::auth::NoRandomness;
use crate::limits::{HIERARCHY_DEPTH, HIERARCHY_ENTRIES};
use crate::policyserver::entry::{Entry, Permission, PermissionId, Policy, PolicyId, Role, RoleId};
use crate::policyserver::hierarchy::Hierarchy;
use crate::store::{Expect, Write};

type Answered = Result<Response<Body>, Refusal>;

/// `GET /management`: where everything is found from.
pub(super) async fn home(administrator: Administrator) -> Answered {
    let policies = "/management/policies";
    let mut links = vec![
        link("license", "/management/license", "License"),
        link("policies", policies, "Policies"),
    ];
    let changes = administrator.changes();
    links.extend(add(changes, "add-policy", policies, "Add a policy"));
    if administrator.sees_users() {
        links.extend([
            link("search", "/management/search/users", "users"),
            link("search", "/management/search/roles", "roles"),
        ]);
    }
    Ok(page(StatusCode::OK, json!({"version": 1}), links))
}

/// `GET /management/license`
pub(super) async fn license(_: Administrator) -> Answered {
    let data = json!({"product": "Assize", "license": env!("CARGO_PKG_LICENSE"), "version": env!("CARGO_PKG_VERSION")});
    Ok(page(StatusCode::OK, data, Vec::new()))
}

/// `GET /management/policies`: those at the top.
pub(super) async fn top(administrator: Administrator) -> Answered {
    Ok(policies(&administrator, None))
}

/// `GET /management/policies/{policy}/policies`
pub(super) async fn children(administrator: Administrator, Path(id): Path<String>) -> Answered {
    let parent = find_policy(&administrator.hierarchy, &id)?;
    Ok(policies(&administrator, Some(&parent.id)))
}

fn policies(administrator: &Administrator, parent: Option<&PolicyId>) -> Response<Body> {
    let (hierarchy, changes) = (&administrator.hierarchy, administrator.changes());
    let shown: Vec<Value> = hierarchy
        .children(parent)
        .map(|policy| page::policy(hierarchy, policy, changes))
        .collect();
    let here = match parent {
        None => "/management/policies".to_owned(),
        Some(parent) => format!("/management/policies/{parent}/policies"),
    };
    let links = add(changes, "add-policy", &here, "Add a policy");
    page(StatusCode::OK, shown.into(), links)
}

/// `POST /management/policies`
pub(super) async fn add_top(administrator: Administrator, document: Document) -> Answered {
    add_policy(administrator, None, document).await
}

/// `POST /management/policies/{policy}/policies`
pub(super) async fn add_child(
    administrator: Administrator,
    Path(id): Path<String>,
    document: Document,
) -> Answered {
    add_policy(administrator, Some(&id), document).await
}

async fn add_policy(
    mut administrator: Administrator,
    parent: Option<&str>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let parent = parent.map(|id| find_policy(hierarchy, id)).transpose()?;
        let mut document = document.clone();
        let label = document.label();
        document.close()?;
        let above = match parent {
            None => 0,
            Some(parent) => {
                let way = hierarchy.way_to(&parent.id);
                way.map_or(HIERARCHY_DEPTH, |way| way.len())
            }
        };
        if above >= HIERARCHY_DEPTH {
            return Err(Refusal::bad_request(format!(
                "Policies lie at most {HIERARCHY_DEPTH} levels deep"
            )));
        }
        check_room(hierarchy)?;
        let policy = Policy {
            id: PolicyId::new()?,
            parent: parent.map(|parent| parent.id.clone()),
            label,
            revision: 0,
        };
        // What is written beneath something is not left hanging: it must be there when the change is made.
        let mut writes: Vec<Write> = parent.into_iter().map(Entry::require).collect();
        writes.push(Write::Put(Expect::Absent, policy.draft()));
        Ok(Planned {
            summary: format!("add the policy {:?}", policy.label.name),
            writes,
            outcome: policy,
        })
    };
    let policy = administrator.change(plan).await?;
    let mut names = match &policy.parent {
        None => Vec::new(),
        Some(parent) => names(&administrator.hierarchy, parent),
    };
    names.push(policy.label.name.clone());
    let mut shown = page::policy(&administrator.hierarchy, &policy, administrator.changes());
    if let Some(members) = shown.as_object_mut() {
        members.insert("path".into(), names.join("/").into());
    }
    Ok(created(shown))
}

fn names(hierarchy: &Hierarchy, id: &PolicyId) -> Vec<String> {
    let way = hierarchy.way_to(id).unwrap_or_default();
    way.iter().map(|policy| policy.label.name.clone()).collect()
}

fn check_room(hierarchy: &Hierarchy) -> Result<(), Refusal> {
    if hierarchy.len() >= HIERARCHY_ENTRIES {
        return Err(Refusal::conflict(format!(
            "There are {HIERARCHY_ENTRIES} policies, roles, permissions and assignments, and there can be no more"
        )));
    }
    Ok(())
}

/// `GET /management/policies/{policy}`
pub(super) async fn policy(administrator: Administrator, Path(id): Path<String>) -> Answered {
    let hierarchy = &administrator.hierarchy;
    let policy = find_policy(hierarchy, &id)?;
    Ok(page(
        StatusCode::OK,
        page::policy(hierarchy, policy, administrator.changes()),
        Vec::new(),
    ))
}

/// `PUT /management/policies/{policy}`: another name, another description.
pub(super) async fn change_policy(
    mut administrator: Administrator,
    Path(id): Path<String>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let mut policy = find_policy(hierarchy, &id)?.clone();
        let mut document = document.clone();
        policy.label = document.label();
        document.close()?;
        Ok(changed(policy, "policy"))
    };
    let policy = administrator.change(plan).await?;
    let mut shown = page::policy(&administrator.hierarchy, &policy, administrator.changes());
    let mut names = names(&administrator.hierarchy, &policy.id);
    names.pop();
    names.push(policy.label.name.clone());
    if let Some(members) = shown.as_object_mut() {
        members.insert("path".into(), names.join("/").into());
    }
    Ok(page(StatusCode::OK, shown, Vec::new()))
}

/// `DELETE /management/policies/{policy}`, with everything in it and beneath it.
pub(super) async fn delete_policy(
    mut administrator: Administrator,
    Path(id): Path<String>,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let policy = find_policy(hierarchy, &id)?;
        Ok(Planned {
            summary: format!("delete the policy {:?}", policy.label.name),
            writes: hierarchy.delete_policy(&policy.id),
            outcome: (),
        })
    };
    administrator.change(plan).await?;
    Ok(gone())
}

/// `GET /management/policies/{policy}/roles`
pub(super) async fn roles(administrator: Administrator, Path(id): Path<String>) -> Answered {
    let hierarchy = &administrator.hierarchy;
    let policy = find_policy(hierarchy, &id)?;
    let shown: Vec<Value> = hierarchy.roles_of(&policy.id).map(page::role).collect();
    let here = format!("/management/policies/{}/roles", policy.id);
    Ok(page(
        StatusCode::OK,
        shown.into(),
        add(administrator.changes(), "add-role", &here, "Add a role"),
    ))
}

/// `POST /management/policies/{policy}/roles`
pub(super) async fn add_role(
    mut administrator: Administrator,
    Path(id): Path<String>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let policy = find_policy(hierarchy, &id)?;
        let mut document = document.clone();
        let label = document.label();
        document.close()?;
        check_room(hierarchy)?;
        let role = Role {
            id: RoleId::new()?,
            policy: policy.id.clone(),
            label,
            revision: 0,
        };
        Ok(Planned {
            summary: format!("add the role {:?}", role.label.name),
            writes: vec![policy.require(), Write::Put(Expect::Absent, role.draft())],
            outcome: role,
        })
    };
    let role = administrator.change(plan).await?;
    Ok(created(page::role(&role)))
}

/// `GET /management/roles/{role}`
pub(super) async fn role(administrator: Administrator, Path(id): Path<String>) -> Answered {
    let role = find_role(&administrator.hierarchy, &id)?;
    Ok(page(StatusCode::OK, page::role(role), Vec::new()))
}

/// `PUT /management/roles/{role}`
pub(super) async fn change_role(
    mut administrator: Administrator,
    Path(id): Path<String>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let mut role = find_role(hierarchy, &id)?.clone();
        let mut document = document.clone();
        role.label = document.label();
        document.close()?;
        Ok(changed(role, "role"))
    };
    let role = administrator.change(plan).await?;
    Ok(page(StatusCode::OK, page::role(&role), Vec::new()))
}

/// `DELETE /management/roles/{role}`, with its assignments; permissions lose it.
pub(super) async fn delete_role(
    mut administrator: Administrator,
    Path(id): Path<String>,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, as_of| {
        let role = find_role(hierarchy, &id)?;
        Ok(Planned {
            summary: format!("delete the role {:?}", role.label.name),
            writes: hierarchy.delete_role(role, as_of),
            outcome: (),
        })
    };
    administrator.change(plan).await?;
    Ok(gone())
}

/// `GET /management/policies/{policy}/permissions`
pub(super) async fn permissions(administrator: Administrator, Path(id): Path<String>) -> Answered {
    let hierarchy = &administrator.hierarchy;
    let policy = find_policy(hierarchy, &id)?;
    let permissions = hierarchy.permissions_of(&policy.id);
    let shown: Vec<Value> = permissions.map(page::permission).collect();
    let here = format!("/management/policies/{}/permissions", policy.id);
    let changes = administrator.changes();
    let links = add(changes, "add-permission", &here, "Add a permission");
    Ok(page(StatusCode::OK, shown.into(), links))
}

/// `POST /management/policies/{policy}/permissions`
pub(super) async fn add_permission(
    mut administrator: Administrator,
    Path(id): Path<String>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let policy = find_policy(hierarchy, &id)?;
        let mut document = document.clone();
        let label = document.label();
        let roles = roles_in_reach(hierarchy, &policy.id, &mut document);
        document.close()?;
        check_room(hierarchy)?;
        let permission = Permission {
            id: PermissionId::new()?,
            policy: policy.id.clone(),
            label,
            roles,
            revision: 0,
        };
        let mut writes = vec![policy.require()];
        writes.extend(require_roles(hierarchy, &permission));
        writes.push(Write::Put(Expect::Absent, permission.draft()));
        Ok(Planned {
            summary: format!("add the permission {:?}", permission.label.name),
            writes,
            outcome: permission,
        })
    };
    let permission = administrator.change(plan).await?;
    Ok(created(page::permission(&permission)))
}

/// `GET /management/permissions/{permission}`
pub(super) async fn permission(administrator: Administrator, Path(id): Path<String>) -> Answered {
    let permission = find_permission(&administrator.hierarchy, &id)?;
    Ok(page(
        StatusCode::OK,
        page::permission(permission),
        Vec::new(),
    ))
}

/// `PUT /management/permissions/{permission}`: another label, other roles.
pub(super) async fn change_permission(
    mut administrator: Administrator,
    Path(id): Path<String>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let mut permission = find_permission(hierarchy, &id)?.clone();
        let mut document = document.clone();
        permission.label = document.label();
        permission.roles = roles_in_reach(hierarchy, &permission.policy, &mut document);
        document.close()?;
        let mut planned = changed(permission, "permission");
        let roles = require_roles(hierarchy, &planned.outcome);
        planned.writes.splice(..0, roles);
        Ok(planned)
    };
    let permission = administrator.change(plan).await?;
    Ok(page(
        StatusCode::OK,
        page::permission(&permission),
        Vec::new(),
    ))
}

/// `DELETE /management/permissions/{permission}`
pub(super) async fn delete_permission(
    mut administrator: Administrator,
    Path(id): Path<String>,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let permission = find_permission(hierarchy, &id)?;
        Ok(Planned {
            summary: format!("delete the permission {:?}", permission.label.name),
            writes: vec![permission.delete()],
            outcome: (),
        })
    };
    administrator.change(plan).await?;
    Ok(gone())
}

/// What writes an entry that was changed from what it is.
fn changed<T: Entry>(entry: T, noun: &str) -> Planned<T> {
    Planned {
        summary: format!("change the {noun} {}", entry.key()),
        writes: entry.change(),
        outcome: entry,
    }
}

/// That the roles of a permission are there when it is written.
fn require_roles(hierarchy: &Hierarchy, permission: &Permission) -> Vec<Write> {
    let roles = permission.roles.iter();
    let known = roles.filter_map(|id| hierarchy.role(id));
    known.map(Entry::require).collect()
}

/// The member `roles`: ids of roles of the policy or of one above it.
fn roles_in_reach(
    hierarchy: &Hierarchy,
    policy: &PolicyId,
    document: &mut Document,
) -> Vec<RoleId> {
    let named = document.texts("roles");
    let way = hierarchy.way_to(policy).unwrap_or_default();
    let roles: Vec<RoleId> = named.iter().map(|id| RoleId::from(id.as_str())).collect();
    for (at, id) in roles.iter().enumerate() {
        let role = hierarchy.role(id);
        if !role.is_some_and(|role| way.iter().any(|policy| policy.id == role.policy)) {
            let why = "is no role of the policy nor of one above it";
            document.fault(&format!("roles[{at}]"), why);
        }
    }
    roles
}

pub(super) fn find_policy<'a>(hierarchy: &'a Hierarchy, id: &str) -> Result<&'a Policy, Refusal> {
    let policy = hierarchy.policy(&PolicyId::from(id));
    policy.ok_or_else(|| Refusal::not_found("policy", id))
}

pub(super) fn find_role<'a>(hierarchy: &'a Hierarchy, id: &str) -> Result<&'a Role, Refusal> {
    let role = hierarchy.role(&RoleId::from(id));
    role.ok_or_else(|| Refusal::not_found("role", id))
}

fn find_permission<'a>(hierarchy: &'a Hierarchy, id: &str) -> Result<&'a Permission, Refusal> {
    let permission = hierarchy.permission(&PermissionId::from(id));
    permission.ok_or_else(|| Refusal::not_found("permission", id))
}

impl From<NoRandomness> for Refusal {
    fn from(_: NoRandomness) -> Self {
        Refusal::internal("the system gave no randomness")
    }
}
