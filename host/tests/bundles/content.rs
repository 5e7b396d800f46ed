//! What a bundle holds, and what its revision stands for.

use serde_json::json;

use crate::support::holder::{self, Holder};
use crate::support::{PASSWORD, fits};
use crate::{EDGE, allows, change, policy, started};

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_sealed_and_holds_its_policy_sets_alone() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let edge = ann.fetch(EDGE).await;
    assert_eq!(edge.header["typ"], "assize-bundle+jwt");
    let seal = json!({
        "iss": "<string>", "realm": "/", "name": "edge", "revision": "<number>", "digest": "<string>",
        "bytes_sha256": "<string>", "issuedAt": "<number>", "maxAge": 60,
    });
    fits(&seal, &edge.seal).unwrap();
    assert!(allows(&edge.decide("a", "https://a.example.com/x")));
    assert!(!allows(&edge.decide("a", "https://b.example.com/x")));
    assert_eq!(
        edge.decide("b", "https://b.example.com/x")["error"]["code"],
        "unknownPolicySet"
    );
    for secret in ["policy of b", "b.example.com", "person", "amadmin"] {
        let found = edge
            .bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{secret} is in the bundle");
    }
    // The same address tells who administers what the bundle is made of.
    let shown = client.get_json("/bundles/edge");
    let want = json!({
        "_id": "edge", "_rev": "<string>", "name": "edge", "policySets": ["a"], "maxAge": 60,
        "readers": ["id=ann,ou=user,dc=openam,dc=example,dc=org"],
        "createdBy": "id=amadmin,ou=user,dc=openam,dc=example,dc=org", "lastModifiedDate": "<number>",
    });
    fits(&want, &shown).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_stands_for_one_content() {
    let (mut server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let first = ann.fetch(EDGE).await;
    assert!(ann.is_current(EDGE, &first).await);
    let head = reqwest::Client::new()
        .head(format!("http://{}{EDGE}", server.address))
        .header("iPlanetDirectoryPro", client.token("ann"));
    let head = head.send().await.unwrap();
    assert_eq!(head.headers()["etag"].to_str().unwrap(), first.tag);
    let length: usize = holder::text(head.headers(), "content-length")
        .parse()
        .unwrap();
    assert!(length > first.bytes.len());
    assert!(head.bytes().await.unwrap().is_empty());

    // What is not in it leaves it as it is: another set, a description, a user.
    let other = policy("b", "policy of b", "https://b.example.com/other");
    client.admin("PUT", "/policies/policy%20of%20b", &other);
    let mut described = policy("a", "policy of a", "https://a.example.com/*");
    described["description"] = "said better".into();
    client.admin("PUT", "/policies/policy%20of%20a", &described);
    client.admin(
        "POST",
        "/users?_action=create",
        &json!({"username": "eve", "userpassword": PASSWORD}),
    );
    assert!(ann.is_current(EDGE, &first).await);
    let same = ann.fetch(EDGE).await;
    assert_eq!(
        (same.revision(), &same.bytes),
        (first.revision(), &first.bytes)
    );
    assert!(same.seal["issuedAt"].as_i64() >= first.seal["issuedAt"].as_i64());

    // What is in it makes another one, under a higher revision, and so does the way back.
    let before = client.ready()["revision"].as_u64().unwrap();
    change(&mut client, "https://a.example.com/only");
    assert!(!ann.is_current(EDGE, &first).await);
    let second = ann.fetch(EDGE).await;
    assert!(second.revision() > first.revision() && second.bytes != first.bytes);
    assert!(!allows(&second.decide("a", "https://a.example.com/x")));
    let rollback = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
        .args(["history", "--data"])
        .arg(server.folder.path())
        .args(["rollback", &before.to_string()])
        .output()
        .unwrap();
    assert!(rollback.status.success(), "{rollback:?}");
    let notice = format!("{EDGE}/notice?after={}&wait=55", second.revision());
    let noticed = ann.notice(&notice).await["revision"].as_u64().unwrap();
    let third = ann.fetch(EDGE).await;
    assert_eq!((third.revision(), &third.bytes), (noticed, &first.bytes));
    assert!(third.revision() > second.revision());

    // Another age is another seal; the content stays.
    let body = json!({"policySets": ["A"], "maxAge": 61, "readers": ["id=ANN,ou=user,dc=openam,dc=example,dc=org"]});
    client.admin("PUT", "/bundles/edge", &body);
    let fourth = ann.fetch(EDGE).await;
    assert!(fourth.revision() > third.revision());
    assert_eq!(
        (&fourth.bytes, &fourth.seal["maxAge"]),
        (&third.bytes, &json!(61))
    );

    // And all of it survives a restart.
    server.restart().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    assert!(ann.is_current(EDGE, &fourth).await);
    assert_eq!(ann.fetch(EDGE).await.tag, fourth.tag);
}
