//! Who has which role, over REST: assignments by `sub`, by identity role, by any claim. The three kinds have routes of
//! the same shape: `/management/policies/{policy}/KIND-assignments/{role}` and `/management/KIND-assignments/{id}`.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use serde_json::Value;

use super::super::routes::Routes;
use super::caller::{Administrator, Planned};
use super::document::Document;
use super::error::Refusal;
use super::management::{find_policy, find_role};
use super::only;
use super::page::{self, created, gone, page};
use crate::limits::HIERARCHY_ENTRIES;
use crate::policyserver::entry::{Assignee, AssigneeKind, Assignment, AssignmentId, Entry, Role};
use crate::policyserver::hierarchy::Hierarchy;
use crate::store::{Expect, Write};

type Answered = Result<Response<Body>, Refusal>;

/// Adds the routes of one kind.
pub(super) fn routes(routes: Routes, kind: AssigneeKind) -> Routes {
    let word = word(kind);
    routes
        .route(
            &format!("/management/policies/{{policy}}/{word}-assignments/{{role}}"),
            only(
                get(move |administrator, path| list(kind, administrator, path)).post(
                    move |administrator, path, document| add(kind, administrator, path, document),
                ),
            ),
        )
        .route(
            &format!("/management/{word}-assignments/{{assignment}}"),
            only(
                get(move |administrator, path| read(kind, administrator, path))
                    .put(move |administrator, path, document| {
                        change(kind, administrator, path, document)
                    })
                    .delete(move |administrator, path| delete(kind, administrator, path)),
            ),
        )
}

fn word(kind: AssigneeKind) -> &'static str {
    match kind {
        AssigneeKind::Subject => "subject",
        AssigneeKind::Role => "role",
        AssigneeKind::Claim => "claim",
    }
}

async fn list(
    kind: AssigneeKind,
    administrator: Administrator,
    Path((policy, role)): Path<(String, String)>,
) -> Answered {
    let hierarchy = &administrator.hierarchy;
    let role = role_of(hierarchy, &policy, &role)?;
    let of_kind = hierarchy
        .assignments_of(&role.id)
        .filter(|assignment| assignment.assignee.kind() == kind);
    let shown: Vec<Value> = of_kind.map(page::assignment).collect();
    let word = word(kind);
    let here = format!(
        "/management/policies/{policy}/{word}-assignments/{}",
        role.id
    );
    let rel = format!("add-{word}-assignment");
    let links = page::add(administrator.changes(), &rel, &here, "Assign");
    Ok(page(StatusCode::OK, shown.into(), links))
}

async fn add(
    kind: AssigneeKind,
    mut administrator: Administrator,
    Path((policy, role)): Path<(String, String)>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let role = role_of(hierarchy, &policy, &role)?;
        let assignee = assignee(kind, document.clone())?;
        if hierarchy.len() >= HIERARCHY_ENTRIES {
            return Err(Refusal::conflict(format!(
                "There are {HIERARCHY_ENTRIES} policies, roles, permissions and assignments, and there can be no more"
            )));
        }
        let assignment = Assignment {
            id: AssignmentId::new()?,
            role: role.id.clone(),
            assignee,
            revision: 0,
        };
        Ok(Planned {
            summary: format!("assign the role {:?}", role.label.name),
            writes: vec![
                role.require(),
                Write::Put(Expect::Absent, assignment.draft()),
            ],
            outcome: assignment,
        })
    };
    let assignment = administrator.change(plan).await?;
    Ok(created(page::assignment(&assignment)))
}

async fn read(
    kind: AssigneeKind,
    administrator: Administrator,
    Path(id): Path<String>,
) -> Answered {
    let assignment = find(&administrator.hierarchy, kind, &id)?;
    Ok(page(
        StatusCode::OK,
        page::assignment(assignment),
        Vec::new(),
    ))
}

async fn change(
    kind: AssigneeKind,
    mut administrator: Administrator,
    Path(id): Path<String>,
    document: Document,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        let mut assignment = find(hierarchy, kind, &id)?.clone();
        assignment.assignee = assignee(kind, document.clone())?;
        Ok(Planned {
            summary: "change an assignment".to_owned(),
            writes: assignment.change(),
            outcome: assignment,
        })
    };
    let assignment = administrator.change(plan).await?;
    Ok(page(
        StatusCode::OK,
        page::assignment(&assignment),
        Vec::new(),
    ))
}

async fn delete(
    kind: AssigneeKind,
    mut administrator: Administrator,
    Path(id): Path<String>,
) -> Answered {
    let plan = |hierarchy: &Hierarchy, _| {
        Ok(Planned {
            summary: "remove an assignment".to_owned(),
            writes: vec![find(hierarchy, kind, &id)?.delete()],
            outcome: (),
        })
    };
    administrator.change(plan).await?;
    Ok(gone())
}

/// `DELETE /management/subjects/{subject}/subject-assignments`: takes every role from a user.
pub(super) async fn delete_subject(
    mut administrator: Administrator,
    Path(subject): Path<String>,
) -> Answered {
    let of_subject = |assignment: &&Assignment| matches!(&assignment.assignee, Assignee::Subject { sub } if *sub == subject);
    if !administrator
        .hierarchy
        .assignments()
        .any(|one| of_subject(&one))
    {
        return Ok(gone());
    }
    let plan = |hierarchy: &Hierarchy, _| {
        let theirs = hierarchy.assignments().filter(of_subject);
        Ok(Planned {
            summary: "take all roles from a user".to_owned(),
            writes: theirs.map(Entry::delete).collect(),
            outcome: (),
        })
    };
    administrator.change(plan).await?;
    Ok(gone())
}

/// The assignee that a body names.
fn assignee(kind: AssigneeKind, mut document: Document) -> Result<Assignee, Refusal> {
    let assignee = match kind {
        AssigneeKind::Subject => Assignee::Subject {
            sub: document.text("subject"),
        },
        AssigneeKind::Role => Assignee::Role {
            role: document.text("identityRole"),
        },
        AssigneeKind::Claim => Assignee::Claim {
            r#type: document.text("claimType"),
            value: document.text("claimValue"),
        },
    };
    document.close()?;
    Ok(assignee)
}

/// A role that must be the policy's own.
fn role_of<'a>(hierarchy: &'a Hierarchy, policy: &str, role: &str) -> Result<&'a Role, Refusal> {
    let policy = find_policy(hierarchy, policy)?;
    let found = find_role(hierarchy, role)?;
    if found.policy == policy.id {
        Ok(found)
    } else {
        Err(Refusal::not_found("role of this policy", role))
    }
}

fn find<'a>(
    hierarchy: &'a Hierarchy,
    kind: AssigneeKind,
    id: &str,
) -> Result<&'a Assignment, Refusal> {
    hierarchy
        .assignment(&AssignmentId::from(id))
        .filter(|assignment| assignment.assignee.kind() == kind)
        .ok_or_else(|| Refusal::not_found("assignment", id))
}
