//! Several nodes on one store.

use serde_json::json;

use crate::jwt::{Key, assertion_claims};
use crate::support::TestServer;
use crate::{Backend, Place, anything, eventually, list_clients, post_form, register, registered};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_revokes_no_other_believes() {
    let place = Place::with(
        Backend::Postgres,
        &[("public_url", "https://pdp.example.org".into())],
    )
    .await;
    let other = TestServer::with(&[
        ("database", place.database.clone().into()),
        ("public_url", "https://pdp.example.org".into()),
        // Only the notice can be in time.
        ("poll_milliseconds", 60_000.into()),
        ("cut_off_seconds", 300.into()),
    ])
    .await;
    let (here, there) = (place.client(), other.client());
    let client = registered(&here, &anything());
    let grant = [("grant_type", "client_credentials")];
    eventually(|| post_form(&there, "/connect/token", &[client.basic()], &grant).status == 200);
    let token = client.token(&here, "policyserver.management");
    assert_eq!(
        list_clients(&there, &token).status,
        200,
        "any node believes what one issued"
    );
    let revoked = post_form(
        &here,
        "/connect/revocation",
        &[client.basic()],
        &[("token", &token)],
    );
    assert_eq!(revoked.status, 200);
    eventually(|| list_clients(&there, &token).status == 401);

    // A deleted client's tokens, and new keys.
    let token = client.token(&there, "policyserver.management");
    place.command(&["keys", "rotate", "tokens-rs256"]);
    assert_eq!(list_clients(&here, &token).status, 200);
    eventually(|| {
        let token = client.token(&there, "policyserver.management");
        list_clients(&here, &token).status == 200
    });
    place.command(&["client", "delete", &client.id]);
    eventually(|| list_clients(&there, &token).status == 401);

    // An assertion is good once, whichever node it is shown to.
    let key = Key::ec();
    let answer = register(&here, &json!({"jwks": {"keys": [key.jwk]}}));
    let id = answer["client_id"].as_str().unwrap();
    let sign = |jti: &str| {
        let claims = assertion_claims(id, "https://pdp.example.org", jti);
        key.sign(&json!({"alg": "ES256"}), &claims)
    };
    let send = |client: &crate::support::Client, assertion: &str| {
        let parameters = [
            grant[0],
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
        ];
        post_form(client, "/connect/token", &[], &parameters).status
    };
    let attempts = std::cell::Cell::new(0);
    let fresh = || sign(&format!("attempt {}", attempts.get()));
    // The other node knows the client within a second.
    eventually(|| {
        attempts.set(attempts.get() + 1);
        send(&there, &fresh()) == 200
    });
    assert_eq!(send(&here, &fresh()), 400, "{attempts:?}");
}
