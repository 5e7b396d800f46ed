//! Another token issuer, which a second instance of the server serves as.

use serde_json::{Value, json};

use crate::support::{Client, TestServer};
use crate::{
    Backend, Place, Registered, anything, bearer, eventually, list_clients, on_both, registered,
};

on_both! { another_issuers_tokens_are_believed_within_bounds its_clients_need_no_mapping_where_that_is_set }

/// The issuer, with a client.
struct Issuer {
    place: Place,
    client: Registered,
}

impl Issuer {
    async fn start() -> Issuer {
        let place = Place::with(
            Backend::Sqlite,
            &[
                ("management_audience", "api://management".into()),
                ("runtime_audience", "api://runtime".into()),
            ],
        )
        .await;
        let client = registered(&place.client(), &anything());
        Issuer { place, client }
    }

    fn token(&self, scope: &str) -> String {
        self.client.token(&self.place.client(), scope)
    }

    fn settings(&self, more: &[(&'static str, toml::Value)]) -> Vec<(&'static str, toml::Value)> {
        let mut settings = vec![
            ("external_issuer", self.place.issuer().into()),
            (
                "external_issuer_management_audience",
                "api://management".into(),
            ),
            ("external_issuer_runtime_audience", "api://runtime".into()),
        ];
        settings.extend(more.iter().cloned());
        settings
    }
}

fn evaluate(client: &Client, token: &str) -> u16 {
    let headers = [
        bearer(token),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let body =
        json!({"resources": ["http://h.example:80/x"], "subject": {"claims": {"sub": "ann"}}});
    let path = "/am/json/policies?_action=evaluate";
    client
        .send("POST", path, &headers, Some(&body.to_string()))
        .status
}

async fn another_issuers_tokens_are_believed_within_bounds(backend: Backend) {
    let mut issuer = Issuer::start().await;
    let place = Place::with(backend, &issuer.settings(&[])).await;
    let mut client = place.client();
    let management = issuer.token("api://management");
    // The subject is nobody here yet.
    let refused = list_clients(&client, &management);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(
        refused
            .header("WWW-Authenticate")
            .unwrap()
            .contains("insufficient_scope")
    );
    let mapping = json!({"name": "their client", "source": "sub", "value": issuer.client.id, "roles": ["Read-only"]});
    let made = client.admin(
        "POST",
        "/global-config/rolemappings?_action=create",
        &mapping,
    );
    assert_eq!(list_clients(&client, &management).status, 200);
    // The role bounds what it may do, and its audience where.
    let headers = [
        bearer(&management),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let create = client.send(
        "POST",
        "/am/json/global-config/clients?_action=create",
        &headers,
        Some("{}"),
    );
    assert_eq!(create.status, 403, "{create:?}");
    assert_eq!(evaluate(&client, &management), 401);
    let runtime = issuer.token("api://runtime");
    assert_eq!(evaluate(&client, &runtime), 200);
    let wrong = list_clients(&client, &runtime);
    assert_eq!(wrong.status, 401, "{wrong:?}");
    assert!(
        wrong
            .header("WWW-Authenticate")
            .unwrap()
            .contains("invalid_token")
    );
    // Its tokens are no secret of ours: they are neither seen nor ended here.
    let own = registered(&client, &anything());
    let seen = crate::post_form(
        &client,
        "/connect/introspect",
        &[own.basic()],
        &[("token", &management)],
    );
    assert_eq!(seen.text, r#"{"active":false}"#);

    // New keys: after two rotations the signing key is one that was not published when the keys were fetched.
    // Each is waited for, or the issuer might sign with the second one only after it was last asked for its keys.
    for _ in 0..2 {
        let before = kid(&issuer.token("api://management"));
        issuer.place.command(&["keys", "rotate", "tokens-rs256"]);
        eventually(|| kid(&issuer.token("api://management")) != before);
    }
    let rotated = issuer.token("api://management");
    assert_eq!(list_clients(&client, &rotated).status, 200);
    assert_eq!(
        list_clients(&client, &management).status,
        200,
        "the retired key is published still"
    );

    // The issuer is gone: what it signed is believed by the last good keys, also what was not seen before.
    let unseen = issuer.token("api://management");
    issuer
        .place
        .server
        .server
        .take()
        .unwrap()
        .stop()
        .await
        .unwrap();
    assert_eq!(list_clients(&client, &rotated).status, 200);
    assert_eq!(list_clients(&client, &unseen).status, 200);

    // An administrator no more.
    let id = made["_id"].as_str().unwrap();
    client.admin(
        "DELETE",
        &format!("/global-config/rolemappings/{id}"),
        &Value::Null,
    );
    assert_eq!(list_clients(&client, &rotated).status, 403);
}

fn kid(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(header)
        .unwrap();
    let header: Value = serde_json::from_slice(&bytes).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn its_clients_need_no_mapping_where_that_is_set(backend: Backend) {
    let issuer = Issuer::start().await;
    let settings = issuer.settings(&[("external_issuer_clients", true.into())]);
    let place = Place::with(backend, &settings).await;
    let client = place.client();
    assert_eq!(
        list_clients(&client, &issuer.token("api://management")).status,
        200
    );
    // Where the issuer's tokens must say another type, none of them is an access token.
    let settings = issuer.settings(&[
        ("external_issuer_clients", true.into()),
        (
            "external_issuer_token_types",
            toml::Value::Array(vec!["JWT".into()]),
        ),
    ]);
    let strict = TestServer::with(&settings).await;
    let refused = list_clients(&strict.client(), &issuer.token("api://management"));
    assert_eq!(refused.status, 401, "{refused:?}");
    // An issuer that cannot be reached from the start is no reason to believe anything.
    let gone = TestServer::with(&[("external_issuer", "http://127.0.0.1:9".into())]).await;
    let refused = list_clients(&gone.client(), &issuer.token("api://management"));
    assert_eq!(refused.status, 401, "{refused:?}");
    // One that signs in its name is refused by the keys of the true one.
    let imposter = Place::with(
        Backend::Sqlite,
        &[
            ("public_url", issuer.place.issuer().into()),
            ("management_audience", "api://management".into()),
            ("runtime_audience", "api://runtime".into()),
        ],
    )
    .await;
    let liar = registered(&imposter.client(), &anything());
    let forged = liar.token(&imposter.client(), "api://management");
    let refused = list_clients(&client, &forged);
    assert_eq!(refused.status, 401, "{refused:?}");
}
