//! What the server says of itself (RFC 8414).

use serde_json::json;

use crate::jwt::claims;
use crate::{Backend, Place, anything, error, list_clients, on_both, registered};

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
        let authorization = match path {
            "/.well-known/openid-configuration" => {
                json!("https://pdp.example.org/base/connect/authorize")
            }
            _ => json!(null),
        };
        assert_eq!(document["authorization_endpoint"], authorization);
        assert_eq!(document["response_types_supported"], json!(["none"]));
        let algorithms = document["token_endpoint_auth_signing_alg_values_supported"]
            .as_array()
            .unwrap();
        assert!(
            !algorithms
                .iter()
                .any(|alg| alg == "none" || alg.as_str().unwrap().starts_with("HS"))
        );
    }
    for (query, code) in [
        ("", "invalid_request"),
        (
            "?response_type=code&client_id=x",
            "unsupported_response_type",
        ),
        ("?response_type=none&client_id=x", "unauthorized_client"),
    ] {
        let path = format!("/connect/authorize{query}");
        let reply = client.send("GET", &path, &[], None);
        assert_eq!(error(&reply), (400, code.into()), "{query}");
        assert!(reply.header("Location").is_none());
    }
    let registered = registered(&client, &anything());
    let token = registered.token(&client, "policyserver.management");
    assert_eq!(claims(&token)["iss"], "https://pdp.example.org/base");
    assert_eq!(list_clients(&client, &token).status, 200);
}
