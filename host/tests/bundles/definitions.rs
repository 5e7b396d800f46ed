//! What a bundle is to hold, and how long.

use serde_json::{Value, json};

use crate::started;
use crate::support::fits;

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_checked_and_administered() {
    let (_server, mut client) = started().await;
    for (body, path) in [
        (json!({"policySets": ["a"]}), "/name"),
        (json!({"name": "x/y", "policySets": ["a"]}), "/name"),
        (json!({"name": "x"}), "/policySets"),
        (
            json!({"name": "x", "policySets": ["a", "nowhere"]}),
            "/policySets/1",
        ),
        (
            json!({"name": "x", "policySets": ["a", "A"]}),
            "/policySets/1",
        ),
        (json!({"name": "x", "policySets": [1]}), "/policySets/0"),
        (
            json!({"name": "x", "policySets": ["a"], "maxAge": 0}),
            "/maxAge",
        ),
        (
            json!({"name": "x", "policySets": ["a"], "maxAge": "1"}),
            "/maxAge",
        ),
        (
            json!({"name": "x", "policySets": ["a"], "readers": ["cn=x,dc=y"]}),
            "/readers/0",
        ),
        (
            json!({"name": "x", "policySets": ["a"], "reader": []}),
            "/reader",
        ),
    ] {
        let reply = client.admin_reply("POST", "/bundles?_action=create", &body);
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(&format!("(at {path})")), "{message}");
    }
    let again = json!({"name": "EDGE", "policySets": ["a"]});
    assert_eq!(
        client
            .admin_reply("POST", "/bundles?_action=create", &again)
            .status,
        409
    );
    let made = client.admin_reply("PUT", "/bundles/second", &json!({"policySets": ["b"]}));
    assert_eq!(made.status, 201);
    assert!(
        made.header("location")
            .unwrap()
            .ends_with("/bundles/second")
    );
    let rows = client.get_json("/bundles?_queryFilter=policySets%20eq%20%22b%22");
    fits(
        &json!({"resultCount": 1, "result": [{"_id": "second"}]}),
        &rows,
    )
    .unwrap();
    // What was read is what can be written.
    let shown = client.get_json("/bundles/second");
    client.admin("PUT", "/bundles/second", &shown);
    client.admin("DELETE", "/bundles/second", &Value::Null);
    assert_eq!(
        client
            .admin_reply("DELETE", "/bundles/second", &Value::Null)
            .status,
        404
    );
    let rows = client.get_json("/bundles?_queryFilter=true");
    fits(
        &json!({"resultCount": 1, "result": [{"_id": "edge", "maxAge": 60}]}),
        &rows,
    )
    .unwrap();
}
