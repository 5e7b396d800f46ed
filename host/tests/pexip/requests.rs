//! Pages of lists, and what token requests may look like and get.

use jsonwebtoken::{Algorithm, Header};
use serde_json::json;

use crate::support::TestServer;
use crate::{Api, V1, ask, ask_at, token_url};

#[tokio::test(flavor = "multi_thread")]
async fn the_next_page_is_of_the_same_list() {
    let server = TestServer::start().await;
    let api = Api::administrator(&server);
    for name in ["a 1", "a 2", "a 3", "b 1"] {
        api.role(name, &["use_api"]);
    }
    let mut path =
        format!("{V1}/role/?name__startswith=a+&order_by=-name&limit=2&format=json&offset=0");
    let mut found = Vec::new();
    loop {
        let page = api.get(&path);
        assert_eq!(page["meta"]["total_count"], 3);
        for role in page["objects"].as_array().unwrap() {
            found.push(role["name"].as_str().unwrap().to_owned());
        }
        match page["meta"]["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, ["a 3", "a 2", "a 1"]);
    let last = api.get(&path);
    let filters = "name__startswith=a+&order_by=-name&format=json";
    let previous = format!("{V1}/role/?limit=2&offset=0&{filters}");
    assert_eq!(last["meta"]["previous"], previous);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_only_key_needs_no_name_and_an_address_no_slash() {
    let server = TestServer::start().await;
    let api = Api::administrator(&server);
    let client = api.client("job", &json!({"resource_uri": format!("{V1}/role/2/")}));
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("what the client calls it".into());
    for path in [
        "/oauth/token/",
        "/oauth/token",
        "/connect/token/",
        "/token/",
    ] {
        let audience = format!("http://{}{path}", server.address);
        let reply = ask_at(&server, path, &client, (&header, &audience), "");
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
    // Another's signature is not helped by it.
    let other = api.client("other", &json!({"resource_uri": format!("{V1}/role/2/")}));
    let forged = (client.0.clone(), other.1);
    let audience = token_url(&server);
    let reply = ask_at(&server, "/oauth/token/", &forged, (&header, &audience), "");
    assert_eq!(reply.status, 400, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_role_narrows_what_is_given_unasked() {
    let server = TestServer::start().await;
    let api = Api::administrator(&server);
    let role = api.role("shrinking", &["is_admin", "use_api", "view_clients"]);
    let client = api.client("job", &role);
    let all = ask(&server, &client, &token_url(&server), "").json();
    let audiences = "policyserver.management policyserver.runtime";
    assert_eq!(all["scope"], format!("{audiences} is_admin use_api"));
    let less = json!({"permissions": api.permissions(&["use_api"])});
    let uri = role["resource_uri"].as_str().unwrap();
    assert_eq!(api.status("PATCH", uri, &less), 202);
    let narrowed = ask(&server, &client, &token_url(&server), "").json();
    assert_eq!(narrowed["scope"], format!("{audiences} use_api"));
    let named = ask(&server, &client, &token_url(&server), "&scope=is_admin");
    assert_eq!(named.json()["error"], "invalid_scope");
}
