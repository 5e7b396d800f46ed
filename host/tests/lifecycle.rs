//! Starting, stopping, what survives, and what other processes change meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use assize::serve::Server;
use serde_json::{Value, json};
use support::{PASSWORD, TestServer, config, exchange, fits};

const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";

fn policy(name: &str) -> Value {
    json!({
        "name": name,
        "resources": ["http://www.example.com/*"],
        "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"},
        "resourceTypeUuid": URL_TYPE,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_policies_survive_a_restart() {
    let mut server = TestServer::start().await;
    let mut client = server.client();
    client.admin("POST", "/policies?_action=create", &policy("kept"));
    client.admin(
        "POST",
        "/users?_action=create",
        &json!({"username": "amy", "userpassword": PASSWORD}),
    );
    let token = client.token("amy");
    let revision = server.client().ready()["revision"].as_u64().unwrap();
    server.restart().await;
    client.address = server.address;
    let answer = client.evaluate(&["http://www.example.com/x"], &json!({"ssoToken": token}));
    fits(&json!([{"actions": {"GET": true}}]), &answer).unwrap();
    assert!(server.client().ready()["revision"].as_u64().unwrap() >= revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_beside_a_running_server_is_taken_over() {
    let server = TestServer::start().await;
    let before = server.client().ready()["revision"].as_u64().unwrap();
    let file = server.folder.path().join("import.json");
    let document = json!({"policies": [policy("imported")], "users": [{"username": "ann", "userpassword": PASSWORD}]});
    std::fs::write(&file, document.to_string()).unwrap();
    let import = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
        .args(["import", "--data"])
        .arg(server.folder.path())
        .arg(&file)
        .env("ASSIZE_PASSWORD_MEMORY_KIB", "8")
        .output()
        .unwrap();
    assert!(import.status.success(), "{import:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.client().ready()["revision"].as_u64().unwrap() == before {
        assert!(Instant::now() < deadline, "the import never went live");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut client = server.client();
    let token = client.token("ann");
    let answer = client.evaluate(&["http://www.example.com/x"], &json!({"ssoToken": token}));
    fits(&json!([{"actions": {"GET": true}}]), &answer).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_shows_a_password_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || config(folder.path(), &[("admin_password", "".into())]);
    let first = Server::start(settings()).await.unwrap();
    let password = first.first_start.administrator_password.clone().unwrap();
    assert!(password.len() >= 20);
    first.stop().await.unwrap();
    let second = Server::start(settings()).await.unwrap();
    assert!(second.first_start.administrator_password.is_none());
    second.stop().await.unwrap();
    // Whoever sets one replaces it.
    let third = Server::start(config(folder.path(), &[])).await.unwrap();
    let server = TestServer {
        address: third.address(),
        server: Some(third),
        folder,
    };
    let client = server.client();
    assert_eq!(client.log_in("", "amadmin", &password).status, 401);
    assert_eq!(
        client
            .log_in("", "amadmin", support::ADMINISTRATOR_PASSWORD)
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded() {
    let server = TestServer::with(&[("body_bytes", 1000.into())]).await;
    let client = server.client();
    let send = |bytes: usize| {
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        client.send(
            "POST",
            "/am/json/policies?_action=evaluate",
            &headers,
            Some(&" ".repeat(bytes)),
        )
    };
    assert_eq!(send(1000).status, 401);
    let over = send(1001);
    assert_eq!((over.status, &over.json()["code"]), (413, &json!(413)));
    assert!(over.text.contains("1000 bytes (body_bytes)"), "{over:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_too_many_ends_the_oldest() {
    let server = TestServer::with(&[("sessions_per_user", 2.into())]).await;
    let mut client = server.client();
    client.admin(
        "POST",
        "/users?_action=create",
        &json!({"username": "amy", "userpassword": PASSWORD}),
    );
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(
            client.log_in("", "amy", PASSWORD).json()["tokenId"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let valid = |token: &String| {
        let path = format!("/am/json/sessions/{token}?_action=validate");
        client
            .post(&path, &[("Accept-API-Version", "resource=1.2")], &json!({}))
            .json()["valid"]
            .clone()
    };
    let states: Vec<Value> = tokens.iter().map(valid).collect();
    assert_eq!(states, [json!(false), json!(true), json!(true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a certificate").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file_text = file.display().to_string();
    for (settings, expected) in [
        (
            vec![("data", toml::Value::from(format!("{file_text}/below")))],
            "data folder",
        ),
        (
            vec![("database", "sqlite:///nowhere/at/all.db".into())],
            "cannot be used",
        ),
        (vec![("database", "mysql://x".into())], "mysql"),
        (
            vec![("listen", taken.local_addr().unwrap().to_string().into())],
            "cannot listen",
        ),
        (
            vec![
                ("tls_certificate", file_text.clone().into()),
                ("tls_key", file_text.clone().into()),
            ],
            "certificate",
        ),
    ] {
        let Err(error) = Server::start(config(folder.path(), &settings)).await else {
            panic!("{settings:?} started")
        };
        let line = error.to_string();
        assert!(line.contains(expected) && !line.contains('\n'), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_store_is_refused() {
    let server = TestServer::start().await;
    let TestServer { server, folder, .. } = server;
    server.unwrap().stop().await.unwrap();
    let url = format!("sqlite://{}", folder.path().join("assize.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query("INSERT INTO schema_version (version) VALUES (999)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let Err(error) = Server::start(config(folder.path(), &[])).await else {
        panic!("it started")
    };
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_where_a_certificate_is_given() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support");
    let (certificate, key) = (
        format!("{here}/localhost.pem"),
        format!("{here}/localhost-key.pem"),
    );
    let server = TestServer::with(&[
        ("tls_certificate", certificate.clone().into()),
        ("tls_key", key.into()),
    ])
    .await;
    let address = server.address;
    let reply = tokio::task::spawn_blocking(move || {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(rustls::pki_types::CertificateDer::from_pem_file(certificate).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connection =
            rustls::ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap())
                .unwrap();
        let stream = std::net::TcpStream::connect(address).unwrap();
        exchange(
            rustls::StreamOwned::new(connection, stream),
            "GET",
            "/am/json/serverinfo/*",
            &[],
            None,
        )
    })
    .await
    .unwrap();
    assert_eq!(
        (reply.status, &reply.json()["secureCookie"]),
        (200, &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_with_success() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("ASSIZE_ADMIN_PASSWORD", support::ADMINISTRATOR_PASSWORD)
        .env("ASSIZE_PASSWORD_MEMORY_KIB", "8")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address: std::net::SocketAddr = line.rsplit(' ').next().unwrap().parse().unwrap();
    let reply = exchange(
        std::net::TcpStream::connect(address).unwrap(),
        "GET",
        "/health/live",
        &[],
        None,
    );
    assert_eq!(reply.status, 200);
    let kill = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains(support::ADMINISTRATOR_PASSWORD));
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{line:?} is no JSON: {e}"));
    }
}
