//! The command line: what goes in, what comes out, and the exit code.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/command.rs"]
mod command;

use command::{assize, text, write};
use serde_json::{Value, json};

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
fn what_a_file_of_frodo_s_has_is_named_as_it_stands_there() {
    let folder = tempfile::tempdir().unwrap();
    let policy = json!({
        "name": "p/1",
        "resources": ["http://www.example.com/"],
        "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"},
        "condition": {"type": "AuthLevel", "authLevel": "x"},
    });
    let scripts = json!({"s": {"_id": "s", "name": "s", "language": "JAVASCRIPT", "context": "POLICY_CONDITION", "script": "!!!"}});
    let file = json!({"polices": {}, "policy": {"p/1": policy}, "script": scripts});
    let file = write(folder.path(), "frodo.json", &file);
    let decide = vec!["decide", "--policies", &file];
    let data = folder.path().to_str().unwrap();
    for arguments in [decide, vec!["import", "--data", data, &file]] {
        let output = assize(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        for place in [
            "/policy/p~11/condition/authLevel",
            "/script/s/script",
            "/polices: ",
        ] {
            assert!(said.contains(place), "{place}: {said}");
        }
    }
}

#[test]
fn a_policy_set_refers_to_resource_types_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let set = json!({"name": "dangling", "applicationType": "iPlanetAMWebAgentService", "resourceTypeUuids": ["none"]});
    let mut document = json!({"applications": [set]});
    let file = write(folder.path(), "set.json", &document);
    let output = assize(&["import", "--data", data, &file], "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("set.json: /applications/0/resourceTypeUuids/0"),
        "{said}"
    );
    document["resourceTypes"] =
        json!([{"uuid": "none", "name": "n", "patterns": ["*"], "actions": {"GET": true}}]);
    let file = write(folder.path(), "set.json", &document);
    assert!(
        assize(&["import", "--data", data, &file], "")
            .status
            .success()
    );
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
    let good = assize(&["tokens", "--config", &file, "--data", &data], "");
    assert!(good.status.success(), "{good:?}");
    std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
    let bad = assize(&["tokens", "--config", &file, "--data", &data], "");
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

#[test]
fn who_only_reads_makes_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mistyped");
    let data = data.to_str().unwrap();
    for arguments in [
        vec!["export", "--data", data],
        vec!["history", "list", "--data", data],
    ] {
        let output = assize(&arguments, "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("there is no store in "), "{said}");
        assert!(!std::path::Path::new(data).exists(), "{arguments:?}");
    }
    // Where options stand does not matter.
    for arguments in [
        vec!["client", "list", "--data", data],
        vec!["client", "--data", data, "list"],
        vec!["export", "--data", data],
    ] {
        let output = assize(&arguments, "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?} {output:?}");
    }
}
