//! Connections: who takes too long to ask is cut off, who waits for an answer is not, and there are so many at once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use support::{TestServer, exchange};

/// When a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);
const LOG_IN: &str = "POST /am/json/authenticate HTTP/1.1\r\nHost: a\r\n";

fn connect(server: &TestServer, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// All that comes until the server closes the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => text,
    }
}

fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    !matches!(&seen, Ok(1)) && !matches!(&seen, Err(e) if e.kind() == ErrorKind::WouldBlock)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_to_ask_is_cut_off() {
    let settings = [("header_seconds", 1.into()), ("body_seconds", 1.into())];
    let server = TestServer::with(&settings).await;
    let token = server.client().token("amadmin");
    let mut socket = connect(
        &server,
        &format!(
            "GET /am/notifications HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: v1.notifications.forgerock.org\r\niPlanetDirectoryPro: {token}\r\n\r\n"
        ),
    );
    let mut begun = [0; 12];
    socket.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 101");
    let closed = tokio::task::spawn_blocking(move || {
        for (sent, answer) in [
            (String::new(), ""),
            (LOG_IN.to_owned(), ""),
            (
                format!("{LOG_IN}Content-Length: 9\r\n\r\n{{"),
                "HTTP/1.1 408 ",
            ),
            (
                format!("{LOG_IN}Transfer-Encoding: chunked\r\n\r\n1\r\n{{"),
                "HTTP/1.1 408 ",
            ),
            (
                "POST /connect/token HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n".into(),
                "HTTP/1.1 408 ",
            ),
            // What was answered may stay open for the next request, but not for ever.
            (
                "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                "HTTP/1.1 200 ",
            ),
        ] {
            let got = rest(connect(&server, &sent));
            assert!(
                got.starts_with(answer) && got.is_empty() == answer.is_empty(),
                "{sent}: {got}"
            );
        }
        server
    });
    let server = closed.await.unwrap();
    // All the while the socket has been silent.
    assert!(!is_closed(&socket));
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_bound_wait_for_a_place() {
    let settings = [
        ("header_seconds", 1.into()),
        ("subscribers", 1.into()),
        ("connections", 2.into()),
    ];
    let server = TestServer::with(&settings).await;
    let others = [connect(&server, ""), connect(&server, "")];
    let answered = tokio::task::spawn_blocking(move || {
        let stream = connect(&server, "");
        let reply = exchange(stream, "GET", "/health/live", &[], None);
        assert_eq!(reply.status, 200, "{reply:?}");
        // It had to wait until one of the others was cut off.
        assert!(others.iter().any(is_closed));
        server
    });
    let server = answered.await.unwrap();
    let reply = server.client().log_in("", "nobody", "nothing");
    assert_eq!(reply.json()["code"], json!(401), "{reply:?}");
}
