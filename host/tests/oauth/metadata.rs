//! What the server says of itself (RFC 8414).

use serde_json::json;

use crate::jwt::claims;
use crate::{Backend, Place, anything, list_clients, on_both, registered};

on_both! {
    documents_are_found
}

async fn documents_are_found(backend: Backend) {
    let place = Place::with(
        backend,
        &[("public_url", "https://pdp.example.org/base/".into())],
    )
    .await;
    let client = place.client();
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let reply = client.send("GET", path, &[], None);
        let document = reply.json();
        assert_eq!(reply.status, 200);
        assert_eq!(document["issuer"], "https://pdp.example.org/base");
        assert_eq!(
            document["token_endpoint"],
            "https://pdp.example.org/base/connect/token"
        );
        assert_eq!(
            document["grant_types_supported"],
            json!(["client_credentials"])
        );
        assert!(document.get("authorization_endpoint").is_none());
        let algorithms = document["token_endpoint_auth_signing_alg_values_supported"]
            .as_array()
            .unwrap();
        assert!(
            !algorithms
                .iter()
                .any(|alg| alg == "none" || alg.as_str().unwrap().starts_with("HS"))
        );
    }
    let registered = registered(&client, &anything());
    let token = registered.token(&client, "policyserver.management");
    assert_eq!(claims(&token)["iss"], "https://pdp.example.org/base");
    assert_eq!(list_clients(&client, &token).status, 200);
}
