//! Clients, roles and role mappings, on both faces that administer them.

use serde_json::{Value, json};

use super::support::{ADMINISTRATOR_PASSWORD, basic};
use super::{Caller, Nodes};

const CLIENTS: &str = "/am/json/global-config/clients";
const ROLES: &str = "/am/json/global-config/roles";
const MAPPINGS: &str = "/am/json/global-config/rolemappings";
const PEXIP: &str = "/api/admin/configuration/v1";

fn metadata(name: &str, role: Value) -> Value {
    json!({"client_name": name, "grant_types": ["client_credentials"], "role": role})
}

fn make(caller: &Caller, path: &str, body: Value) -> String {
    let made = caller.does("POST", format!("{path}?_action=create"), body);
    made["_id"].as_str().unwrap().to_owned()
}

fn role(caller: &Caller, name: &str) -> String {
    let body = json!({"name": name, "permissions": ["view_policies"]});
    make(caller, ROLES, body)
}

fn number(id: &str) -> Value {
    id.parse::<u32>().unwrap().into()
}

fn pexip(nodes: &Nodes) -> (Caller, Caller) {
    let proof = ("Authorization", basic("amadmin", ADMINISTRATOR_PASSWORD));
    let here = Caller::with(nodes.here(), proof.clone());
    (here, Caller::with(nodes.there(), proof))
}

pub(super) async fn a_disabled_client_stays_disabled(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let id = make(&here, CLIENTS, metadata("stolen", Value::Null));
    let path = format!("{CLIENTS}/{id}");
    let mut disabled = metadata("stolen", Value::Null);
    disabled["enabled"] = false.into();
    let disable = here.asks("PUT", &path, disabled);
    let rotate = there.asks("POST", format!("{path}?_action=rotateSecret"), json!({}));
    let (put, rotated) = nodes.race(&disable, &rotate).await;
    assert_eq!(
        (put.status, rotated.status),
        (200, 200),
        "{put:?} {rotated:?}"
    );
    assert_eq!(here.reads(&path)["enabled"], false);
}

pub(super) async fn parts_of_a_client_are_all_kept(nodes: &Nodes) {
    let (am, _) = nodes.administrators();
    let id = make(&am, CLIENTS, metadata("before", "Read-write".into()));
    nodes.settle().await;
    let (here, there) = pexip(nodes);
    let path = format!("{PEXIP}/oauth2_client/{id}/");
    let rename = here.asks("PATCH", &path, json!({"client_name": "after"}));
    let demote = there.asks("PATCH", &path, json!({"role": format!("{PEXIP}/role/1/")}));
    let (one, other) = nodes.race(&rename, &demote).await;
    for reply in [&one, &other] {
        assert!(reply.status < 300, "{reply:?}");
    }
    let now = here.reads(&path);
    let parts = (&now["client_name"], &now["role"]);
    let role = format!("{PEXIP}/role/1/");
    assert_eq!(parts, (&json!("after"), &json!(role)), "{now}");
}

pub(super) async fn a_client_has_its_role(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let fleeting = role(&here, "fleeting");
    let create = metadata("of a role", number(&fleeting));
    let create = here.asks("POST", format!("{CLIENTS}?_action=create"), create);
    let delete = there.asks("DELETE", format!("{ROLES}/{fleeting}"), Value::Null);
    let law = "a client is made while its role is deleted";
    let (created, deleted) = nodes.only_one(law, &create, &delete).await;
    match created.status {
        201 => assert_eq!(deleted.status, 409, "{deleted:?}"),
        _ => assert_eq!(created.status, 400, "{created:?}"),
    }

    // As RFC 7591 registers clients, and as Pexip changes them.
    let proof = ("Authorization", basic("amadmin", ADMINISTRATOR_PASSWORD));
    let registrar = Caller::with(nodes.here(), proof);
    let brief = role(&here, "brief");
    nodes.settle().await;
    let register = registrar.asks("POST", "/connect/register", metadata("r", number(&brief)));
    let delete = there.asks("DELETE", format!("{ROLES}/{brief}"), Value::Null);
    let law = "a client is registered while its role is deleted";
    nodes.only_one(law, &register, &delete).await;

    let last = role(&here, "last");
    let client = make(&here, CLIENTS, metadata("without", Value::Null));
    nodes.settle().await;
    let (pexip_here, pexip_there) = pexip(nodes);
    let given = json!({"role": format!("{PEXIP}/role/{last}/")});
    let give = pexip_here.asks("PATCH", format!("{PEXIP}/oauth2_client/{client}/"), given);
    let delete = pexip_there.asks("DELETE", format!("{PEXIP}/role/{last}/"), Value::Null);
    let law = "a client is given a role that is deleted";
    nodes.only_one(law, &give, &delete).await;
}

pub(super) async fn a_mapping_has_its_role(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let fleeting = role(&here, "mapped");
    let mapping = json!({
        "name": "mapping", "source": "group", "value": "g", "roles": [number(&fleeting)],
    });
    let create = here.asks("POST", format!("{MAPPINGS}?_action=create"), mapping);
    let delete = there.asks("DELETE", format!("{ROLES}/{fleeting}"), Value::Null);
    let law = "a mapping is made while its role is deleted";
    nodes.only_one(law, &create, &delete).await;
}

pub(super) async fn roles_have_numbers_of_their_own(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let create = |caller: &Caller, name: &str| {
        let body = json!({"name": name, "permissions": []});
        caller.asks("POST", format!("{ROLES}?_action=create"), body)
    };
    let (one, other) = nodes.race(&create(&here, "x"), &create(&there, "y")).await;
    assert_eq!((one.status, other.status), (201, 201), "{one:?} {other:?}");
    assert_ne!(one.json()["_id"], other.json()["_id"]);
}
