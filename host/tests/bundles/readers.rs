//! Who has a bundle.

use serde_json::{Value, json};

use crate::support::holder::Holder;
use crate::support::{ADMINISTRATOR_PASSWORD, fits};
use crate::{EDGE, started};

#[tokio::test(flavor = "multi_thread")]
async fn only_readers_have_a_bundle() {
    let (server, mut client) = started().await;
    let paths = ["", "/notice", "/events", "/notice?after=0&wait=1"];
    let statuses = async |holder: &Holder, name: &str| {
        let mut statuses = Vec::new();
        for path in paths {
            statuses.push(
                holder
                    .status(&format!("/am/json/bundles/{name}{path}"))
                    .await,
            );
        }
        statuses.dedup();
        statuses
    };
    let nobody = Holder::new(server.address, "");
    assert_eq!(statuses(&nobody, "edge").await, [401]);
    assert_eq!(statuses(&nobody, "unknown").await, [401]);
    let bob = Holder::new(server.address, &client.token("bob"));
    assert_eq!(statuses(&bob, "edge").await, [403]);
    // Who may not read one is not told whether there is one.
    assert_eq!(statuses(&bob, "unknown").await, [403]);
    let refused = bob.get(EDGE, &[]).await;
    let body = refused.text().await.unwrap();
    let shape: Value = serde_json::from_str(&body).unwrap();
    fits(
        &json!({"code": 403, "reason": "Forbidden", "message": "<string>"}),
        &shape,
    )
    .unwrap();
    let amadmin = Holder::new(server.address, &client.token("amadmin"));
    assert_eq!(statuses(&amadmin, "EDGE").await, [200]);
    assert_eq!(statuses(&amadmin, "unknown").await, [404]);

    // A group of readers, and nobody who has left it.
    client.admin(
        "POST",
        "/groups?_action=create",
        &json!({"username": "edges"}),
    );
    client.admin(
        "PUT",
        "/groups/edges",
        &json!({"uniqueMember": ["id=bob,ou=user,dc=openam,dc=example,dc=org"]}),
    );
    let readers = json!(["id=edges,ou=group,dc=openam,dc=example,dc=org"]);
    client.admin(
        "PUT",
        "/bundles/edge",
        &json!({"policySets": ["a"], "readers": readers}),
    );
    assert_eq!(statuses(&bob, "edge").await, [200]);
    let ann = Holder::new(server.address, &client.token("ann"));
    assert_eq!(statuses(&ann, "edge").await, [403]);
    client.admin("PUT", "/groups/edges", &json!({"uniqueMember": []}));
    assert_eq!(statuses(&bob, "edge").await, [403]);

    // Who reads bundles does not administer them.
    let path = "/am/json/bundles?_queryFilter=true";
    assert_eq!(
        (bob.status(path).await, nobody.status(path).await),
        (403, 401)
    );
    let json = bob.get(EDGE, &[("Accept", "application/json")]).await;
    assert_eq!(json.status().as_u16(), 403);
}

/// A client with an access token reads what names its id, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_a_reader_by_its_id() {
    let (server, mut client) = started().await;
    let http = reqwest::Client::new();
    let base = format!("http://{}", server.address);
    let registered = http
        .post(format!("{base}/connect/register"))
        .basic_auth("amadmin", Some(ADMINISTRATOR_PASSWORD))
        .json(&json!({"client_name": "edge", "grant_types": ["client_credentials"], "scope": "policyserver.runtime"}))
        .send()
        .await
        .unwrap();
    assert_eq!(registered.status().as_u16(), 201);
    let made: Value = registered.json().await.unwrap();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let (id, secret) = (text(&made, "client_id"), text(&made, "client_secret"));
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let issued = http
        .post(format!("{base}/connect/token"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let issued: Value = issued.json().await.unwrap();
    let bearer = format!("Bearer {}", text(&issued, "access_token"));
    let holder = Holder::new(server.address, "");
    let status = async |path: &str| {
        let headers = [("Authorization", bearer.as_str())];
        holder.get(path, &headers).await.status().as_u16()
    };
    assert_eq!(status(EDGE).await, 403);
    client.admin(
        "PUT",
        "/bundles/edge",
        &json!({"policySets": ["a"], "readers": [id]}),
    );
    assert_eq!(status(EDGE).await, 200);
    assert_eq!(status(&format!("{EDGE}/notice")).await, 200);
    client.admin("PUT", "/bundles/other", &json!({"policySets": ["b"]}));
    assert_eq!(status("/am/json/bundles/other").await, 403);
}
