//! Realms, what is in them, and those beneath them.

use serde_json::{Value, json};

use super::support::PASSWORD;
use super::{Caller, Nodes};

const REALMS: &str = "/am/json/global-config/realms";

fn make(caller: &Caller, name: &str, parent: &str) -> String {
    let made = caller.does(
        "POST",
        format!("{REALMS}?_action=create"),
        body(name, parent),
    );
    format!("{REALMS}/{}", made["_id"].as_str().unwrap())
}

fn body(name: &str, parent: &str) -> Value {
    json!({"name": name, "parentPath": parent, "active": true, "aliases": []})
}

pub(super) async fn nothing_outlives_its_realm(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let eve = json!({"username": "eve", "userpassword": PASSWORD});
    let script = json!({
        "name": "eve", "script": "Ly8=", "language": "JAVASCRIPT", "context": "POLICY_CONDITION",
    });
    let chain = json!({"_id": "eve", "authChainConfiguration": [{"module": "DataStore", "criteria": "REQUIRED"}]});
    let kinds = [
        ("users", "eve", eve),
        ("groups", "eve", json!({"username": "eve"})),
        ("scripts", "", script),
        ("realm-config/authentication/chains", "eve", chain),
    ];
    for (n, (endpoint, id, body)) in kinds.into_iter().enumerate() {
        let name = format!("short{n}");
        let realm = make(&here, &name, "/");
        let within = format!("/am/json/realms/root/realms/{name}/{endpoint}");
        let create = here.asks("POST", format!("{within}?_action=create"), body);
        let delete = there.asks("DELETE", &realm, Value::Null);
        let (created, deleted) = nodes.race(&create, &delete).await;
        assert_eq!(deleted.status, 200, "{deleted:?}");
        assert!([201, 404].contains(&created.status), "{created:?}");
        // The next realm of that name begins as every realm does.
        make(&here, &name, "/");
        if id.is_empty() {
            let all = here.reads(format!("{within}?_queryFilter=true"));
            let names = all["result"].as_array().unwrap().iter();
            assert!(names.clone().all(|row| row["name"] != "eve"), "{all}");
        } else {
            assert_eq!(here.status(format!("{within}/{id}")), 404, "{endpoint}");
        }
    }
}

pub(super) async fn a_realm_has_its_parent(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let parent = make(&here, "parent", "/");
    let child = body("child", "/parent");
    let child = here.asks("POST", format!("{REALMS}?_action=create"), child);
    let delete = there.asks("DELETE", &parent, Value::Null);
    let law = "a realm is made while the one above it is deleted";
    let (created, deleted) = nodes.only_one(law, &child, &delete).await;
    match created.status {
        201 => assert_eq!(deleted.status, 409, "{deleted:?}"),
        _ => assert_eq!(created.status, 404, "{created:?}"),
    }
}
