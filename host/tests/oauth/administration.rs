//! Tokens at AM's endpoints, and the administration of clients, roles, mappings and tokens.

use serde_json::{Value, json};

use crate::support::{Client, Reply};
use crate::{
    Backend, Place, anything, bearer, error, list_clients, on_both, post_form, registered,
};

on_both! {
    tokens_open_what_their_permissions_say clients_are_administered roles_bound_what_can_be_given
    nobody_is_made_more_than_the_caller
    the_command_line_administers_clients
}

fn send(client: &Client, token: &str, method: &str, path: &str, body: &Value) -> Reply {
    let headers = [
        bearer(token),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let body = (!body.is_null()).then(|| body.to_string());
    client.send(
        method,
        &format!("/am/json{path}"),
        &headers,
        body.as_deref(),
    )
}

fn policy(name: &str) -> Value {
    json!({
        "name": name, "active": true, "applicationName": "iPlanetAMWebAgentService",
        "resourceTypeUuid": "76656a38-5f8e-401b-83aa-4ccb74ce88d2",
        "resources": ["http://h.example:80/*"], "actionValues": {"GET": true},
        "subject": {"type": "JwtClaim", "claimName": "sub", "claimValue": "ann"},
    })
}

async fn tokens_open_what_their_permissions_say(backend: Backend) {
    let place = Place::start(backend).await;
    let client = place.client();
    let writer = registered(&client, &anything());
    let reader = registered(&client, &json!({"role": "Read-only"}));
    let evaluator = registered(&client, &json!({"scope": "policyserver.runtime"}));
    let manage = writer.token(&client, "policyserver.management");
    let create = |token: &str, name: &str| {
        send(
            &client,
            token,
            "POST",
            "/policies?_action=create",
            &policy(name),
        )
    };
    assert_eq!(create(&manage, "p1").status, 201);
    let list = |token: &str| {
        send(
            &client,
            token,
            "GET",
            "/policies?_queryFilter=true",
            &Value::Null,
        )
    };
    let listed = list(&manage);
    assert_eq!(
        listed.json()["result"][0]["createdBy"],
        writer.id,
        "{listed:?}"
    );
    let evaluate = |token: &str| {
        let question =
            json!({"resources": ["http://h.example:80/x"], "subject": {"claims": {"sub": "ann"}}});
        send(
            &client,
            token,
            "POST",
            "/policies?_action=evaluate",
            &question,
        )
    };
    let runtime = evaluator.token(&client, "");
    let decided = evaluate(&runtime);
    assert_eq!(
        decided.json()[0]["actions"],
        json!({"GET": true}),
        "{decided:?}"
    );
    // Without a subject there is nobody to decide about: a client is no subject.
    let nobody = send(
        &client,
        &runtime,
        "POST",
        "/policies?_action=evaluate",
        &json!({"resources": ["http://h.example:80/x"]}),
    );
    assert_eq!(nobody.status, 400, "{nobody:?}");
    // A token for the other audience is no token here.
    for reply in [
        evaluate(&manage),
        list(&runtime),
        list_clients(&client, &runtime),
    ] {
        assert_eq!(reply.status, 401, "{reply:?}");
        assert!(
            reply
                .header("WWW-Authenticate")
                .unwrap()
                .contains("invalid_token")
        );
        assert_eq!(reply.json()["code"], 401, "the shape is CREST's");
    }
    let read = reader.token(&client, "policyserver.management");
    assert_eq!(list(&read).status, 200);
    let narrow = writer.token(&client, "view_policies");
    assert_eq!(list(&narrow).status, 200);
    for (token, needed) in [(&read, "change_policies"), (&narrow, "change_policies")] {
        let refused = create(token, "p2");
        assert_eq!(refused.status, 403, "{refused:?}");
        let challenge = refused
            .header("WWW-Authenticate")
            .unwrap_or_default()
            .to_owned();
        assert!(
            challenge.contains("insufficient_scope") && challenge.contains(needed),
            "{challenge}"
        );
    }
    assert_eq!(
        send(
            &client,
            &narrow,
            "GET",
            "/users?_queryFilter=true",
            &Value::Null
        )
        .status,
        403
    );
    // The scheme has no case; a bad token is 401, and a session beside it alone counts.
    let lower = client.send(
        "GET",
        "/am/json/policies?_queryFilter=true",
        &[("authorization".into(), format!("bEARER {read}"))],
        None,
    );
    assert_eq!(lower.status, 200);
    let both = [
        bearer(&read),
        ("iPlanetDirectoryPro".to_owned(), "no-session".to_owned()),
    ];
    assert_eq!(
        client
            .send("GET", "/am/json/policies?_queryFilter=true", &both, None)
            .status,
        401
    );
    let twice = [bearer(&read), bearer(&read)];
    assert_eq!(
        client
            .send("GET", "/am/json/policies?_queryFilter=true", &twice, None)
            .status,
        400
    );
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
        .find(|row| row["_id"] == crate::requests::claims(&token)["jti"]);
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

/// Waits for something that another process or node sets going.
pub(crate) fn eventually(done: impl Fn() -> bool) {
    for _ in 0..200 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("nothing happened");
}

/// Who may write users and groups does not become more than that.
async fn nobody_is_made_more_than_the_caller(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    for name in ["chief", "clerk"] {
        let user = json!({"username": name, "userpassword": "Passw0rd.for-tests"});
        client.admin("POST", "/users?_action=create", &user);
    }
    for (name, privileges, members) in [
        (
            "administrators",
            json!({"RealmAdmin": true}),
            json!(["chief"]),
        ),
        ("readers", json!({"ApplicationReadAccess": true}), json!([])),
        ("authors", json!({"PrivilegeRestAccess": true}), json!([])),
        ("mapped", json!({}), json!([])),
        ("plain", json!({}), json!([])),
    ] {
        let group = json!({"username": name, "privileges": privileges, "members": {"uniqueMember": members}});
        let session = ("iPlanetDirectoryPro".to_owned(), client.token("amadmin"));
        let made = later(&client, session, "POST", "/groups?_action=create", &group);
        assert_eq!(made.status, 201, "{made:?}");
    }
    let mapping = json!({"name": "m", "source": "group", "value": "mapped", "roles": [2]});
    client.admin(
        "POST",
        "/global-config/rolemappings?_action=create",
        &mapping,
    );
    let permissions = ["view_users", "change_users", "view_policies"];
    let role = json!({"name": "Helpdesk", "permissions": permissions});
    let role = client.admin("POST", "/global-config/roles?_action=create", &role);
    let number: u32 = role["_id"].as_str().unwrap().parse().unwrap();
    let helpdesk = registered(&client, &json!({"role": number}));
    let token = helpdesk.token(&client, "policyserver.management");
    let members = |names: &[&str]| json!({"members": {"uniqueMember": names}});
    let password = json!({"userpassword": "Another.1-password"});
    let create = "/groups?_action=create";
    for (method, path, body, status) in [
        ("PUT", "/groups/plain", members(&["clerk"]), 200),
        ("PUT", "/groups/readers", members(&["clerk"]), 200),
        ("POST", create, json!({"username": "made"}), 201),
        (
            "POST",
            "/users/clerk?_action=changePassword",
            password.clone(),
            200,
        ),
        (
            "PUT",
            "/groups/plain",
            json!({"privileges": {"RealmAdmin": true}}),
            403,
        ),
        (
            "PUT",
            "/groups/administrators",
            members(&["chief", "clerk"]),
            403,
        ),
        ("PUT", "/groups/mapped", members(&["clerk"]), 403),
        ("PUT", "/groups/authors", members(&["clerk"]), 403),
        (
            "POST",
            create,
            json!({"username": "more", "privileges": {"PolicyAdmin": true}}),
            403,
        ),
        ("PUT", "/users/chief", password.clone(), 403),
        (
            "POST",
            "/users/chief?_action=changePassword",
            password.clone(),
            403,
        ),
    ] {
        let reply = later(&client, bearer(&token), method, path, &body);
        assert_eq!(reply.status, status, "{method} {path} {body}: {reply:?}");
    }
}

/// A request in the version of AM 7, where groups have privileges.
fn later(
    client: &Client,
    proof: (String, String),
    method: &str,
    path: &str,
    body: &Value,
) -> Reply {
    let headers = [
        proof,
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Accept-API-Version".to_owned(), "resource=4.1".to_owned()),
    ];
    let path = format!("/am/json{path}");
    client.send(method, &path, &headers, Some(&body.to_string()))
}
