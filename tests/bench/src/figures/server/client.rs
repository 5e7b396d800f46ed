//! A client that keeps connections busy, and as little HTTP as it takes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;

/// Connections, and the threads that share them.
const CONNECTIONS: usize = 64;
const THREADS: usize = 2;

/// Requests to send, again and again.
pub(crate) struct Load {
    pub(crate) address: String,
    pub(crate) call: Call,
    pub(crate) token: String,
    pub(crate) bodies: Vec<Vec<u8>>,
}

/// What is asked for, and by whom.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Decisions, by somebody with a session.
    BySession,
    /// Decisions, by somebody with an access token.
    ByAccessToken,
    /// Access tokens.
    ForAccessToken,
}

/// What was sent, and what came back.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) requests: u64,
    header_bytes: u64,
    body_bytes: u64,
}

impl Sent {
    /// Bytes of an answer's head, on average.
    pub(crate) fn header_size(&self) -> usize {
        (self.header_bytes / self.requests.max(1)) as usize
    }

    /// Bytes of an answer's body, on average.
    pub(crate) fn body_size(&self) -> usize {
        (self.body_bytes / self.requests.max(1)) as usize
    }
}

impl Load {
    /// Keeps every connection busy for `time`.
    ///
    /// # Errors
    /// A connection breaks, or an answer is not a 200.
    pub(crate) fn run(&self, time: Duration) -> Outcome<Sent> {
        let requests: Vec<Vec<u8>> = self.bodies.iter().map(|body| self.request(body)).collect();
        let end = Instant::now() + time;
        let share = |first: usize| -> Result<Sent, String> {
            self.keep_busy(&requests, first, end)
                .map_err(|error| error.to_string())
        };
        std::thread::scope(|scope| {
            let shares: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(move || share(thread)))
                .collect();
            let mut total = Sent::default();
            for part in shares {
                let part = part.join().map_err(|_| "a client thread died")??;
                total.requests += part.requests;
                total.header_bytes += part.header_bytes;
                total.body_bytes += part.body_bytes;
            }
            Ok(total)
        })
    }

    /// The token that the first request is answered with.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn access_token(&self) -> Outcome<String> {
        let body = self.bodies.first().ok_or("there are no requests")?;
        let mut stream = connect(&self.address)?;
        stream.write_all(&self.request(body))?;
        let mut answer = Vec::new();
        let (status, head) = receive(&mut stream, &mut answer)?;
        let json: Value = serde_json::from_slice(&answer.split_off(head))?;
        let token = json.get("access_token").and_then(Value::as_str);
        Ok(token.ok_or_else(|| format!("{status}: {json}"))?.to_owned())
    }

    /// How long each answer takes on one connection, one request after the other.
    ///
    /// # Errors
    /// The connection breaks, or an answer is not a 200.
    pub(crate) fn latencies(&self, count: usize) -> Outcome<Vec<Duration>> {
        let mut stream = connect(&self.address)?;
        let mut buffer = Vec::new();
        let mut taken = Vec::with_capacity(count);
        for body in self.bodies.iter().cycle().take(count) {
            let request = self.request(body);
            let begun = Instant::now();
            stream.write_all(&request)?;
            let (status, _) = receive(&mut stream, &mut buffer)?;
            taken.push(begun.elapsed());
            if status != 200 {
                return Err(format!("status {status}").into());
            }
        }
        Ok(taken)
    }

    /// Sends one request, and is gone before it is answered.
    ///
    /// # Errors
    /// There is no connection.
    pub(crate) fn hang_up(&self) -> Outcome<()> {
        /// Long enough for the server to have begun.
        const BEGUN: Duration = Duration::from_millis(1);
        let body = self.bodies.first().ok_or("there are no requests")?;
        let mut stream = connect(&self.address)?;
        stream.write_all(&self.request(body))?;
        std::thread::sleep(BEGUN);
        Ok(())
    }

    fn request(&self, body: &[u8]) -> Vec<u8> {
        const EVALUATE: &str = "/am/json/policies?_action=evaluate";
        const VERSION: &str =
            "Accept-API-Version: resource=2.0, protocol=1.0\r\nContent-Type: application/json\r\n";
        let token = &self.token;
        let (path, headers) = match self.call {
            Call::BySession => (
                EVALUATE,
                format!("iPlanetDirectoryPro: {token}\r\n{VERSION}"),
            ),
            Call::ByAccessToken => (
                EVALUATE,
                format!("Authorization: Bearer {token}\r\n{VERSION}"),
            ),
            Call::ForAccessToken => (
                "/connect/token",
                "Content-Type: application/x-www-form-urlencoded\r\n".to_owned(),
            ),
        };
        message("POST", path, &self.address, &headers, body)
    }

    fn keep_busy(&self, requests: &[Vec<u8>], first: usize, end: Instant) -> Outcome<Sent> {
        let mut streams = (0..CONNECTIONS / THREADS)
            .map(|_| connect(&self.address))
            .collect::<Outcome<Vec<_>>>()?;
        let mut next = requests
            .iter()
            .cycle()
            .skip(first * requests.len() / THREADS);
        let mut sent = Sent::default();
        let mut buffer = Vec::new();
        while Instant::now() < end {
            for stream in &mut streams {
                stream.write_all(next.next().ok_or("there are no requests")?)?;
            }
            for stream in &mut streams {
                let (status, head) = receive(stream, &mut buffer)?;
                if status != 200 {
                    return Err(
                        format!("status {status}: {}", String::from_utf8_lossy(&buffer)).into(),
                    );
                }
                sent.requests += 1;
                sent.header_bytes += head as u64;
                sent.body_bytes += (buffer.len() - head) as u64;
            }
        }
        Ok(sent)
    }
}

/// The status of a GET.
pub(crate) fn get(address: &str, path: &str) -> Outcome<u16> {
    let mut stream = connect(address)?;
    stream.write_all(&message("GET", path, address, "", b""))?;
    Ok(receive(&mut stream, &mut Vec::new())?.0)
}

/// Status and body of a POST of JSON.
pub(crate) fn post(
    address: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Outcome<(u16, Vec<u8>)> {
    send(address, "POST", path, headers, body)
}

/// Status and body of the answer to a request with JSON.
pub(crate) fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Outcome<(u16, Vec<u8>)> {
    let mut stream = connect(address)?;
    let headers = format!("{headers}Content-Type: application/json\r\n");
    stream.write_all(&message(method, path, address, &headers, body))?;
    let mut answer = Vec::new();
    let (status, head) = receive(&mut stream, &mut answer)?;
    Ok((status, answer.split_off(head)))
}

fn connect(address: &str) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

fn message(method: &str, path: &str, host: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Reads one answer into `buffer`; its status, and how many bytes of it are head.
fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Outcome<(u16, usize)> {
    buffer.clear();
    let mut wanted = None;
    let mut chunk = [0; 4096];
    loop {
        if let Some((status, head, whole)) = wanted {
            if buffer.len() >= whole {
                return Ok((status, head));
            }
        } else if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head =
                String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).to_ascii_lowercase();
            let status = head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .ok_or("an answer without a status")?;
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
            wanted = Some((status, end + 4, end + 4 + length));
            continue;
        }
        match stream.read(&mut chunk)? {
            0 => return Err("the server closed a connection".into()),
            read => buffer.extend_from_slice(chunk.get(..read).unwrap_or_default()),
        }
    }
}
