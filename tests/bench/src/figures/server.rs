//! The server's CPU for one evaluate request, beside a bare handler's with the same sizes, under the same load.
//!
//! The load comes from this process over loopback, bounded in connections and time; the servers' CPU is what the system counts
//! for their processes. Figures in wall time would only say how two programs share the machine.

pub(crate) mod client;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use assize_bench::translate::{self, Naming, POLICY_SET};
use assize_bench::workload::{Request, Workload};
use client::{Call, Load, Sent};
use serde_json::{Value, json};

use crate::Outcome;
use crate::report::figure;

const POLICIES: u32 = 1000;
const ADMIN: &str = "amadmin";
const PASSWORD: &str = "figures-of-the-server";

/// Longest time that a server may take to be ready, with many policies on a busy machine; and how often it is asked.
const START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(1);

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Measurements of each of two things that are compared closely.
const TURNS: usize = 3;
/// While it is counted. The system counts in hundredths of a second.
const MEASURED: Duration = Duration::from_secs(6);

/// Starts both servers, one after the other, and prints.
pub(crate) fn figures() -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("assize-figures-server-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = measure(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    done
}

fn measure(folder: &Path) -> Outcome<()> {
    let workload = Workload::generate(POLICIES);
    let document = folder.join("policies.json");
    std::fs::write(
        &document,
        translate::document(&workload, Naming::Universal).to_string(),
    )?;
    let data = folder.join("data");
    let imported = Command::new(server_binary()?)
        .arg("import")
        .arg(&document)
        .arg("--data")
        .arg(&data)
        .stdout(Stdio::null())
        .status()?;
    if !imported.success() {
        return Err(format!("assize import: {imported}").into());
    }
    let server = Server::start(&data, "")?;
    let token = server.log_in()?;

    println!("CPU of the server for one request, {POLICIES} policies, µs");
    for (name, subject) in [("claims", None), ("ssoToken", Some(token.as_str()))] {
        let bodies = workload
            .requests
            .iter()
            .map(|request| body(request, subject))
            .collect();
        let load = Load {
            address: server.address.clone(),
            call: Call::BySession,
            token: token.clone(),
            bodies,
        };
        let (mine, sent) = cpu_per_request(&server.process, &load)?;
        let bare = Server::bare(sent.body_size(), sent.header_size())?;
        let (floor, bare_sent) = cpu_per_request(
            &bare.process,
            &Load {
                address: bare.address.clone(),
                ..load
            },
        )?;
        figure(
            &format!("evaluate, subject by {name}"),
            format!("{mine:.1}"),
            "",
        );
        figure(
            "  answers: bytes of headers, of body",
            format!("{}+{}", sent.header_size(), sent.body_size()),
            "",
        );
        figure("bare handler", format!("{floor:.1}"), "");
        figure(
            "  answers: bytes of headers, of body",
            format!("{}+{}", bare_sent.header_size(), bare_sent.body_size()),
            "",
        );
        figure("ratio", format!("{:.2}", mine / floor), "target 1.5");
    }
    access_tokens(&server, &token, &workload)?;
    figure(
        "resident, whole server",
        format!("{} MB", resident(&server.process)? >> 20),
        "",
    );
    Ok(())
}

/// What an access token costs where it is used, beside a session, and where it is issued.
fn access_tokens(server: &Server, session: &str, workload: &Workload) -> Outcome<()> {
    let client = server.client(session)?;
    let bodies: Vec<Vec<u8>> = workload
        .requests
        .iter()
        .map(|request| body(request, None))
        .collect();
    let load = |call: Call, token: &str, bodies: &[Vec<u8>]| Load {
        address: server.address.clone(),
        call,
        token: token.to_owned(),
        bodies: bodies.to_vec(),
    };
    let for_token = load(Call::ForAccessToken, "", std::slice::from_ref(&client));
    let token = for_token.access_token()?;
    let by_session = load(Call::BySession, session, &bodies);
    let by_token = load(Call::ByAccessToken, &token, &bodies);
    // In turns, so that a machine's mood meets both alike.
    let (mut least_session, mut least_token) = (f64::MAX, f64::MAX);
    for _ in 0..TURNS {
        least_session = least_session.min(cpu_per_request(&server.process, &by_session)?.0);
        least_token = least_token.min(cpu_per_request(&server.process, &by_token)?.0);
    }
    figure(
        "evaluate, caller by session",
        format!("{least_session:.1}"),
        "",
    );
    figure(
        "evaluate, caller by access token",
        format!("{least_token:.1}"),
        "",
    );
    let added = (least_token / least_session - 1.0) * 100.0;
    figure("added by the token", format!("{added:.1} %"), "target 10 %");
    let (issue, _) = cpu_per_request(&server.process, &for_token)?;
    figure(
        "an access token issued and stored",
        format!("{issue:.1}"),
        "",
    );
    Ok(())
}

/// What an AM client sends.
pub(crate) fn body(request: &Request, token: Option<&str>) -> Vec<u8> {
    let claims = &request.subject.claims;
    let subject = match token {
        Some(token) => json!({ "ssoToken": token }),
        None => json!({ "claims": {
            "sub": request.subject.user, "dept": claims.dept, "role": claims.role, "tenant": claims.tenant,
        }}),
    };
    let environment = json!({ "requestIp": [request.env.ip], "requestAuthLevel": [request.env.auth_level.to_string()] });
    json!({ "application": POLICY_SET, "resources": [request.resource], "subject": subject, "environment": environment })
        .to_string()
        .into_bytes()
}

/// Microseconds of the process's CPU for one request, and what was sent meanwhile.
pub(crate) fn cpu_per_request(process: &Child, load: &Load) -> Outcome<(f64, Sent)> {
    load.run(WARM_UP)?;
    let before = ticks(process)?;
    let sent = load.run(MEASURED)?;
    let used = ticks(process)? - before;
    Ok((used as f64 * 10_000.0 / sent.requests as f64, sent))
}

/// Hundredths of a second of CPU, user and system (proc(5): fields 14 and 15, counted behind the name's closing parenthesis).
fn ticks(process: &Child) -> Outcome<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    let fields: Vec<&str> = text
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let field =
        |at: usize| -> Outcome<u64> { Ok(fields.get(at).ok_or("stat is too short")?.parse()?) };
    Ok(field(11)? + field(12)?)
}

pub(crate) fn resident(process: &Child) -> Outcome<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/statm", process.id()))?;
    Ok(text
        .split(' ')
        .nth(1)
        .ok_or("statm is too short")?
        .parse::<u64>()?
        * 4096)
}

/// A server of either kind, which ends with this value.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) address: String,
    /// Kept open, so that the server can go on printing.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// On a data folder, and the database that a URL names where it is not empty; with two workers, as DESIGN §8 has it.
    pub(crate) fn start(data: &Path, database: &str) -> Outcome<Server> {
        let address = free_address()?;
        let mut command = Command::new(server_binary()?);
        command
            .args(["serve", "--listen", &address, "--data"])
            .arg(data)
            .env("ASSIZE_DATABASE", database)
            .env("ASSIZE_WORKERS", "2")
            .env("ASSIZE_ADMIN_PASSWORD", PASSWORD);
        // The audit record has a line for every token.
        let quiet = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = quiet.spawn()?;
        let output = BufReader::new(process.stdout.take().ok_or("the server has no output")?);
        let server = Server {
            process,
            address,
            _output: output,
        };
        for _ in 0..START.as_millis() / POLL.as_millis() {
            if client::get(&server.address, "/health/ready").is_ok_and(|status| status == 200) {
                return Ok(server);
            }
            std::thread::sleep(POLL);
        }
        Err(format!("the server is not ready after {} s", START.as_secs()).into())
    }

    fn bare(body: usize, headers: usize) -> Outcome<Server> {
        /// Bytes of headers that axum and the handler send with no filler at all.
        const OWN: usize = 127;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", &format!("{body},{}", headers.saturating_sub(OWN))]);
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(
            process
                .stdout
                .take()
                .ok_or("the bare handler has no output")?,
        );
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().trim_start_matches("http://").to_owned();
        Ok(Server {
            process,
            address,
            _output: output,
        })
    }

    pub(crate) fn log_in(&self) -> Outcome<String> {
        let headers = format!(
            "X-OpenAM-Username: {ADMIN}\r\nX-OpenAM-Password: {PASSWORD}\r\nAccept-API-Version: resource=2.0, protocol=1.0\r\n"
        );
        let (status, body) = client::post(&self.address, "/am/json/authenticate", &headers, b"")?;
        let answer: Value = serde_json::from_slice(&body)?;
        let token = answer.get("tokenId").and_then(Value::as_str);
        Ok(token
            .ok_or_else(|| format!("authenticate answers {status}: {answer}"))?
            .to_owned())
    }
}

impl Server {
    /// Makes an OAuth client; the form with which it asks for tokens.
    fn client(&self, session: &str) -> Outcome<Vec<u8>> {
        let headers = format!("iPlanetDirectoryPro: {session}\r\n");
        let path = "/am/json/global-config/clients?_action=create";
        let (status, body) = client::post(&self.address, path, &headers, b"{}")?;
        let answer: Value = serde_json::from_slice(&body)?;
        let text = |member: &str| answer.get(member).and_then(Value::as_str);
        let (id, secret) = text("client_id")
            .zip(text("client_secret"))
            .ok_or_else(|| format!("a client was not made, {status}: {answer}"))?;
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        Ok(form.into_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server as cargo built it, beside this program.
pub(crate) fn server_binary() -> Outcome<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name("assize");
    if binary.exists() {
        Ok(binary)
    } else {
        Err("no server beside this program: use `cargo xtask bench server`".into())
    }
}

fn free_address() -> Outcome<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}
