//! The command line: what goes in, what comes out, and the exit code.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn assize(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_assize"))
        .args(arguments)
        .env("ASSIZE_PASSWORD_MEMORY_KIB", "8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn write(folder: &Path, name: &str, value: &Value) -> String {
    let path = folder.join(name);
    std::fs::write(&path, value.to_string()).unwrap();
    path.display().to_string()
}

fn document() -> Value {
    json!({
        "policies": [{
            "name": "page",
            "resources": ["http://www.example.com/index.html"],
            "actionValues": {"GET": true, "POST": false},
            "subject": {"type": "AuthenticatedUsers"},
        }],
        "users": [{"username": "ann", "userpassword": "Passw0rd.1", "mail": "ann@example.com"}],
        "groups": [{"username": "staff", "uniqueMember": ["ann"]}],
    })
}

#[test]
fn decide_answers_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let policies = write(folder.path(), "p.json", &document());
    let request = json!({
        "resources": ["http://www.example.com/index.html"],
        "subject": {"principals": ["id=ann,ou=user,dc=x"], "session": {}},
        "now": 0,
    });
    let output = assize(
        &["decide", "--policies", &policies],
        &format!("{request}\n\n{request}\n"),
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0]["decisions"][0]["actions"],
        json!({"GET": true, "POST": false})
    );
    let spread = write(folder.path(), "r.json", &request);
    std::fs::write(&spread, format!("{request:#}")).unwrap();
    let output = assize(
        &["decide", "--policies", &policies, "--request", &spread],
        "",
    );
    assert_eq!(
        text(&output.stdout).lines().next().unwrap(),
        serde_json::to_string(&lines[0]).unwrap()
    );
    let bad = assize(&["decide", "--policies", &policies], "{\"now\": 0}\n");
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad.stdout).starts_with("{\"error\""), "{bad:?}");
}

#[test]
fn bad_policies_are_named_with_file_and_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut document = document();
    document["policies"][0]["condition"] =
        json!({"type": "AND", "conditions": [{"type": "AuthLevel", "authLevel": "x"}]});
    let policies = write(folder.path(), "p.json", &document);
    for arguments in [
        vec!["decide", "--policies", &policies],
        vec![
            "bundle",
            "build",
            "--policies",
            &policies,
            "--out",
            "/dev/null",
        ],
        vec![
            "import",
            "--data",
            folder.path().to_str().unwrap(),
            &policies,
        ],
    ] {
        let output = assize(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("p.json: /policies/0/condition/conditions/0/authLevel"),
            "{said}"
        );
    }
}

#[test]
fn bundles_are_built_alike_and_can_be_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let policies = write(folder.path(), "p.json", &document());
    let out = folder.path().join("b").display().to_string();
    let build = || {
        let output = assize(
            &["bundle", "build", "--policies", &policies, "--out", &out],
            "",
        );
        assert!(output.status.success(), "{output:?}");
        std::fs::read(&out).unwrap()
    };
    assert_eq!(build(), build());
    let shown: Value =
        serde_json::from_slice(&assize(&["bundle", "inspect", &out], "").stdout).unwrap();
    assert_eq!(
        (&shown["policies"], &shown["realm"]),
        (&json!(1), &json!("/"))
    );
    let damaged = write(folder.path(), "damaged", &json!("nothing"));
    assert_eq!(
        assize(&["bundle", "inspect", &damaged], "").status.code(),
        Some(2)
    );
}

/// The private key of RFC 8410, section 10.3.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

#[test]
fn a_sealed_bundle_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let policies = write(folder.path(), "p.json", &document());
    let (key, out, jwks) = (path("key.pem"), path("b"), path("keys.json"));
    std::fs::write(&key, PRIVATE_KEY).unwrap();
    let arguments = [
        "bundle",
        "build",
        "--policies",
        &policies,
        "--out",
        &out,
        "--sign",
        &key,
        "--name",
        "edge",
        "--max-age",
        "60",
        "--revision",
        "7",
        "--jwks",
        &jwks,
    ];
    let built = assize(&arguments, "");
    assert!(built.status.success(), "{built:?}");
    let inspect = |file: &str, keys: &str| {
        let output = assize(&["bundle", "inspect", file, "--keys", keys], "");
        let why = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            serde_json::from_slice::<Value>(&output.stdout).ok(),
            why,
        )
    };
    let (code, shown, why) = inspect(&out, &jwks);
    assert_eq!(code, Some(0), "{why}");
    let seal = &shown.unwrap()["seal"];
    let says = &seal["says"];
    assert_eq!(
        (&seal["verified"], &says["name"]),
        (&json!(true), &json!("edge"))
    );
    assert_eq!(
        (&says["revision"], &says["maxAge"]),
        (&json!(7), &json!(60))
    );

    let other = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": seal["kid"], "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
    let other = write(folder.path(), "other.json", &other);
    let mut damaged = std::fs::read(&out).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(path("damaged"), &damaged).unwrap();
    std::fs::write(
        path("plain"),
        &damaged[damaged.iter().position(|b| *b == b'\n').unwrap() + 1..],
    )
    .unwrap();
    for (file, keys, expected) in [
        (&out, &other, "none of the keys signed it"),
        (&path("damaged"), &jwks, "not those that were signed"),
        (&path("plain"), &jwks, "checksum"),
        (&key, &jwks, "neither a bundle nor a sealed one"),
    ] {
        let (code, _, why) = inspect(file, keys);
        assert_eq!(code, Some(2), "{file}");
        assert!(why.contains(expected), "{why}");
    }
    let unnamed = assize(&arguments[..8], "");
    assert_eq!(unnamed.status.code(), Some(2));
    let wrong = assize(
        &[
            "bundle",
            "build",
            "--policies",
            &policies,
            "--out",
            &out,
            "--sign",
            &policies,
            "--name",
            "e",
        ],
        "",
    );
    assert_eq!(wrong.status.code(), Some(2));
}

/// An export without what differs between two stores that hold the same: who wrote it, and when.
fn without_past(mut export: Value) -> Value {
    for (name, array) in export.as_object_mut().unwrap() {
        match array {
            Value::Array(objects) => {
                for object in objects.iter_mut().filter_map(Value::as_object_mut) {
                    let past = [
                        "createdBy",
                        "creationDate",
                        "lastModifiedBy",
                        "lastModifiedDate",
                        "_store",
                    ];
                    object.retain(|name, _| !past.contains(&name.as_str()));
                }
            }
            head if name == "export" => *head = Value::Null,
            _ => {}
        }
    }
    export
}

#[test]
fn what_was_imported_can_be_exported_and_imported_again() {
    let folder = tempfile::tempdir().unwrap();
    let policies = write(folder.path(), "p.json", &document());
    let data = |name: &str| folder.path().join(name).display().to_string();
    let export = |store: &str| {
        let output = assize(&["export", "--data", store], "");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let (one, two) = (data("one"), data("two"));
    let output = assize(&["import", "--data", &one, &policies], "");
    assert!(
        output.status.success() && text(&output.stdout).contains("1 × policy"),
        "{output:?}"
    );
    let first = export(&one);
    assert_eq!(
        first["policies"][0]["resources"],
        json!(["http://www.example.com:80/index.html"])
    );
    assert_eq!(first["users"][0]["mail"], json!(["ann@example.com"]));
    assert!(!first.to_string().contains("argon2"));
    let exported = write(folder.path(), "e.json", &first);
    assert!(
        assize(&["import", "--data", &two, &exported], "")
            .status
            .success()
    );
    assert_eq!(without_past(export(&two)), without_past(first));
    let out = data("out");
    assert!(
        assize(&["export", "--data", &one, "--out", &out], "")
            .status
            .success()
    );
    assert!(folder.path().join("out/root.json").exists());
}

#[test]
fn invalid_objects_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut document = document();
    document["policies"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "broken"}));
    let policies = write(folder.path(), "p.json", &document);
    let data = folder.path().join("d").display().to_string();
    let refused = assize(&["import", "--data", &data, &policies], "");
    assert_eq!(refused.status.code(), Some(2));
    let shown: Value =
        serde_json::from_slice(&assize(&["export", "--data", &data], "").stdout).unwrap();
    assert_eq!(shown["policies"], json!([]));
    let taken = assize(
        &["import", "--skip-invalid", "--data", &data, &policies],
        "",
    );
    assert!(
        taken.status.success() && text(&taken.stderr).contains("/policies/1"),
        "{taken:?}"
    );
    let shown: Value =
        serde_json::from_slice(&assize(&["export", "--data", &data], "").stdout).unwrap();
    assert_eq!(shown["policies"].as_array().unwrap().len(), 1);
}

#[test]
fn the_default_configuration_is_printed_and_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let printed = assize(&["config"], "");
    assert!(printed.status.success());
    let file = folder.path().join("assize.toml");
    std::fs::write(&file, &printed.stdout).unwrap();
    let (file, data) = (
        file.display().to_string(),
        folder.path().join("d").display().to_string(),
    );
    let good = assize(&["export", "--config", &file, "--data", &data], "");
    assert!(good.status.success(), "{good:?}");
    std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
    let bad = assize(&["export", "--config", &file, "--data", &data], "");
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stderr).contains("lisen"), "{bad:?}");
}

#[test]
fn a_public_address_without_tls_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let output = assize(&["serve", "--listen", "0.0.0.0:0", "--data", &data], "");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr).lines().count(), 1, "{output:?}");
}
