//! Nobody ends or weakens what is stronger than they are: clients, roles and role mappings, on both faces that administer
//! them. And what a client may read of users and groups.

use serde_json::{Value, json};

use crate::{Backend, Place, bearer, on_both, registered, support::Client, support::Reply};

on_both! {
    what_is_stronger_stays_as_it_is
    what_a_mapping_looks_for_is_bounded_alike
    clients_read_identities_where_their_role_says_so
    what_nobody_sees_is_in_no_name
}

const PEXIP: &str = "/api/admin/configuration/v1";
const CREST: &str = "/am/json/global-config";

fn call(client: &Client, token: &str, method: &str, path: &str, body: &Value) -> Reply {
    let headers = [
        bearer(token),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let body = (!body.is_null()).then(|| body.to_string());
    client.send(method, path, &headers, body.as_deref())
}

/// The number of a new object.
fn made(client: &mut Client, collection: &str, body: &Value) -> u32 {
    let path = format!("/global-config/{collection}?_action=create");
    let made = client.admin("POST", &path, body);
    made["_id"].as_str().unwrap().parse().unwrap()
}

/// A token of a new client that may do this.
fn token_of(client: &mut Client, name: &str, permissions: &[&str]) -> (u32, String) {
    let role = json!({"name": name, "permissions": permissions});
    let role = made(client, "roles", &role);
    let registered = registered(client, &json!({"client_name": name, "role": role}));
    (role, registered.token(client, ""))
}

async fn what_is_stronger_stays_as_it_is(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    // Who may change the authentication may do so by token only where that is allowed.
    client.admin("GET", "/global-config/roles/1", &Value::Null);
    let allowed = json!({"api_oauth2_allow_all_perms": true});
    let headers = [
        crate::basic("amadmin", crate::support::ADMINISTRATOR_PASSWORD),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let path = format!("{PEXIP}/authentication/1/");
    let set = client.send("PATCH", &path, &headers, Some(&allowed.to_string()));
    assert_eq!(set.status, 202, "{set:?}");
    let permissions = [
        "is_admin",
        "use_api",
        "view_clients",
        "change_clients",
        "view_authentication",
        "change_authentication",
    ];
    let (own, token) = token_of(&mut client, "Registrars", &permissions);
    let stronger = json!({"name": "Authors", "permissions": ["change_policies"]});
    let stronger = made(&mut client, "roles", &stronger);
    let held = registered(&client, &json!({"role": stronger})).id;
    let mapping = |name: &str, role: u32| json!({"name": name, "source": "sub", "value": name, "roles": [role]});
    let mapped = made(&mut client, "rolemappings", &mapping("strong", stronger));
    let before = |client: &mut Client| {
        let read = |client: &mut Client, path: String| client.get_json(&path);
        [
            read(client, format!("/global-config/clients/{held}")),
            read(client, format!("/global-config/roles/{stronger}")),
            read(client, format!("/global-config/rolemappings/{mapped}")),
        ]
    };
    let was = before(&mut client);

    let weak_role = json!({"name": "Authors", "permissions": []});
    let (own_uri, none) = (format!("{PEXIP}/role/{own}/"), json!([]));
    let mut refused = 0;
    for (path, bodies) in [
        (
            format!("{CREST}/clients/{held}"),
            vec![("PUT", json!({"role": own})), ("DELETE", Value::Null)],
        ),
        (
            format!("{CREST}/clients/{held}?_action=rotateSecret"),
            vec![("POST", json!({}))],
        ),
        (
            format!("{CREST}/roles/{stronger}"),
            vec![("PUT", weak_role), ("DELETE", Value::Null)],
        ),
        (
            format!("{CREST}/rolemappings/{mapped}"),
            vec![("PUT", mapping("strong", own)), ("DELETE", Value::Null)],
        ),
        (
            format!("{PEXIP}/oauth2_client/{held}/"),
            vec![
                ("PUT", json!({"client_name": "x", "role": own_uri})),
                ("PATCH", json!({"role": own_uri})),
                ("PATCH", json!({"client_name": "x"})),
                ("DELETE", Value::Null),
            ],
        ),
        (
            format!("{PEXIP}/role/{stronger}/"),
            vec![
                ("PUT", json!({"name": "x", "permissions": none})),
                ("PATCH", json!({"permissions": none})),
                ("DELETE", Value::Null),
            ],
        ),
        (
            format!("{PEXIP}/role_mapping/{mapped}/"),
            vec![
                ("PATCH", json!({"roles": none})),
                ("PATCH", json!({"value": "somebody else"})),
                ("DELETE", Value::Null),
            ],
        ),
    ] {
        for (method, body) in bodies {
            let reply = call(&client, &token, method, &path, &body);
            assert_eq!(reply.status, 403, "{method} {path} {body}: {reply:?}");
            refused += 1;
        }
    }
    assert_eq!(before(&mut client), was, "nothing has changed");

    // What is no stronger can be changed and ended.
    let equal = registered(&client, &json!({"role": own})).id;
    let equal_mapping = made(&mut client, "rolemappings", &mapping("equal", own));
    for (method, path, body, status) in [
        (
            "PATCH",
            format!("{PEXIP}/oauth2_client/{equal}/"),
            json!({"client_name": "x"}),
            202,
        ),
        (
            "DELETE",
            format!("{CREST}/clients/{equal}"),
            Value::Null,
            200,
        ),
        (
            "PUT",
            format!("{CREST}/rolemappings/{equal_mapping}"),
            mapping("other", own),
            200,
        ),
        (
            "DELETE",
            format!("{PEXIP}/role_mapping/{equal_mapping}/"),
            Value::Null,
            204,
        ),
    ] {
        let reply = call(&client, &token, method, &path, &body);
        assert_eq!(reply.status, status, "{method} {path} {body}: {reply:?}");
    }
    println!("{refused} requests refused");
}

async fn what_a_mapping_looks_for_is_bounded_alike(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    let longest = "v".repeat(512);
    let basic = crate::basic("amadmin", crate::support::ADMINISTRATOR_PASSWORD);
    let json_body = ("Content-Type".to_owned(), "application/json".to_owned());
    for (n, (value, taken)) in [
        (longest.clone(), true),
        (format!("{longest}v"), false),
        (" ".to_owned(), false),
        ("a\u{200b}b".to_owned(), false),
        ("a\nb".to_owned(), false),
        (" trimmed ".to_owned(), true),
    ]
    .into_iter()
    .enumerate()
    {
        let crest =
            json!({"name": format!("c{n}"), "source": "group", "value": value, "roles": [1]});
        let crest =
            client.admin_reply("POST", "/global-config/rolemappings?_action=create", &crest);
        let pexip = json!({
            "name": format!("p{n}"), "source": "LDAP", "value": value, "roles": [format!("{PEXIP}/role/1/")],
        });
        let headers = [basic.clone(), json_body.clone()];
        let path = format!("{PEXIP}/role_mapping/");
        let pexip = client.send("POST", &path, &headers, Some(&pexip.to_string()));
        let want = if taken { (201, 201) } else { (400, 400) };
        assert_eq!((crest.status, pexip.status), want, "{crest:?} {pexip:?}");
        if taken {
            assert_eq!(crest.json()["value"], value.trim());
            assert_eq!(pexip.json()["value"], value.trim());
        } else {
            assert!(crest.text.contains("(at /value)"), "{crest:?}");
            assert!(
                pexip.json()["role_mapping"]["value"].is_array(),
                "{pexip:?}"
            );
        }
    }
}

async fn clients_read_identities_where_their_role_says_so(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    let user = json!({"username": "ann", "userpassword": crate::support::PASSWORD});
    client.admin("POST", "/users?_action=create", &user);
    let group = json!({"username": "staff", "uniqueMember": ["ann"]});
    client.admin("POST", "/groups?_action=create", &group);
    let reads = ["/groups/staff", "/users/ann", "/groups?_queryFilter=true"];
    for (permissions, status) in [
        (&["evaluate_policies", "view_policies"][..], 403),
        (&["view_users"], 200),
        (&["view_users", "change_users"], 200),
    ] {
        let name = permissions.join(" ");
        let (_, token) = token_of(&mut client, &name, permissions);
        for path in reads {
            let path = format!("/am/json{path}");
            let reply = call(&client, &token, "GET", &path, &Value::Null);
            assert_eq!(reply.status, status, "{name} {path}: {reply:?}");
        }
        let body = json!({"uniqueMember": ["ann"]});
        let written = call(&client, &token, "PUT", "/am/json/groups/staff", &body);
        let may_write = permissions.contains(&"change_users");
        assert_eq!(written.status == 200, may_write, "{name}: {written:?}");
        assert_eq!(written.status == 403, !may_write, "{name}: {written:?}");
    }
}

async fn what_nobody_sees_is_in_no_name(backend: Backend) {
    let place = Place::start(backend).await;
    let mut client = place.client();
    for c in [
        '\u{200b}', '\u{200f}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}',
    ] {
        let name = format!("am{c}admin");
        for (path, body) in [
            (
                "/users?_action=create",
                json!({"username": name, "userpassword": crate::support::PASSWORD}),
            ),
            ("/groups?_action=create", json!({"username": name})),
            (
                "/global-config/clients?_action=create",
                json!({"client_name": name}),
            ),
            (
                "/global-config/roles?_action=create",
                json!({"name": name, "permissions": []}),
            ),
            (
                "/global-config/rolemappings?_action=create",
                json!({"name": name, "source": "sub", "value": "v", "roles": [1]}),
            ),
        ] {
            let reply = client.admin_reply("POST", path, &body);
            assert_eq!(reply.status, 400, "{c:?} {path}: {reply:?}");
            assert!(reply.text.contains("nobody sees"), "{path}: {reply:?}");
        }
    }
}
