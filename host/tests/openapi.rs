//! `openapi.json` against the server: what it says is served, what is served it says, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use support::{ADMINISTRATOR_PASSWORD, Client, Reply, TestServer, basic};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What a `$ref` leads to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').unwrap();
            let found = document.pointer(pointer);
            resolved(document, found.unwrap_or_else(|| panic!("{reference}")))
        }
        None => value,
    }
}

/// Every value of the document.
fn each(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Object(members) => members.values().for_each(|value| each(value, visit)),
        Value::Array(items) => items.iter().for_each(|value| each(value, visit)),
        _ => {}
    }
}

/// One method of one path.
struct Operation<'a> {
    path: &'a str,
    method: &'static str,
    item: &'a Value,
    value: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            all.extend(item.get(method).map(|value| Operation {
                path,
                method,
                item,
                value,
            }));
        }
    }
    all
}

#[test]
fn references_lead_somewhere_and_operations_are_told_apart() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut references = BTreeSet::new();
    each(&document, &mut |value| {
        if value["$ref"].is_string() {
            resolved(&document, value);
            references.insert(value["$ref"].as_str().unwrap().to_owned());
        }
    });
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            let used = kind == "securitySchemes" || references.contains(&reference);
            assert!(used, "{reference} is used nowhere");
        }
    }
    let mut ids = BTreeSet::new();
    let operations = operations(&document);
    for Operation {
        path,
        method,
        value,
        ..
    } in &operations
    {
        let text = |member: &str| value[member].as_str().unwrap_or_default();
        assert!(ids.insert(text("operationId")), "{path} {method}");
        let summary = text("summary");
        let sentence = summary.ends_with('.') && !summary.contains(". ");
        assert!(sentence, "{path} {method}: {summary:?} is one sentence");
        assert!(!text("x-source").is_empty(), "{path} {method}: no source");
        let tags = document["tags"].as_array().unwrap();
        let known = tags.iter().any(|tag| tag["name"] == value["tags"][0]);
        assert!(known, "{path} {method}: the tag is described nowhere");
    }
    println!(
        "{} operations, {} references",
        operations.len(),
        references.len()
    );
}

#[test]
fn every_route_is_described() {
    let document = document();
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let routes: BTreeSet<String> = assize::routes(&["/{deployment}".to_owned()])
        .into_iter()
        .map(|path| path.replace("{*", "{"))
        .collect();
    // An endpoint below `json` is one route; what lies beneath it belongs to it.
    let is_beneath = |path: &str, route: &str| {
        path.strip_prefix(route).is_some_and(|rest| {
            rest.is_empty() || (route.contains("/json/") && rest.starts_with('/'))
        })
    };
    for route in &routes {
        let found = described.iter().any(|path| is_beneath(path, route));
        assert!(found, "{route} is described nowhere");
    }
    for path in &described {
        let found = routes.iter().any(|route| is_beneath(path, route));
        assert!(found, "{path} is described, and there is no such route");
    }
    println!("{} routes", routes.len());
}

/// Those whose credentials the document asks for.
struct Credentials<'a> {
    client: &'a Client,
    id: String,
    secret: String,
    bearer: String,
}

impl<'a> Credentials<'a> {
    /// A client that may do everything is made for tokens.
    fn make(client: &'a Client) -> Self {
        let administrator = basic("amadmin", ADMINISTRATOR_PASSWORD);
        let body = json!({"client_name": "all", "role": "Read-write"});
        let made = client.post(
            "/connect/register",
            &[("Authorization", &administrator)],
            &body,
        );
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let mut credentials = Credentials {
            client,
            id: text("client_id"),
            secret: text("client_secret"),
            bearer: String::new(),
        };
        credentials.bearer = credentials.token();
        credentials
    }

    fn token(&self) -> String {
        let headers = [
            (
                "Content-Type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            ),
            ("Authorization".to_owned(), basic(&self.id, &self.secret)),
        ];
        let form = Some("grant_type=client_credentials");
        let reply = self.client.send("POST", "/connect/token", &headers, form);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A header for a scheme. Sessions are fresh, as some operations end them.
    fn header(&self, scheme: &str) -> (String, String) {
        let authorization = |value| ("Authorization".to_owned(), value);
        match scheme {
            "session" => {
                let reply = self.client.log_in("", "amadmin", ADMINISTRATOR_PASSWORD);
                let token = reply.json()["tokenId"].as_str().unwrap().to_owned();
                ("iPlanetDirectoryPro".to_owned(), token)
            }
            "bearer" => authorization(format!("Bearer {}", self.bearer)),
            "basic" => authorization(basic("amadmin", ADMINISTRATOR_PASSWORD)),
            "clientBasic" => authorization(basic(&self.id, &self.secret)),
            other => panic!("{other}"),
        }
    }
}

/// A request made up from what an operation says of itself.
struct Example {
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl<'a> Operation<'a> {
    /// One request, or one for each `_action`.
    fn examples(&self, document: &Value) -> Vec<Example> {
        let (path, mut query, mut actions) = self.parameters(document);
        let (mut headers, body) = self.body(document);
        headers.extend(self.header_examples(document));
        if actions.is_empty() {
            actions.push(String::new());
        }
        actions
            .into_iter()
            .map(|action| {
                if !action.is_empty() {
                    query.retain(|pair| !pair.starts_with("_action="));
                    query.push(format!("_action={action}"));
                }
                let mark = if query.is_empty() { "" } else { "?" };
                Example {
                    path: format!("{path}{mark}{}", query.join("&")),
                    headers: headers.clone(),
                    body: body.clone(),
                }
            })
            .collect()
    }

    /// The path and the required parameters of the query; beside them the actions.
    fn parameters(&self, document: &Value) -> (String, Vec<String>, Vec<String>) {
        let (mut path, mut query, mut actions) = (self.path.to_owned(), Vec::new(), Vec::new());
        for holder in [self.item, self.value] {
            for parameter in holder["parameters"].as_array().into_iter().flatten() {
                let parameter = resolved(document, parameter);
                let name = parameter["name"].as_str().unwrap();
                let schema = &parameter["schema"];
                let example = [
                    &parameter["example"],
                    &schema["default"],
                    &schema["enum"][0],
                ];
                let example = example.into_iter().find_map(Value::as_str);
                let example = example.unwrap_or("placeholder");
                match parameter["in"].as_str().unwrap() {
                    "path" => path = path.replace(&format!("{{{name}}}"), example),
                    "query" if name == "_action" => {
                        let names = schema["enum"].as_array().unwrap().iter();
                        actions.extend(names.map(|name| name.as_str().unwrap().to_owned()));
                    }
                    "query" if parameter["required"] == true => {
                        query.push(format!("{name}={}", example.replace(' ', "%20")));
                    }
                    _ => {}
                }
            }
        }
        assert!(!path.contains('{'), "{path}: a parameter is not described");
        (path, query, actions)
    }

    /// Headers that the operation needs in order to be what it is.
    fn header_examples(&self, document: &Value) -> Vec<(String, String)> {
        let parameters = self.value["parameters"].as_array().into_iter().flatten();
        let headers = parameters.filter_map(|parameter| {
            let parameter = resolved(document, parameter);
            let example = parameter["example"].as_str()?;
            let name = parameter["name"].as_str()?;
            (parameter["in"] == "header").then(|| (name.to_owned(), example.to_owned()))
        });
        headers.collect()
    }

    fn body(&self, document: &Value) -> (Vec<(String, String)>, Option<String>) {
        let Some(body) = self.value.get("requestBody") else {
            return (Vec::new(), None);
        };
        let content = resolved(document, body)["content"].as_object().unwrap();
        let (media_type, content) = content.iter().next().unwrap();
        let text = match content.get("example") {
            Some(example) => example.to_string(),
            None => "grant_type=client_credentials&token=placeholder".to_owned(),
        };
        let header = ("Content-Type".to_owned(), media_type.clone());
        (vec![header], Some(text))
    }

    /// The names of what can prove who calls; an operation that says nothing is like the document as a whole.
    fn schemes(&self, document: &'a Value) -> Vec<&'a str> {
        let security = self.value.get("security");
        let alternatives = security.unwrap_or(&document["security"]).as_array();
        let schemes = alternatives
            .into_iter()
            .flatten()
            .filter_map(Value::as_object);
        schemes.flat_map(Map::keys).map(String::as_str).collect()
    }

    /// Whether an error has the shape that the path's API describes for errors; AM's where it describes none.
    fn is_error(&self, reply: &Reply) -> bool {
        let reference = self.value["responses"]["default"]["$ref"].as_str();
        let name = reference.map_or("CrestError", |text| text.rsplit('/').next().unwrap());
        let member = match name {
            "CrestError" => "code",
            "OauthError" | "PexipError" => "error",
            "PolicyServerError" => "errors",
            "ElasticsearchError" => "status",
            other => panic!("{other}"),
        };
        reply.json().get(member).is_some()
    }

    /// What is wrong with an answer, measured by the description.
    fn judge(&self, document: &'a Value, reply: &Reply) -> Result<(), String> {
        if matches!(reply.status, 405 | 500) || is_nowhere(reply) {
            return Err("is not served".into());
        }
        if reply.status == 401 && !self.schemes(document).is_empty() {
            return Err("does not take the credentials that are described".into());
        }
        let responses = &self.value["responses"];
        let response = responses
            .get(reply.status.to_string())
            .or_else(|| responses.get("default").filter(|_| reply.status >= 400))
            .ok_or("has a status that is not described")?;
        let content = resolved(document, response)["content"].as_object();
        let media_type = reply.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default();
        let described = match content {
            None => reply.text.is_empty() || reply.status == 101,
            Some(content) => content.contains_key(media_type),
        };
        if described {
            Ok(())
        } else {
            Err(format!("has the media type {media_type:?}"))
        }
    }
}

/// Whether a refusal names the methods that are described, and HEAD beside GET.
fn says_which_methods(item: &Value, reply: &Reply) -> bool {
    let described = METHODS.iter().filter(|method| item.get(**method).is_some());
    let mut described: BTreeSet<String> = described.map(|method| method.to_uppercase()).collect();
    if described.contains("GET") {
        described.insert("HEAD".to_owned());
    }
    let allowed = reply.header("allow").unwrap_or_default();
    let allowed: BTreeSet<String> = allowed
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    allowed == described
}

/// The answer to a path that leads nowhere.
fn is_nowhere(reply: &Reply) -> bool {
    let message = reply.json()["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    reply.status == 404 && message.starts_with("Resource '") && message.ends_with("' not found")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_described_is_served() {
    let document = document();
    let server = TestServer::start().await;
    let client = server.client();
    let credentials = Credentials::make(&client);
    let (mut faults, mut requests) = (Vec::new(), 0);
    for operation in operations(&document) {
        let scheme = operation.schemes(&document).first().copied();
        let mut served = 0;
        for example in operation.examples(&document) {
            let mut headers = example.headers;
            let credential = scheme.map(|scheme| credentials.header(scheme));
            // A session in a path is the caller's own: what nobody holds is answered like a bad credential.
            let own = credential.as_ref().map_or("", |(_, value)| value);
            let path = example
                .path
                .replace("/sessions/placeholder", &format!("/sessions/{own}"));
            headers.extend(credential.clone());
            let method = operation.method.to_uppercase();
            let reply = client.send(&method, &path, &headers, example.body.as_deref());
            requests += 1;
            // Each family of versions has its own actions, and refuses those of the others with 501.
            let of_sessions = operation.path.ends_with("/sessions");
            served += usize::from(reply.status != 501);
            let judged = match reply.status {
                501 if of_sessions => Ok(()),
                501 => Err("is not implemented".to_owned()),
                _ => operation.judge(&document, &reply),
            };
            if let Err(fault) = judged {
                faults.push(format!("{method} {} {fault}: {reply:?}", example.path));
            }
        }
        assert!(served > 0, "{} {}", operation.method, operation.path);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{requests} requests as described");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_described_is_refused() {
    let document = document();
    let server = TestServer::start().await;
    let client = server.client();
    let credentials = Credentials::make(&client);
    let session = credentials.header("session");
    let all = operations(&document);
    let (mut faults, mut requests) = (Vec::new(), 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        let of_path = all.iter().find(|operation| operation.path == path).unwrap();
        let (address, ..) = of_path.parameters(&document);
        for method in METHODS.iter().filter(|method| item.get(**method).is_none()) {
            let below_json = path.contains("/json/");
            let json = ("Content-Type".to_owned(), "application/json".to_owned());
            let mut headers = vec![json];
            headers.extend(below_json.then(|| session.clone()));
            let body = if *method == "patch" { "[]" } else { "{}" };
            let method = method.to_uppercase();
            let reply = client.send(&method, &address, &headers, Some(body));
            requests += 1;
            // Below `json` a method is an operation that an endpoint may not have; elsewhere it is no method at all, and
            // the answer says in the words of its API which ones are (RFC 9110 §15.5.6).
            let refused = match reply.status {
                405 => says_which_methods(item, &reply) && of_path.is_error(&reply),
                400 | 404 | 501 => below_json,
                _ => false,
            };
            if !refused {
                faults.push(format!("{method} {address}: {reply:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{requests} requests refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_served() {
    let server = TestServer::start().await;
    let reply = server.client().send("GET", "/openapi.json", &[], None);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.json() == document(), "another document is served");
}
