//! The administration of clients, roles, mappings and tokens.

use serde_json::{Value, json};

use crate::jwt::claims;
use crate::{
    Backend, Place, anything, error, eventually, list_clients, on_both, post_form, registered, send,
};

on_both! {
    clients_are_administered roles_bound_what_can_be_given the_command_line_administers_clients
}

async fn clients_are_administered(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    let made = client.admin(
        "POST",
        "/global-config/clients?_action=create",
        &json!({"client_name": "A", "scope": "policyserver.management", "access_token_lifetime": 100}),
    );
    let text = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let id = text(&made, "_id");
    let one = crate::Registered {
        id: id.clone(),
        secret: text(&made, "client_secret"),
    };
    let path = format!("/global-config/clients/{id}");
    let read = client.admin("GET", &path, &Value::Null);
    assert!(read.get("client_secret").is_none(), "{read}");
    assert_eq!(
        (
            &read["role"],
            &read["enabled"],
            &read["access_token_lifetime"]
        ),
        (&json!(2), &json!(true), &json!(100))
    );
    let found = client.admin(
        "GET",
        "/global-config/clients?_queryFilter=client_name+eq+%22a%22",
        &Value::Null,
    );
    assert_eq!(found["result"][0]["client_id"], id);

    let token = one.token(&client, "");
    assert_eq!(list_clients(&client, &token).status, 200);
    // What a client may do is looked up at each use.
    let mut changed = read.clone();
    changed["role"] = Value::Null;
    let answer = client.admin("PUT", &path, &changed);
    assert!(
        answer.get("client_secret").is_none(),
        "an update keeps the secret: {answer}"
    );
    assert_eq!(list_clients(&client, &token).status, 403);
    changed["role"] = "Read-write".into();
    client.admin("PUT", &path, &changed);
    assert_eq!(list_clients(&client, &token).status, 200);
    changed["enabled"] = false.into();
    client.admin("PUT", &path, &changed);
    assert_eq!(list_clients(&client, &token).status, 401);
    let grant = [("grant_type", "client_credentials")];
    let refused = post_form(&client, "/connect/token", &[one.basic()], &grant);
    assert_eq!(error(&refused), (401, "invalid_client".into()));
    changed["enabled"] = true.into();
    client.admin("PUT", &path, &changed);

    let rotated = client.admin("POST", &format!("{path}?_action=rotateSecret"), &json!({}));
    let again = crate::Registered {
        id: id.clone(),
        secret: text(&rotated, "client_secret"),
    };
    assert_ne!(again.secret, one.secret);
    assert_eq!(
        post_form(&client, "/connect/token", &[one.basic()], &grant).status,
        401
    );
    let token = again.token(&client, "");

    let tokens = client.admin(
        "GET",
        "/global-config/tokens?_queryFilter=true",
        &Value::Null,
    );
    let listed = tokens["result"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["_id"] == claims(&token)["jti"]);
    let listed = listed.unwrap_or_else(|| panic!("{tokens}"));
    assert_eq!(
        (&listed["client_id"], &listed["client_name"]),
        (&json!(id), &json!("A"))
    );
    assert!(
        listed["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("view_policies"))
    );
    assert!(!tokens.to_string().contains(&token));
    let jti = text(listed, "_id");
    client.admin(
        "DELETE",
        &format!("/global-config/tokens/{jti}"),
        &Value::Null,
    );
    assert_eq!(list_clients(&client, &token).status, 401);
    let token = again.token(&client, "");
    let revoked = client.admin(
        "POST",
        "/global-config/tokens?_action=revoke",
        &json!({"client_id": id}),
    );
    assert_eq!(revoked["revoked"], 2, "the first token and the last one");
    assert_eq!(list_clients(&client, &token).status, 401);

    let token = again.token(&client, "");
    client.admin("DELETE", &path, &Value::Null);
    assert_eq!(list_clients(&client, &token).status, 401);
    assert_eq!(
        post_form(&client, "/connect/token", &[again.basic()], &grant).status,
        401
    );
    let headers = [("iPlanetDirectoryPro".to_owned(), client.token("amadmin"))];
    for (path, status) in [
        (path.as_str(), 404),
        ("/realms/root/global-config/clients/x", 404),
        ("/global-config/roles/99", 404),
    ] {
        let reply = client.send("GET", &format!("/am/json{path}"), &headers, None);
        assert_eq!(reply.status, status, "{path}");
    }
}

async fn roles_bound_what_can_be_given(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    let role = client.admin(
        "POST",
        "/global-config/roles?_action=create",
        &json!({"name": "Registrars", "permissions": ["view_clients", "change_clients", "view_policies"]}),
    );
    let number: u32 = role["_id"].as_str().unwrap().parse().unwrap();
    let registrar = registered(&client, &json!({"role": number}));
    let powerful = registered(&client, &anything());
    let token = registrar.token(&client, "policyserver.management");
    let act = |method: &str, path: &str, body: Value| send(&client, &token, method, path, &body);
    let clients = "/global-config/clients?_action=create";
    assert_eq!(act("POST", clients, json!({"role": number})).status, 201);
    for (method, path, body) in [
        ("POST", clients.to_owned(), json!({"role": 2})),
        ("POST", clients.to_owned(), json!({})),
        (
            "PUT",
            format!("/global-config/clients/{}", registrar.id),
            json!({"role": 2}),
        ),
        // To take over a client that may more, by a secret of one's own.
        (
            "POST",
            format!(
                "/global-config/clients/{}?_action=rotateSecret",
                powerful.id
            ),
            json!({}),
        ),
        (
            "PUT",
            format!("/global-config/clients/{}", powerful.id),
            json!({"role": number}),
        ),
        (
            "PUT",
            format!("/global-config/roles/{number}"),
            json!({"name": "R", "permissions": ["change_users"]}),
        ),
        (
            "PUT",
            "/global-config/roles/1".into(),
            json!({"name": "Read-only", "permissions": []}),
        ),
        (
            "POST",
            "/global-config/roles?_action=create".into(),
            json!({"name": "X", "permissions": ["is_admin"]}),
        ),
        (
            "POST",
            "/global-config/rolemappings?_action=create".into(),
            json!({"name": "m", "source": "sub", "value": "me", "roles": [2]}),
        ),
    ] {
        let reply = act(method, &path, body.clone());
        assert_eq!(reply.status, 403, "{method} {path} {body}: {reply:?}");
    }
    let headers = [
        ("iPlanetDirectoryPro".to_owned(), client.token("amadmin")),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let in_use = client.send(
        "DELETE",
        &format!("/am/json/global-config/roles/{number}"),
        &headers,
        None,
    );
    assert_eq!(in_use.status, 409, "{in_use:?}");
    for (path, body) in [
        (
            "roles?_action=create",
            json!({"name": "", "permissions": []}),
        ),
        (
            "roles?_action=create",
            json!({"name": "n", "permissions": ["unknown"]}),
        ),
        ("roles?_action=create", json!({"name": "n"})),
        (
            "rolemappings?_action=create",
            json!({"name": "n", "source": "ldap", "value": "v", "roles": []}),
        ),
        (
            "rolemappings?_action=create",
            json!({"name": "n", "source": "sub", "value": "", "roles": []}),
        ),
        (
            "rolemappings?_action=create",
            json!({"name": "n", "source": "sub", "value": "v", "roles": [99]}),
        ),
        ("tokens?_action=revoke", json!({})),
        (
            "tokens?_action=revoke",
            json!({"client_id": "a", "user": "b"}),
        ),
    ] {
        let reply = client.send(
            "POST",
            &format!("/am/json/global-config/{path}"),
            &headers,
            Some(&body.to_string()),
        );
        assert_eq!(reply.status, 400, "{path} {body}: {reply:?}");
    }
}

async fn the_command_line_administers_clients(backend: Backend) {
    let place = Place::start(backend).await;
    let client = place.client();
    let made = place.command(&[
        "client",
        "create",
        "--name",
        "cli",
        "--scope",
        "policyserver.management",
        "--role",
        "Read-only",
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let text = |value: &Value, member: &str| value[member].as_str().unwrap().to_owned();
    let id = text(&made, "client_id");
    let first = crate::Registered {
        id: id.clone(),
        secret: text(&made, "client_secret"),
    };
    let grant = [("grant_type", "client_credentials")];
    let ask =
        |who: &crate::Registered| post_form(&client, "/connect/token", &[who.basic()], &grant);
    // Another process's change is live within the poll.
    eventually(|| ask(&first).status == 200);
    let token = first.token(&client, "");
    assert_eq!(list_clients(&client, &token).status, 200);
    let rotated: Value =
        serde_json::from_str(&place.command(&["client", "rotate-secret", &id])).unwrap();
    let second = crate::Registered {
        id: id.clone(),
        secret: text(&rotated, "client_secret"),
    };
    eventually(|| ask(&second).status == 200);
    assert_eq!(ask(&first).status, 401);
    let updated: Value =
        serde_json::from_str(&place.command(&["client", "update", &id, "--lifetime", "77"]))
            .unwrap();
    assert_eq!(
        (
            &updated["access_token_lifetime"],
            &updated["role"],
            &updated["client_name"]
        ),
        (&json!(77), &json!(1), &json!("cli"))
    );
    assert!(place.command(&["client", "list"]).contains(&id));
    place.command(&["client", "delete", &id]);
    eventually(|| list_clients(&client, &token).status == 401);
    assert!(!place.command(&["client", "list"]).contains(&id));
}
