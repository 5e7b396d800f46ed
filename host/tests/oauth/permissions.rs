//! What tokens open, and that nobody comes to hold more by giving.

use serde_json::{Value, json};

use crate::support::{Client, Reply};
use crate::{Backend, Place, anything, bearer, list_clients, on_both, registered, send};

on_both! {
    tokens_open_what_their_permissions_say nobody_is_made_more_than_the_caller
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
