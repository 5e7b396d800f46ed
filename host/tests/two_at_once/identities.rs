//! Users, and the groups that name them.

use serde_json::{Value, json};

use super::support::PASSWORD;
use super::{Caller, Nodes};

const GROUP: &str = "/am/json/groups/crew";

fn latest_change(caller: &Caller) -> Value {
    let path = "/am/json/global-config/revisions?_queryFilter=true&_pageSize=1";
    caller.reads(path)["result"][0]["summary"].clone()
}

pub(super) async fn no_group_takes_in_who_goes(nodes: &Nodes) {
    let (here, there) = nodes.administrators();
    let make = |kind: &str, body: Value| {
        here.does("POST", format!("/am/json/{kind}?_action=create"), body);
    };
    make("groups", json!({"username": "crew"}));
    make(
        "users",
        json!({"username": "eve", "userpassword": PASSWORD}),
    );
    let take_in = here.asks("PUT", GROUP, json!({"uniqueMember": ["eve"]}));
    let delete = there.asks("DELETE", "/am/json/users/eve", Value::Null);
    let (taken, deleted) = nodes.race(&take_in, &delete).await;
    assert_eq!((taken.status, deleted.status), (200, 200), "{taken:?}");
    // A group may be given any name, also one that is nobody's any more.
    if latest_change(&here) == "identity deleted" {
        let shown = here.reads(GROUP);
        let members = shown["uniqueMember"].as_array();
        assert!(members.is_none_or(Vec::is_empty), "{shown}");
    }
}
