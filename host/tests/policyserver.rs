//! PolicyServer's APIs as their clients use them: tokens first (seed 000), then the hierarchy, then what users may do.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use serde_json::{Value, json};
use support::{ADMINISTRATOR_PASSWORD, Client, Reply, TestServer, basic};

const BOTH: &str = "policyserver.management policyserver.runtime";

/// A client of the token endpoint and of both APIs.
struct Api {
    client: Client,
    token: String,
}

impl Api {
    /// Registers a client with scopes and takes a token, as seed 000 prints the request.
    fn new(server: &TestServer, scope: &str) -> Api {
        let client = server.client();
        let registered = register(&client, scope);
        Self::of(client, registered)
    }

    fn of(client: Client, (id, secret): (String, String)) -> Api {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let reply = client.send("POST", "/token", &form_headers(), Some(&form));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("pragma"), Some("no-cache"));
        let issued = reply.json();
        assert_eq!(issued["expires_in"], 3600);
        let token = issued["access_token"].as_str().unwrap().to_owned();
        Api { client, token }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {}", self.token)),
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

    /// Adds something and gives its id; `Location` leads to it.
    fn add(&self, path: &str, body: &Value) -> String {
        let reply = self.call("POST", path, body);
        assert_eq!(reply.status, 201, "{path}: {reply:?}");
        let location = reply.header("location").unwrap().to_owned();
        let data = reply.json()["data"].clone();
        assert_eq!(self.get(&location)["data"], data, "{location}");
        data["id"].as_str().unwrap().to_owned()
    }

    fn grants(&self, path: &str, claims: &[(&str, &str)]) -> Value {
        let reply = self.ask(path, claims);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()
    }

    fn ask(&self, path: &str, claims: &[(&str, &str)]) -> Reply {
        let claims: Vec<Value> = claims
            .iter()
            .map(|(r#type, value)| json!({"Type": r#type, "Value": value}))
            .collect();
        self.call("POST", path, &json!({"Claims": claims}))
    }
}

fn form_headers() -> Vec<(String, String)> {
    let form = "application/x-www-form-urlencoded";
    vec![("Content-Type".to_owned(), form.to_owned())]
}

fn register(client: &Client, scope: &str) -> (String, String) {
    register_with(client, scope, "Read-write")
}

fn register_with(client: &Client, scope: &str, role: &str) -> (String, String) {
    let body = json!({"client_name": "tests", "grant_types": ["client_credentials"], "scope": scope, "role": role});
    let administrator = basic("amadmin", ADMINISTRATOR_PASSWORD);
    let reply = client.post(
        "/connect/register",
        &[("Authorization", &administrator)],
        &body,
    );
    assert_eq!(reply.status, 201, "{reply:?}");
    let made = reply.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("client_id"), text("client_secret"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hierarchy_lives_and_answers() {
    let server = TestServer::start().await;
    let api = Api::new(&server, BOTH);

    // Clients find their way by links.
    let home = api.get("/management");
    let href = |page: &Value, rel: &str| {
        let links = page["links"].as_array().unwrap();
        let found = links.iter().find(|link| link["rel"] == rel);
        found.unwrap_or_else(|| panic!("no link {rel}: {page}"))["href"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        api.get(&href(&home, "license"))["data"]["product"],
        "Assize"
    );
    let policies = href(&home, "add-policy");
    let hospital = api.add(
        &policies,
        &json!({"name": "Hospital", "description": "All"}),
    );
    let shown = api.get(&format!("{policies}/{hospital}"))["data"].clone();
    let pharmacy = api.add(&href(&shown, "add-policy"), &json!({"name": "Pharmacy"}));
    let doctor = api.add(&href(&shown, "add-role"), &json!({"name": "doctor"}));
    let permission = json!({"name": "see patients", "roles": [doctor]});
    api.add(&href(&shown, "add-permission"), &permission);
    let beneath = format!("/management/policies/{pharmacy}");
    let prescribe = api.add(
        &format!("{beneath}/permissions"),
        &json!({"name": "prescribe", "roles": [doctor]}),
    );
    let assignments =
        |kind: &str| format!("/management/policies/{hospital}/{kind}-assignments/{doctor}");
    let by_sub = api.add(&assignments("subject"), &json!({"subject": "1"}));
    api.add(&assignments("role"), &json!({"identityRole": "Medicine"}));
    let claim = json!({"claimType": "licence", "claimValue": "GMC"});
    api.add(&assignments("claim"), &claim);

    let doctor_here = json!({"roles": ["doctor"], "permissions": ["see patients"]});
    for claims in [
        &[("sub", "1")][..],
        &[("sub", "2"), ("role", "Nursing"), ("role", "Medicine")],
        &[("licence", "GMC")],
    ] {
        assert_eq!(api.grants("/runtime/policy/Hospital", claims), doctor_here);
    }
    let both = json!({"roles": ["doctor"], "permissions": ["prescribe", "see patients"]});
    assert_eq!(
        api.grants("/runtime/policy/Hospital/Pharmacy", &[("sub", "1")]),
        both
    );
    let nothing = json!({"roles": [], "permissions": []});
    for stranger in [&[("sub", "2")][..], &[("role", "medicine")], &[]] {
        assert_eq!(
            api.grants("/runtime/policy/Hospital/Pharmacy", stranger),
            nothing
        );
    }
    let inherited = api.grants("/runtime/policies/Hospital", &[("licence", "GMC")]);
    assert_eq!(inherited, json!({"policies": ["Hospital/Pharmacy"]}));
    let listed = api.grants("/runtime/policies?descendants=true", &[("sub", "1")]);
    assert_eq!(
        listed,
        json!({"policies": ["Hospital", "Hospital/Pharmacy"]})
    );
    assert_eq!(
        api.get("/runtime?version=1"),
        json!({"data": {"version": 1}})
    );

    // A change is live when it is answered.
    let change = json!({"name": "order drugs", "roles": []});
    let changed = api.call(
        "PUT",
        &format!("/management/permissions/{prescribe}"),
        &change,
    );
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(
        api.grants("/runtime/policy/Hospital/Pharmacy", &[("sub", "1")]),
        doctor_here
    );
    let path = format!("/management/subject-assignments/{by_sub}");
    let moved = api.call("PUT", &path, &json!({"subject": "7"}));
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(
        api.grants("/runtime/policy/Hospital", &[("sub", "1")]),
        nothing
    );
    assert_eq!(
        api.grants("/runtime/policy/Hospital", &[("sub", "7")]),
        doctor_here
    );
    let taken = api.call(
        "DELETE",
        "/management/subjects/7/subject-assignments",
        &Value::Null,
    );
    assert_eq!(taken.status, 204, "{taken:?}");
    assert_eq!(
        api.grants("/runtime/policy/Hospital", &[("sub", "7")]),
        nothing
    );

    // Deleting a policy takes everything with it.
    let gone = api.call(
        "DELETE",
        &format!("/management/policies/{hospital}"),
        &Value::Null,
    );
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(api.get("/management/policies")["data"], json!([]));
    for path in [
        format!("/management/roles/{doctor}"),
        format!("/management/permissions/{prescribe}"),
        format!("/management/policies/{pharmacy}/roles"),
    ] {
        let reply = api.call("GET", &path, &Value::Null);
        assert_eq!(reply.status, 404, "{path}: {reply:?}");
    }
    assert_eq!(
        api.ask("/runtime/policy/Hospital", &[("sub", "1")]).status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_name_what_is_wrong() {
    let server = TestServer::start().await;
    let api = Api::new(&server, BOTH);
    let top = api.add("/management/policies", &json!({"name": "a"}));
    let other = api.add("/management/policies", &json!({"name": "b"}));
    let role = api.add(
        &format!("/management/policies/{top}/roles"),
        &json!({"name": "r"}),
    );
    let foreign = api.add(
        &format!("/management/policies/{other}/roles"),
        &json!({"name": "r"}),
    );
    let assigned = format!("/management/policies/{top}/subject-assignments/{role}");
    api.add(&assigned, &json!({"subject": "1"}));

    let long = "n".repeat(201);
    let policies = "/management/policies";
    let permissions = format!("/management/policies/{top}/permissions");
    let elsewhere = format!("/management/policies/{top}/subject-assignments/{foreign}");
    let runtime = "/runtime/policy/a";
    let cases: Vec<(&str, &str, Value, u16, &str)> = vec![
        ("POST", policies, json!({}), 400, "name: is missing"),
        (
            "POST",
            policies,
            json!({"name": 1}),
            400,
            "name: must be a text",
        ),
        (
            "POST",
            policies,
            json!({"name": " "}),
            400,
            "name: must not be blank",
        ),
        (
            "POST",
            policies,
            json!({"name": "x/y"}),
            400,
            "name: must not contain /",
        ),
        (
            "POST",
            policies,
            json!({"name": long}),
            400,
            "200 characters",
        ),
        (
            "POST",
            policies,
            json!({"name": "c", "colour": 1}),
            400,
            "colour: is no known member",
        ),
        (
            "POST",
            policies,
            json!({"name": "c", "description": []}),
            400,
            "description: must be",
        ),
        (
            "POST",
            policies,
            json!({"name": "A"}),
            409,
            "another one of that name",
        ),
        ("POST", policies, json!([]), 400, "must be a JSON object"),
        (
            "POST",
            &permissions,
            json!({"name": "p", "roles": [foreign]}),
            400,
            "roles[0]",
        ),
        (
            "POST",
            &permissions,
            json!({"name": "p", "roles": "x"}),
            400,
            "roles: must be a list",
        ),
        ("POST", &assigned, json!({"subject": "1"}), 409, "already"),
        (
            "POST",
            &assigned,
            json!({"sub": "1"}),
            400,
            "subject: is missing",
        ),
        (
            "POST",
            &elsewhere,
            json!({"subject": "1"}),
            404,
            "no role of this policy",
        ),
        (
            "GET",
            "/management/policies/none",
            Value::Null,
            404,
            "no policy",
        ),
        ("PATCH", policies, json!({}), 405, "method"),
        (
            "POST",
            runtime,
            json!({"Claims": {}}),
            400,
            "Claims: must be a list",
        ),
        (
            "POST",
            runtime,
            json!({"Claims": [{"Type": "sub"}]}),
            400,
            "Claims[0]",
        ),
        (
            "POST",
            "/runtime/policy/a?version=2",
            json!({}),
            400,
            "version",
        ),
        (
            "POST",
            "/runtime/policies?descendants=1",
            json!({}),
            400,
            "descendants",
        ),
    ];
    for (method, path, body, status, says) in cases {
        let reply = api.call(method, path, &body);
        assert_eq!(reply.status, status, "{method} {path} {body}: {reply:?}");
        let errors = reply.json()["errors"].clone();
        assert!(
            errors.to_string().contains(says),
            "{method} {path} {body}: {errors}"
        );
    }
    for second in ["2", "1"] {
        let twice = api.ask(runtime, &[("sub", "1"), ("sub", second)]);
        assert_eq!(twice.status, 400);
        assert_eq!(
            twice.json(),
            json!({"errors": ["Too many subject ids provided."]})
        );
    }
    let path = "/management?access_token=x";
    let two_tokens = api.call("GET", path, &Value::Null);
    assert_eq!(two_tokens.status, 400, "{two_tokens:?}");
    let challenge = two_tokens.header("www-authenticate").unwrap();
    assert!(challenge.contains("invalid_request"), "{challenge}");
    let headers = [("Authorization".to_owned(), format!("Bearer {}", api.token))];
    let no_type = api.client.send("POST", policies, &headers, Some("{}"));
    assert_eq!(no_type.status, 415, "{no_type:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_token_for_the_api() {
    let server = TestServer::start().await;
    let management = Api::new(&server, "policyserver.management");
    let runtime = Api::new(&server, "policyserver.runtime");
    assert_eq!(
        management
            .call("GET", "/management/policies", &Value::Null)
            .status,
        200
    );
    assert_eq!(runtime.call("GET", "/runtime", &Value::Null).status, 200);
    for (api, path) in [
        (&runtime, "/management/policies"),
        (&management, "/runtime"),
    ] {
        let reply = api.call("GET", path, &Value::Null);
        assert_eq!(reply.status, 401, "{path}: {reply:?}");
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    let client = server.client();
    for (headers, status) in [
        (vec![], 401),
        (
            vec![("Authorization".to_owned(), "Basic YW1hZG1pbjp4".to_owned())],
            401,
        ),
        (
            vec![("Authorization".to_owned(), "Bearer x.y.z".to_owned())],
            401,
        ),
        (vec![("Authorization".to_owned(), "Bearer".to_owned())], 400),
    ] {
        for path in [
            "/management",
            "/management/policies",
            "/management/license",
            "/runtime",
        ] {
            let reply = client.send("GET", path, &headers, None);
            assert_eq!(reply.status, status, "{path} {headers:?}: {reply:?}");
            assert!(reply.json()["errors"].is_array(), "{reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_only_reads_only_reads() {
    let server = TestServer::start().await;
    let client = server.client();
    let registered = register_with(&client, "policyserver.management", "Read-only");
    let reader = Api::of(client, registered);
    let list = reader.get("/management/policies");
    assert_eq!((&list["data"], &list["links"]), (&json!([]), &json!([])));
    let home = reader.get("/management");
    let rels: Vec<&str> = home["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link["rel"].as_str().unwrap())
        .collect();
    assert!(rels.contains(&"policies"), "{rels:?}");
    assert!(!rels.contains(&"add-policy"), "{rels:?}");
    let body = json!({"name": "written"});
    let refused = reader.call("POST", "/management/policies", &body);
    assert_eq!(refused.status, 403, "{refused:?}");
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("change_policies"), "{challenge}");
}
