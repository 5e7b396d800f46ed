//! Pexip's API as its clients use it: a role, a client with a new private key, a token by assertion, and what it opens
//! (seed 003).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod requests;
#[path = "../support/mod.rs"]
mod support;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use support::{ADMINISTRATOR_PASSWORD, Client, Reply, TestServer, basic};

const V1: &str = "/api/admin/configuration/v1";

/// A caller with an Authorization header.
struct Api {
    client: Client,
    authorization: String,
}

impl Api {
    fn administrator(server: &TestServer) -> Api {
        Api {
            client: server.client(),
            authorization: basic("amadmin", ADMINISTRATOR_PASSWORD),
        }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [
            ("Authorization".to_owned(), self.authorization.clone()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let text = (!body.is_null()).then(|| body.to_string());
        self.client.send(method, path, &headers, text.as_deref())
    }

    fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, &Value::Null);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()
    }

    fn status(&self, method: &str, path: &str, body: &Value) -> u16 {
        self.call(method, path, body).status
    }

    /// Addresses of the permissions with these codenames.
    fn permissions(&self, codenames: &[&str]) -> Vec<Value> {
        let all = self.get(&format!("{V1}/permission/?limit=0"));
        let all = all["objects"].as_array().unwrap().clone();
        codenames
            .iter()
            .map(|codename| {
                let mut named = all.iter();
                let found = named.find(|permission| permission["codename"] == *codename);
                found.unwrap_or_else(|| panic!("{codename}"))["resource_uri"].clone()
            })
            .collect()
    }

    fn role(&self, name: &str, codenames: &[&str]) -> Value {
        let body = json!({"name": name, "permissions": self.permissions(codenames)});
        let made = self.call("POST", &format!("{V1}/role/"), &body);
        assert_eq!(made.status, 201, "{made:?}");
        let location = made.header("location").unwrap().to_owned();
        assert_eq!(self.get(&location), made.json());
        made.json()
    }

    /// A new client: its id, and its private key.
    fn client(&self, name: &str, role: &Value) -> (String, String) {
        let body = json!({"client_name": name, "role": role["resource_uri"]});
        let made = self.call("POST", &format!("{V1}/oauth2_client/"), &body);
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let uri = made["resource_uri"].as_str().unwrap();
        let read = self.get(uri);
        assert_eq!(read.get("private_key_jwt"), None, "shown once");
        assert_eq!(read["role"], role["resource_uri"]);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("client_id"), text("private_key_jwt"))
    }

    /// What holds a token of that client.
    fn with_token(&self, server: &TestServer, client: &(String, String)) -> Api {
        let reply = ask(server, client, &token_url(server), "");
        assert_eq!(reply.status, 200, "{reply:?}");
        let issued = reply.json();
        assert_eq!(issued["token_type"], "Bearer");
        let token = issued["access_token"].as_str().unwrap();
        Api {
            client: server.client(),
            authorization: format!("Bearer {token}"),
        }
    }
}

fn token_url(server: &TestServer) -> String {
    format!("http://{}/oauth/token/", server.address)
}

/// A token request as Pexip's own command line sends it: no scope, no client id, no `kid`, an hour of life.
fn ask(server: &TestServer, client: &(String, String), audience: &str, more: &str) -> Reply {
    let header = Header::new(Algorithm::ES256);
    ask_at(server, "/oauth/token/", client, (&header, audience), more)
}

fn ask_at(
    server: &TestServer,
    path: &str,
    client: &(String, String),
    (header, audience): (&Header, &str),
    more: &str,
) -> Reply {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut jti = [0; 18];
    getrandom::fill(&mut jti).unwrap();
    let jti = hex::encode(jti);
    let claims = json!({
        "iss": client.0, "sub": client.0, "aud": audience, "iat": now, "exp": now + 3600, "jti": jti,
    });
    let key = EncodingKey::from_ec_pem(client.1.as_bytes()).unwrap();
    let assertion = jsonwebtoken::encode(header, &claims, &key).unwrap();
    let form = format!(
        "grant_type=client_credentials\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
         &client_assertion={assertion}{more}"
    );
    let headers = [(
        "Content-Type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )];
    server.client().send("POST", path, &headers, Some(&form))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_in_with_its_new_key() {
    let server = TestServer::start().await;
    let api = Api::administrator(&server);
    let role = api.role(
        "automation",
        &["is_admin", "use_api", "view_clients", "change_clients"],
    );
    let codenames: Vec<&str> = role["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|permission| permission["codename"].as_str().unwrap())
        .collect();
    assert_eq!(
        codenames,
        ["is_admin", "use_api", "view_clients", "change_clients"]
    );
    let client = api.client("nightly job", &role);
    let bearer = api.with_token(&server, &client);
    // What pexshell asks first.
    let probe = bearer.get("/api/admin/status/v1/worker_vm/?limit=1&offset=0");
    let meta = json!({"limit": 1, "next": null, "offset": 0, "previous": null, "total_count": 0});
    assert_eq!(probe, json!({"meta": meta, "objects": []}));
    let root = bearer.get(&format!("{V1}/"));
    let schema = root["role"]["schema"].as_str().unwrap();
    assert_eq!(bearer.get(schema)["fields"]["name"]["type"], "string");
    assert_eq!(
        bearer.get(&format!("{V1}/oauth2_client/"))["meta"]["total_count"],
        1
    );
    // Community clients ask for the two scopes; the issuer is as good an audience as the address.
    let issuer = format!("http://{}", server.address);
    let asked = ask(&server, &client, &issuer, "&scope=is_admin%20use_api");
    assert_eq!(asked.json()["scope"], "is_admin use_api", "{asked:?}");
    let elsewhere = ask(&server, &client, "https://other.example/oauth/token/", "");
    assert_eq!(
        (elsewhere.status, elsewhere.json()["error"].clone()),
        (400, json!("invalid_client"))
    );

    // The page of active tokens: client, permissions and expiry of each.
    let tokens = api.get("/api/admin/status/v1/oauth2_token/?order_by=issued");
    assert_eq!(tokens["meta"]["total_count"], 2, "{tokens}");
    let shown = &tokens["objects"][0];
    assert_eq!(shown["client_name"], "nightly job");
    assert_eq!(shown["permissions"], role["permissions"]);
    assert!(shown["expires"].is_string());
    // Revoked, the token opens nothing.
    for token in tokens["objects"].as_array().unwrap() {
        let uri = token["resource_uri"].as_str().unwrap();
        assert_eq!(api.status("DELETE", uri, &Value::Null), 204);
        assert_eq!(api.status("GET", uri, &Value::Null), 404);
    }
    assert_eq!(
        bearer.status("GET", &format!("{V1}/role/"), &Value::Null),
        401
    );
    // A deleted client's tokens end with it, and its key opens nothing.
    let again = api.with_token(&server, &client);
    let uri = format!("{V1}/oauth2_client/{}/", client.0);
    assert_eq!(api.status("DELETE", &uri, &Value::Null), 204);
    assert_eq!(
        again.status("GET", &format!("{V1}/role/"), &Value::Null),
        401
    );
    let refused = ask(&server, &client, &token_url(&server), "");
    assert_eq!(
        (refused.status, refused.json()["error"].clone()),
        (400, json!("invalid_client"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_bounds_its_clients() {
    let server = TestServer::start().await;
    let api = Api::administrator(&server);
    let viewer = api.role("viewer", &["is_admin", "use_api", "view_clients"]);
    let bearer = api.with_token(&server, &api.client("viewer", &viewer));
    assert_eq!(
        bearer.get(&format!("{V1}/role/?name=viewer"))["meta"]["total_count"],
        1
    );
    let body = json!({"name": "mine", "permissions": []});
    let refused = bearer.call("POST", &format!("{V1}/role/"), &body);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(
        refused
            .header("www-authenticate")
            .unwrap()
            .contains("insufficient_scope")
    );
    let authentication = format!("{V1}/authentication/1/");
    assert_eq!(bearer.status("GET", &authentication, &Value::Null), 403);
    // A role without the API's own permissions opens nothing of it.
    let outside = api.role("outside", &["view_clients"]);
    let outside = api.with_token(&server, &api.client("outside", &outside));
    assert_eq!(
        outside.status("GET", &format!("{V1}/role/"), &Value::Null),
        403
    );
    // Nobody gives more than they have, neither to a role nor to a client.
    let some = ["is_admin", "use_api", "view_clients", "change_clients"];
    let some = api.role("some", &some);
    let manager = api.with_token(&server, &api.client("manager", &some));
    let wide = json!({"name": "wide", "permissions": api.permissions(&["change_policies"])});
    assert_eq!(manager.status("POST", &format!("{V1}/role/"), &wide), 403);
    let read_write = json!({"client_name": "wide", "role": format!("{V1}/role/2/")});
    assert_eq!(
        manager.status("POST", &format!("{V1}/oauth2_client/"), &read_write),
        403
    );
    let same = json!({"client_name": "same", "role": some["resource_uri"]});
    assert_eq!(
        manager.status("POST", &format!("{V1}/oauth2_client/"), &same),
        201
    );
    // A role that is used stays, and so does its name.
    let uri = some["resource_uri"].as_str().unwrap();
    assert_eq!(api.status("DELETE", uri, &Value::Null), 409);
    // A changed role counts at once, whatever tokens say.
    let less = json!({"permissions": api.permissions(&["is_admin", "use_api"])});
    assert_eq!(api.status("PATCH", uri, &less), 202);
    assert_eq!(
        manager.status("GET", &format!("{V1}/role/"), &Value::Null),
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_do_what_they_say() {
    let server = TestServer::start().await;
    let api = Api::administrator(&server);
    let authentication = format!("{V1}/authentication/1/");
    let defaults = api.get(&authentication);
    assert_eq!(defaults["api_oauth2_expiration"], 3600);
    assert_eq!(defaults["api_oauth2_disable_basic"], false);
    assert_eq!(defaults["api_oauth2_allow_all_perms"], false);
    let everything = [
        "is_admin",
        "use_api",
        "view_clients",
        "change_clients",
        "view_authentication",
        "change_authentication",
    ];
    let role = api.role("everything", &everything);
    let client = api.client("everything", &role);
    let bearer = api.with_token(&server, &client);
    // Off: a client may not change the authentication configuration, though its role permits it.
    let longer =
        json!({"api_oauth2_expiration": 120, "ldap_server": "", "api_oauth2_disable_basic": null});
    assert_eq!(bearer.status("GET", &authentication, &Value::Null), 200);
    assert_eq!(bearer.status("PATCH", &authentication, &longer), 403);
    let all = json!({"api_oauth2_allow_all_perms": true});
    assert_eq!(api.status("PATCH", &authentication, &all), 202);
    // `null` leaves alone, members that are not known are ignored.
    let changed = bearer.call("PATCH", &authentication, &longer);
    assert_eq!(changed.status, 202, "{changed:?}");
    assert_eq!(changed.json()["api_oauth2_expiration"], 120);
    assert_eq!(changed.json()["api_oauth2_disable_basic"], false);
    let issued = ask(&server, &client, &token_url(&server), "").json();
    assert_eq!(issued["expires_in"], 120);
    // It is a setting of Pexip's endpoint, not of the others.
    let header = Header::new(Algorithm::ES256);
    let issuer = format!("http://{}", server.address);
    let elsewhere = ask_at(&server, "/connect/token", &client, (&header, &issuer), "");
    assert_eq!(elsewhere.json()["expires_in"], 3600, "{elsewhere:?}");
    for bad in [json!(59), json!(86_401), json!("x"), json!(-1)] {
        let body = json!({"api_oauth2_expiration": bad});
        let reply = api.call("PATCH", &authentication, &body);
        assert_eq!(reply.status, 400, "{bad}: {reply:?}");
        assert!(reply.json()["authentication"]["api_oauth2_expiration"].is_array());
    }
    // On: passwords are not taken on the management API, tokens are.
    let off = json!({"api_oauth2_disable_basic": true});
    assert_eq!(api.status("PATCH", &authentication, &off), 202);
    let refused = api.call("GET", &authentication, &Value::Null);
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(bearer.status("GET", &authentication, &Value::Null), 200);
    // Nobody is asked for a password then.
    let nothing = api.client.send("GET", &authentication, &[], None);
    assert_eq!(nothing.status, 401, "{nothing:?}");
    let mut challenges = nothing.headers.iter();
    let basic = challenges.any(|(name, value)| {
        name.eq_ignore_ascii_case("www-authenticate") && value.starts_with("Basic")
    });
    assert!(!basic, "{nothing:?}");
    // The operator lets passwords in again, whoever has a token or none.
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
        .args(["tokens", "--disable-basic", "false"])
        .env("ASSIZE_DATA", server.folder.path())
        .output()
        .unwrap();
    assert!(command.status.success(), "{command:?}");
    let shown: Value = serde_json::from_slice(&command.stdout).unwrap();
    assert_eq!(
        shown,
        json!({
            "api_oauth2_expiration": 120,
            "api_oauth2_disable_basic": false,
            "api_oauth2_allow_all_perms": true,
        })
    );
    let taken = || api.status("GET", &authentication, &Value::Null) == 200;
    let soon = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        taken()
    });
    assert!(soon, "the server has not taken the setting over");
}

/// Two administrators who change different settings at the same time both find theirs changed.
#[tokio::test(flavor = "multi_thread")]
async fn settings_changed_at_the_same_time_are_all_kept() {
    let server = TestServer::start().await;
    let authentication = format!("{V1}/authentication/1/");
    for round in 0..20 {
        let (seconds, all) = (100 + round, round % 2 == 0);
        std::thread::scope(|scope| {
            for change in [
                json!({"api_oauth2_expiration": seconds}),
                json!({"api_oauth2_allow_all_perms": all}),
            ] {
                let (api, authentication) = (Api::administrator(&server), &authentication);
                scope.spawn(move || {
                    assert_eq!(api.status("PATCH", authentication, &change), 202);
                });
            }
        });
        let after = Api::administrator(&server).get(&authentication);
        assert_eq!(after["api_oauth2_expiration"], seconds);
        assert_eq!(after["api_oauth2_allow_all_perms"], all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_name_the_field() {
    let server = TestServer::start().await;
    let api = Api::administrator(&server);
    let role = api.role("taken", &["use_api"]);
    let uri = role["resource_uri"].as_str().unwrap().to_owned();
    let (roles, clients) = (format!("{V1}/role/"), format!("{V1}/oauth2_client/"));
    let mappings = format!("{V1}/role_mapping/");
    let long = "n".repeat(101);
    let no_role = format!("{V1}/role/99/");
    let with = |query: &str| format!("{roles}?{query}");
    let (limit, near, colour) = (with("limit=x"), with("name__near=x"), with("colour=red"));
    let cases: Vec<(&str, &str, Value, u16, &str)> = vec![
        ("POST", &roles, json!({}), 400, "/role/name/0"),
        (
            "POST",
            &roles,
            json!({"name": "x"}),
            400,
            "/role/permissions/0",
        ),
        (
            "POST",
            &roles,
            json!({"name": "TAKEN", "permissions": []}),
            400,
            "/role/name/0",
        ),
        (
            "POST",
            &roles,
            json!({"name": "x", "permissions": ["7"]}),
            400,
            "/role/permissions/0",
        ),
        (
            "POST",
            &roles,
            json!({"name": "x", "permissions": [{}]}),
            400,
            "/role/permissions/0",
        ),
        ("POST", &roles, json!([]), 400, "/error"),
        ("PATCH", &uri, json!({"name": ""}), 400, "/role/name/0"),
        (
            "POST",
            &clients,
            json!({"client_name": "x"}),
            400,
            "/oauth2_client/role/0",
        ),
        (
            "POST",
            &clients,
            json!({"client_name": "x", "role": no_role}),
            400,
            "/oauth2_client/role/0",
        ),
        (
            "POST",
            &clients,
            json!({"client_name": long, "role": uri}),
            400,
            "/oauth2_client/client_name/0",
        ),
        (
            "POST",
            &mappings,
            json!({"name": "m", "source": "X", "value": "v", "roles": []}),
            400,
            "/role_mapping/source/0",
        ),
        ("GET", &no_role, Value::Null, 404, "/error"),
        ("GET", &limit, Value::Null, 400, "/error"),
        ("GET", &near, Value::Null, 400, "/error"),
        ("GET", &colour, Value::Null, 400, "/error"),
        ("DELETE", &roles, Value::Null, 405, "/error"),
    ];
    for (method, path, body, status, pointer) in cases {
        let reply = api.call(method, path, &body);
        assert_eq!(reply.status, status, "{method} {path} {body}: {reply:?}");
        let json = reply.json();
        assert!(
            json.pointer(pointer).is_some_and(Value::is_string),
            "{method} {path} {body}: {json}"
        );
    }
    // Mappings live: made, read, changed, deleted.
    let body = json!({"name": "ops", "source": "OIDC", "value": "ops", "roles": [uri]});
    let made = api.call("POST", &mappings, &body);
    assert_eq!(made.status, 201, "{made:?}");
    let mapping = made.header("location").unwrap().to_owned();
    assert_eq!(
        api.status("PATCH", &mapping, &json!({"source": "LDAP"})),
        202
    );
    let read = api.get(&mapping);
    assert_eq!(
        (&read["source"], &read["roles"]),
        (&json!("LDAP"), &json!([uri]))
    );
    assert_eq!(api.status("DELETE", &mapping, &Value::Null), 204);
    // Pages: three roles, two at a time.
    let page = api.get(&format!("{roles}?limit=2&order_by=-name"));
    assert_eq!(page["meta"]["total_count"], 3);
    assert_eq!(page["objects"][0]["name"], "taken");
    let more = "order_by=-name";
    assert_eq!(
        page["meta"]["next"],
        format!("{roles}?limit=2&offset=2&{more}")
    );
    let last = api.get(page["meta"]["next"].as_str().unwrap());
    assert_eq!(
        last["meta"]["previous"],
        format!("{roles}?limit=2&offset=0&{more}")
    );
    assert_eq!(last["objects"].as_array().unwrap().len(), 1);
}
