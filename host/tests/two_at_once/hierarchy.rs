//! PolicyServer's policies, roles, permissions and assignments.

use serde_json::{Value, json};

use super::{Caller, Nodes, with_token};

async fn administrators(nodes: &Nodes) -> (Caller, Caller) {
    let registrar = nodes.here().client();
    let here = with_token(&registrar, nodes.here(), "policyserver.management");
    let there = Caller {
        address: nodes.there().address,
        ..here.clone()
    };
    nodes.settle().await;
    (here, there)
}

fn add(caller: &Caller, path: &str, body: Value) -> String {
    let made = caller.does("POST", path, body);
    made["data"]["id"].as_str().unwrap().to_owned()
}

/// A policy and a role of it.
fn policy(caller: &Caller, name: &str) -> (String, String) {
    let policy = add(caller, "/management/policies", json!({"name": name}));
    let policy = format!("/management/policies/{policy}");
    let role = add(caller, &format!("{policy}/roles"), json!({"name": "role"}));
    (policy, role)
}

fn roles_of(caller: &Caller, permission: &str) -> (Value, usize) {
    let data = caller.reads(format!("/management/permissions/{permission}"))["data"].clone();
    let roles = data["roles"].as_array().unwrap().len();
    (data["name"].clone(), roles)
}

pub(super) async fn a_permission_keeps_what_is_written(nodes: &Nodes) {
    let (here, there) = administrators(nodes).await;
    let (policy, role) = policy(&here, "first");
    let body = json!({"name": "before", "roles": [role]});
    let permission = add(&here, &format!("{policy}/permissions"), body);
    let path = format!("/management/permissions/{permission}");
    let rename = here.asks("PUT", &path, json!({"name": "after", "roles": []}));
    let delete = there.asks("DELETE", format!("/management/roles/{role}"), Value::Null);
    let (put, deleted) = nodes.race(&rename, &delete).await;
    assert!(
        put.status < 300 && deleted.status < 300,
        "{put:?} {deleted:?}"
    );
    assert_eq!(roles_of(&here, &permission), ("after".into(), 0));
}

pub(super) async fn a_permission_has_no_role_that_is_gone(nodes: &Nodes) {
    let (here, there) = administrators(nodes).await;
    let (policy, role) = policy(&here, "second");
    let body = json!({"name": "p", "roles": []});
    let permission = add(&here, &format!("{policy}/permissions"), body);
    let path = format!("/management/permissions/{permission}");
    let give = here.asks("PUT", &path, json!({"name": "p", "roles": [role]}));
    let delete = there.asks("DELETE", format!("/management/roles/{role}"), Value::Null);
    let (put, deleted) = nodes.race(&give, &delete).await;
    assert!(deleted.status < 300, "{deleted:?}");
    assert!([200, 400].contains(&put.status), "{put:?}");
    assert_eq!(roles_of(&here, &permission).1, 0);

    // A new one has none that is gone either.
    let other = add(&here, &format!("{policy}/roles"), json!({"name": "other"}));
    let body = json!({"name": "q", "roles": [other]});
    let create = here.asks("POST", format!("{policy}/permissions"), body);
    let delete = there.asks("DELETE", format!("/management/roles/{other}"), Value::Null);
    let (created, deleted) = nodes.race(&create, &delete).await;
    assert!(deleted.status < 300, "{deleted:?}");
    if created.status == 201 {
        let data = created.json()["data"].clone();
        assert_eq!(roles_of(&here, data["id"].as_str().unwrap()).1, 0);
    } else {
        assert_eq!(created.status, 400, "{created:?}");
    }
}

pub(super) async fn nothing_hangs_in_the_air(nodes: &Nodes) {
    let (here, there) = administrators(nodes).await;
    for (n, kind) in ["roles", "permissions", "policies"].into_iter().enumerate() {
        let (policy, _) = policy(&here, &format!("brief {n}"));
        let create = here.asks("POST", format!("{policy}/{kind}"), json!({"name": "x"}));
        let delete = there.asks("DELETE", &policy, Value::Null);
        let (created, deleted) = nodes.race(&create, &delete).await;
        assert!(deleted.status < 300, "{deleted:?}");
        // What was made went with it, or was not made any more.
        if created.status == 201 {
            let id = created.json()["data"]["id"].clone();
            let made = format!("/management/{kind}/{}", id.as_str().unwrap());
            assert_eq!(here.status(made), 404, "{kind}");
        } else {
            assert_eq!(created.status, 404, "{created:?}");
        }
    }
}

pub(super) async fn assignments_go_with_their_role(nodes: &Nodes) {
    let (here, there) = administrators(nodes).await;
    let (policy, role) = policy(&here, "assigned");
    let path = format!("{policy}/subject-assignments/{role}");
    let assign = here.asks("POST", path, json!({"subject": "alice"}));
    let delete = there.asks("DELETE", format!("/management/roles/{role}"), Value::Null);
    let (assigned, deleted) = nodes.race(&assign, &delete).await;
    assert!(deleted.status < 300, "{deleted:?}");
    if assigned.status == 201 {
        let id = assigned.json()["data"]["id"].clone();
        let made = format!("/management/subject-assignments/{}", id.as_str().unwrap());
        assert_eq!(here.status(made), 404);
    } else {
        assert_eq!(assigned.status, 404, "{assigned:?}");
    }
}
