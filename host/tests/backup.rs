//! What `assize export` writes, `assize import --restore` brings back: all of it, on either database.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::{Value, json};
use support::{ADMINISTRATOR_PASSWORD, PASSWORD, TestServer, fits, postgres};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const OWN_TYPE: &str = "0e3a9f5e-9f0c-4f9f-8a39-0d3c4c0a2b11";

/// Where stores are made.
enum Backend {
    Sqlite,
    Postgres(Arc<postgres::Server>),
}

impl Backend {
    /// The database of a new store; empty for SQLite in the data folder.
    async fn database(&self) -> String {
        match self {
            Backend::Sqlite => String::new(),
            Backend::Postgres(server) => server.database().await,
        }
    }
}

/// Runs a command on the store of a folder or a database.
fn assize(verb: &[&str], data: &Path, database: &str, files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_assize"))
        .args(verb)
        .arg("--data")
        .arg(data)
        .args(files)
        .env("ASSIZE_DATABASE", database)
        .env("ASSIZE_PASSWORD_MEMORY_KIB", "8")
        .output()
        .unwrap()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The files of an export by name, with what it says about itself taken out.
fn exported(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        let before = lines.len();
        lines.retain(|line| {
            !line.starts_with("    \"revision\": ") && !line.starts_with("    \"at\": ")
        });
        assert_eq!(before, lines.len() + 2, "{path:?}");
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, lines.join("\n"))
    });
    files.collect()
}

fn ready(server: &TestServer) -> Value {
    let reply = server.client().send("GET", "/health/ready", &[], None);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// Everything that there is to carry, made over REST by two authors and by an import.
async fn fill(server: &TestServer, import: &Path, database: &str) {
    let mut client = server.client();
    let realm = |name: &str, parent: &str| json!({"name": name, "active": true, "parentPath": parent, "aliases": [format!("{name}.example.com")]});
    client.admin(
        "POST",
        "/global-config/realms?_action=create",
        &realm("Alpha", "/"),
    );
    client.admin(
        "POST",
        "/global-config/realms?_action=create",
        &realm("beta", "/Alpha"),
    );
    client.admin(
        "POST",
        "/global-config/realms?_action=create",
        &realm("Alpha-beta", "/"),
    );
    for path in ["", "/realms/root/realms/Alpha/realms/beta"] {
        for user in ["ann", "Bob"] {
            let body = json!({"username": user, "userpassword": PASSWORD, "mail": [format!("{user}@example.com")]});
            client.admin("POST", &format!("{path}/users?_action=create"), &body);
        }
        client.admin(
            "POST",
            &format!("{path}/groups?_action=create"),
            &json!({"username": "staff"}),
        );
        let me = client.admin("GET", &format!("{path}/users/Bob"), &Value::Null);
        let members = json!({"uniqueMember": me["universalid"], "description": ["who works here"]});
        client.admin("PUT", &format!("{path}/groups/staff"), &members);
    }
    let kind = json!({
        "uuid": OWN_TYPE, "name": "Light", "patterns": ["light://*"], "actions": {"ON": true, "OFF": false},
    });
    client.admin("POST", "/resourcetypes?_action=create", &kind);
    let set = json!({
        "name": "lights", "applicationType": "iPlanetAMWebAgentService", "resourceTypeUuids": [OWN_TYPE],
        "subjects": ["AND", "OR", "NOT", "AuthenticatedUsers", "Identity", "JwtClaim", "NONE"],
        "conditions": ["AND", "OR", "NOT", "IPv4", "SimpleTime", "AuthLevel", "Script"],
    });
    client.admin("POST", "/applications?_action=create", &set);
    let light = json!({
        "name": "Kitchen", "applicationName": "lights", "resourceTypeUuid": OWN_TYPE,
        "resources": ["light://kitchen"], "actionValues": {"ON": true},
        "subject": {"type": "Identity", "subjectValues": ["id=staff,ou=group,dc=openam,dc=example,dc=org"]},
    });
    client.admin("POST", "/policies?_action=create", &light);
    // Changed once, so that it has two dates; and one type that a realm begins with is gone.
    let changed = json!({"actionValues": {"ON": true, "OFF": true}});
    let mut light = light;
    light["actionValues"] = changed["actionValues"].clone();
    client.admin("PUT", "/policies/Kitchen", &light);
    client.admin("DELETE", "/applications/oauth2Scopes", &Value::Null);
    let document = json!({
        "policies": [{
            "name": "hours", "resources": ["http://www.example.com/*"], "actionValues": {"GET": true},
            "description": "",
            "subject": {"type": "OR", "subjects": [{"type": "AuthenticatedUsers"}, {"type": "NONE"}]},
            "condition": {"type": "AND", "conditions": [
                {"type": "SimpleTime", "startTime": "00:00", "endTime": "23:59", "enforcementTimeZone": "Europe/Vienna"},
                {"type": "NOT", "condition": {"type": "IPv4", "startIp": "10.0.0.0", "endIp": "10.0.0.9"}},
            ]},
            "resourceAttributes": [{"type": "Static", "propertyName": "x", "propertyValues": ["1", "2"]}],
        }],
        "scripts": [{
            "_id": "7e3d7067-d50f-4674-8c76-a3e13a810c33", "name": "Vienna", "description": "",
            "script": "YXV0aG9yaXplZCA9IHRydWU7Cg==", "language": "JAVASCRIPT", "context": "POLICY_CONDITION",
        }],
    });
    std::fs::write(import, document.to_string()).unwrap();
    let written = assize(&["import"], server.folder.path(), database, &[import]);
    wait_for(server, &written).await;
}

/// What is decided about a user of the root.
fn decisions(server: &TestServer) -> Value {
    let mut client = server.client();
    let token = client.token("bob");
    let mut all = Vec::new();
    for (application, resource) in [
        ("lights", "light://kitchen"),
        ("lights", "light://hall"),
        ("iPlanetAMWebAgentService", "http://www.example.com/a"),
    ] {
        let body = json!({
            "application": application, "resources": [resource], "subject": {"ssoToken": token},
            "environment": {"requestIp": ["10.0.0.77"]},
        });
        let mut answer = client.admin("POST", "/policies?_action=evaluate", &body);
        // The end of the window depends on the day.
        answer[0].as_object_mut().unwrap().remove("ttl");
        all.push(answer);
    }
    all.into()
}

async fn everything_comes_back(backend: Backend) {
    let database = backend.database().await;
    let server = TestServer::with(&[("database", database.as_str().into())]).await;
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    fill(&server, &path("import.json"), &database).await;
    let (digest, decided) = (ready(&server)["digest"].clone(), decisions(&server));
    fits(&json!([[{"actions": {"ON": true, "OFF": true}}], [{"actions": {}}], [{"actions": {"GET": true}}]]), &decided).unwrap();
    let revision = ready(&server)["revision"].as_u64().unwrap();

    let data = server.folder.path();
    let (first, second) = (path("first"), path("second"));
    let export = ["export", "--with-credentials", "--out"];
    done(&assize(
        &[&export[..], &[first.to_str().unwrap()]].concat(),
        data,
        &database,
        &[],
    ));
    let files = exported(&first);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "root+Alpha+beta.json",
            "root+Alpha-beta.json",
            "root+Alpha.json",
            "root.json"
        ]
    );
    assert_eq!(mode(&first.join("root.json")), 0o600);
    for carried in [
        "$argon2id$",
        "administrator.password",
        "login.key",
        "keyRings",
        "Vienna",
        "id=amadmin,ou=user",
    ] {
        assert!(files["root.json"].contains(carried), "{carried}");
    }

    let (other, other_database) = (path("other"), backend.database().await);
    let restored = assize(&["import", "--restore"], &other, &other_database, &[&first]);
    assert!(
        done(&restored).contains("realm /Alpha/beta: 2 × user"),
        "{restored:?}"
    );
    assert!(restored.stderr.is_empty(), "{restored:?}");
    done(&assize(
        &[&export[..], &[second.to_str().unwrap()]].concat(),
        &other,
        &other_database,
        &[],
    ));
    assert_eq!(exported(&second), files);

    // The same again onto what is there changes nothing but the revision.
    done(&assize(
        &["import", "--restore"],
        &other,
        &other_database,
        &[&first],
    ));
    done(&assize(
        &[&export[..], &[second.to_str().unwrap()]].concat(),
        &other,
        &other_database,
        &[],
    ));
    assert_eq!(exported(&second), files);

    let copy = TestServer::on(&other, &[("database", other_database.as_str().into())]).await;
    assert_eq!(ready(&copy)["digest"], digest);
    assert_eq!(decisions(&copy), decided);
    assert!(ready(&copy)["revision"].as_u64().unwrap() > revision);
    let beta = "/realms/root/realms/Alpha/realms/beta";
    assert_eq!(copy.client().log_in(beta, "ann", PASSWORD).status, 200);
    assert_eq!(
        copy.client()
            .log_in("", "amadmin", ADMINISTRATOR_PASSWORD)
            .status,
        200
    );
    // What the original had deleted is not back, and a realm's alias is.
    let mut client = copy.client();
    let sets = client.admin(
        "GET",
        "/applications?_queryFilter=true&_fields=name",
        &Value::Null,
    );
    assert_eq!(sets["resultCount"], 2, "{sets}");
    let by_alias = client.admin("GET", "/realms/beta.example.com/groups/staff", &Value::Null);
    assert_eq!(by_alias["realm"], "/Alpha/beta");
}

/// What a command wrote beside the server is live there.
async fn wait_for(server: &TestServer, written: &Output) {
    let told = done(written);
    let revision = told.trim().rsplit(' ').next().unwrap();
    let revision: u64 = revision.parse().unwrap();
    for _ in 0..500 {
        if ready(server)["revision"].as_u64().unwrap() >= revision {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("revision {revision} never went live");
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_on_sqlite() {
    everything_comes_back(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_on_postgres() {
    everything_comes_back(Backend::Postgres(postgres::Server::shared().await)).await;
}

/// A restored realm holds what its export holds and nothing else; what no export names stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_takes_away_what_came_later() {
    let server = TestServer::start().await;
    let work = tempfile::tempdir().unwrap();
    fill(&server, &work.path().join("import.json"), "").await;
    let (data, out) = (server.folder.path(), work.path().join("out"));
    done(&assize(
        &["export", "--out", out.to_str().unwrap()],
        data,
        "",
        &[],
    ));
    let before = exported(&out);
    assert!(
        !before
            .values()
            .any(|text| text.contains("argon2") || text.contains("login.key"))
    );

    let mut client = server.client();
    let old_token = client.token("ann");
    let added = json!({
        "name": "added", "resources": ["http://www.example.com/*"], "actionValues": {"POST": true},
        "subject": {"type": "AuthenticatedUsers"}, "resourceTypeUuid": URL_TYPE,
    });
    client.admin("POST", "/policies?_action=create", &added);
    client.admin("DELETE", "/policies/hours", &Value::Null);
    client.admin("DELETE", "/users/ann", &Value::Null);
    let cyn = json!({"username": "cyn", "userpassword": PASSWORD});
    client.admin("POST", "/users?_action=create", &cyn);
    let cyn_token = client.token("cyn");
    // Two types exchange their names: each of the old ones is taken when the other is written.
    let renamed = |uuid: &str, name: &str| json!({"uuid": uuid, "name": name, "patterns": ["light://*"], "actions": {"ON": true, "OFF": false}});
    let other = "0e3a9f5e-9f0c-4f9f-8a39-0d3c4c0a2b12";
    client.admin(
        "PUT",
        &format!("/resourcetypes/{OWN_TYPE}"),
        &renamed(OWN_TYPE, "Lamp"),
    );
    client.admin(
        "POST",
        "/resourcetypes?_action=create",
        &renamed(other, "Light"),
    );
    client.admin(
        "POST",
        "/realms/root/realms/Alpha/groups?_action=create",
        &json!({"username": "later"}),
    );

    let root = out.join("root.json");
    let restored = assize(&["import", "--restore"], data, "", &[&root]);
    wait_for(&server, &restored).await;
    let again = work.path().join("again");
    done(&assize(
        &["export", "--out", again.to_str().unwrap()],
        data,
        "",
        &[],
    ));
    let after = exported(&again);
    assert_eq!(after["root.json"], before["root.json"]);
    assert!(
        after["root+Alpha.json"].contains("later"),
        "no export named it"
    );

    // Users keep the passwords that they have: the export told none. Who was deleted has none any more.
    assert_eq!(client.log_in("", "bob", PASSWORD).status, 200);
    assert_eq!(client.log_in("", "ann", PASSWORD).status, 401);
    assert_eq!(client.log_in("", "cyn", PASSWORD).status, 401);
    for token in [old_token, cyn_token] {
        let decided = client.evaluate(&["http://www.example.com/a"], &json!({"ssoToken": token}));
        assert_eq!(
            decided[0]["actions"],
            json!({}),
            "the session ended with its user"
        );
    }
}

/// What frodo is given it can give back; what it writes is read with its ids, its lines and its stray members.
#[test]
fn frodo_files_go_both_ways() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let script = "7e3d7067-d50f-4674-8c76-a3e13a810c33";
    let file = json!({
        "meta": {"origin": "https://am.example.com/am", "exportTool": "frodo"},
        "policy": {"scripted one": {
            "_id": "scripted one", "name": "scripted one", "active": true, "description": "",
            "applicationName": "lights", "actionValues": {"ON": true}, "resources": ["light://*"],
            "subject": {"type": "AuthenticatedUsers"}, "condition": {"type": "Script", "scriptId": script},
            "resourceTypeUuid": OWN_TYPE,
            "createdBy": "id=amadmin,ou=user,ou=am-config", "creationDate": "2023-09-30T20:12:40.19Z",
            "lastModifiedBy": "id=amadmin,ou=user,ou=am-config", "lastModifiedDate": "2023-09-30T20:12:41.5Z",
        }},
        "policyset": {"lights": {
            "name": "lights", "displayName": null, "description": null, "applicationType": "iPlanetAMWebAgentService",
            "entitlementCombiner": "DenyOverride", "subjects": ["AuthenticatedUsers"], "conditions": ["Script"],
            "resourceTypeUuids": [OWN_TYPE], "attributeNames": [], "editable": true, "saveIndex": null,
            "searchIndex": null, "resourceComparator": null,
            "createdBy": "id=dsameuser,ou=user,ou=am-config", "creationDate": 1_578_580_064_992_i64,
            "lastModifiedBy": "id=amadmin,ou=user,ou=am-config", "lastModifiedDate": 1_595_479_030_487_i64,
        }},
        "resourcetype": {OWN_TYPE: {
            "uuid": OWN_TYPE, "name": "Light", "description": "", "patterns": ["light://*"], "actions": {"ON": true},
            "createdBy": "id=a", "creationDate": 1, "lastModifiedBy": "id=b", "lastModifiedDate": 2,
        }},
        "script": {script: {
            "_id": script, "name": "Vienna", "description": "null", "language": "JAVASCRIPT", "context": "POLICY_CONDITION",
            "script": ["// a comment", "authorized = true;", ""],
        }},
    });
    let given = path("given.json");
    std::fs::write(&given, file.to_string()).unwrap();
    let (one, two) = (path("one"), path("two"));
    let imported = assize(&["import", "--restore"], &one, "", &[&given]);
    done(&imported);
    assert!(imported.stderr.is_empty(), "{imported:?}");
    let frodo = ["export", "--form", "frodo"];
    let text = done(&assize(&frodo, &one, "", &[]));
    let out: Value = serde_json::from_str(&text).unwrap();
    for map in ["policy", "policyset", "resourcetype", "script"] {
        for (id, object) in file[map].as_object().unwrap() {
            let mut want = object.clone();
            // Dates are written as everywhere; a set and a type have an id of their own here, too.
            let date = |text: &str| text.replace(".19Z", ".190Z").replace(".5Z", ".500Z");
            for value in want.as_object_mut().unwrap().values_mut() {
                if let Some(text) = value.as_str() {
                    *value = date(text).into();
                }
            }
            fits(&want, &out[map][id]).unwrap_or_else(|why| panic!("{map} {id}{why}"));
            let names: Vec<&String> = out[map][id].as_object().unwrap().keys().collect();
            assert!(names.is_sorted(), "{names:?}");
            assert_eq!(out[map][id]["_id"], json!(id));
            assert!(out[map][id].get("_rev").is_none());
        }
    }
    assert_eq!(out["meta"]["exportTool"], "assize");
    let second = path("second.json");
    std::fs::write(&second, &text).unwrap();
    done(&assize(&["import", "--restore"], &two, "", &[&second]));
    let mut again: Value = serde_json::from_str(&done(&assize(&frodo, &two, "", &[]))).unwrap();
    again["meta"]["exportDate"] = out["meta"]["exportDate"].clone();
    assert_eq!(again, out);
}

/// Whatever is wrong with single objects of an export of AM, the rest is imported, and each that is not is named.
#[test]
fn the_sound_rest_of_an_export_is_imported() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let policy = |name: &str, condition: Value| {
        json!({
            "_id": name, "name": name, "resources": ["http://www.example.com/*"], "actionValues": {"GET": true},
            "subject": {"type": "AuthenticatedUsers"}, "condition": condition, "resourceTypeUuid": URL_TYPE,
        })
    };
    let sound = json!({"type": "AuthLevel", "authLevel": 1});
    let mut unknown_set = policy("unknown set", sound.clone());
    unknown_set["applicationName"] = "nowhere".into();
    let mut unknown_type = policy("unknown type", sound.clone());
    unknown_type["resourceTypeUuid"] = OWN_TYPE.into();
    let file = json!({
        "policy": {
            "sound": policy("sound", sound.clone()),
            // The set does not list it, which AM never enforced.
            "unlisted": policy("unlisted", json!({"type": "Policy", "className": "com.example.Own", "properties": {}})),
            "no/such~condition": policy("no such", json!({"type": "Weather"})),
            "nothing": null,
            "a list": [1, 2],
            "unknown set": unknown_set,
            "unknown type": unknown_type,
            "twice": policy("Sound", sound),
        },
        "policyset": {"odd": {"name": "odd", "applicationType": "homemade"}},
        "resourcetype": {
            OWN_TYPE: {"uuid": OWN_TYPE, "name": "url", "patterns": ["*"], "actions": {"GET": true}},
            "bad": {"uuid": "bad", "name": "Bad", "patterns": "*", "actions": {"GET": true}},
        },
        "script": {"x": {"_id": "x", "script": ["authorized = true;"], "language": "JAVASCRIPT", "context": "POLICY_CONDITION"}},
        "idp": {"google": {}},
    });
    let given = path("given.json");
    std::fs::write(&given, file.to_string()).unwrap();
    let refused = assize(&["import"], &path("one"), "", &[&given]);
    assert_eq!(refused.status.code(), Some(2));
    let taken = assize(&["import", "--skip-invalid"], &path("one"), "", &[&given]);
    let told = done(&taken);
    assert!(told.contains("realm /: 2 × policy"), "{told}");
    let said = String::from_utf8(taken.stderr).unwrap();
    for (what, place) in [
        ("left out", "/policy/no~1such~0condition"),
        ("left out", "/policy/nothing"),
        ("left out", "/policy/a list"),
        ("left out", "/policy/unknown set/applicationName"),
        ("left out", "/policy/unknown type/resourceTypeUuid"),
        ("left out", "/policy/twice"),
        ("left out", "/policyset/odd/applicationType"),
        ("left out", &format!("/resourcetype/{OWN_TYPE}")),
        ("left out", "/resourcetype/bad/patterns"),
        ("left out", "/script/x"),
        ("warning", "/policy/unlisted/condition"),
        ("warning", "/idp"),
    ] {
        let line = |line: &&str| {
            line.starts_with(&format!("{what}: ")) && line.contains(&format!("given.json: {place}"))
        };
        assert!(
            said.lines().any(|text| line(&text)),
            "{what} {place}: {said}"
        );
    }
    assert_eq!(
        said.lines()
            .filter(|line| line.starts_with("left out"))
            .count(),
        10,
        "{said}"
    );
}
