//! What a store of many policies costs on either database: the import, the start, one write until it decides, and decisions
//! before and after.
//!
//! These are wall times on whatever the machine does besides; they are printed and decide nothing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assize_bench::translate::{self, Naming};
use assize_bench::workload::Workload;
use serde_json::Value;

use crate::Outcome;
use crate::report::figure;
use crate::server::client::{self, Call, Load};
use crate::server::{Server, body, resident, server_binary};

/// Writes whose times are looked at.
const WRITES: usize = 11;
/// Decisions, one after the other.
const DECISIONS: usize = 2000;

/// Prints the figures of each number of policies, on SQLite and on PostgreSQL.
pub(crate) fn figures(counts: &[u32]) -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("assize-figures-store-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = counts.iter().try_for_each(|count| each(&folder, *count));
    let _ = std::fs::remove_dir_all(&folder);
    done
}

fn each(folder: &Path, count: u32) -> Outcome<()> {
    let workload = Workload::generate(count);
    let document = folder.join("policies.json");
    let text = translate::document(&workload, Naming::Universal).to_string();
    std::fs::write(&document, text)?;
    println!("\n{count} policies, SQLite");
    measure(
        &folder.join(format!("sqlite-{count}")),
        "",
        &document,
        &workload,
    )?;
    println!("\n{count} policies, PostgreSQL (without fsync)");
    let postgres = Postgres::start(folder.join(format!("postgres-{count}")))?;
    measure(
        &folder.join(format!("data-{count}")),
        &postgres.url,
        &document,
        &workload,
    )
}

fn measure(data: &Path, database: &str, document: &Path, workload: &Workload) -> Outcome<()> {
    let (took, peak) = import(data, database, document)?;
    figure("import", seconds(took), "");
    figure("import, largest resident", megabytes(peak), "");

    let begun = Instant::now();
    let server = Server::start(data, database)?;
    figure("start to ready", seconds(begun.elapsed()), "");
    figure(
        "server, resident",
        megabytes(resident(&server.process)?),
        "",
    );
    let token = server.log_in()?;
    let bodies = workload.requests.iter().take(DECISIONS);
    let load = Load {
        address: server.address.clone(),
        call: Call::BySession,
        token: token.clone(),
        bodies: bodies.map(|request| body(request, None)).collect(),
    };
    decisions("decision, before", &load)?;

    let other = match database {
        "" => None,
        url => Some(Server::start(data, url)?),
    };
    let headers = format!("iPlanetDirectoryPro: {token}\r\nAccept-API-Version: resource=2.0\r\n");
    let (mut live, mut elsewhere) = (Vec::new(), Vec::new());
    let changed = workload.policies.iter().cycle().take(WRITES);
    for (n, policy) in changed.enumerate() {
        let mut json = translate::policy(policy, Naming::Universal);
        let members = json.as_object_mut().ok_or("a policy is no object")?;
        // Another action than before, so that the bundle is another one.
        let values = members
            .get_mut("actionValues")
            .and_then(Value::as_object_mut);
        let values = values.ok_or("a policy without actions")?;
        values.insert("PATCH".into(), (n % 2 == 0).into());
        let path = format!("/am/json/policies/{}", policy.id);
        let begun = Instant::now();
        let (status, answer) = client::send(
            &server.address,
            "PUT",
            &path,
            &headers,
            json.to_string().as_bytes(),
        )?;
        live.push(begun.elapsed());
        if status != 200 {
            return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&answer)).into());
        }
        if let Some(other) = &other {
            let revision = revision(&server)?;
            while self::revision(other)? < revision {
                std::thread::sleep(Duration::from_millis(2));
            }
            elsewhere.push(begun.elapsed());
        }
    }
    figure(
        "one write until it decides, median",
        milliseconds(median(&mut live)),
        "target 300 ms at 100 000",
    );
    if !elsewhere.is_empty() {
        figure(
            "  until it decides on another node",
            milliseconds(median(&mut elsewhere)),
            "target 1 s",
        );
    }
    decisions("decision, after", &load)?;
    figure(
        "server, resident, after the writes",
        megabytes(resident(&server.process)?),
        "",
    );
    Ok(())
}

/// How long an import takes, and the most memory that it has.
pub(crate) fn import(data: &Path, database: &str, document: &Path) -> Outcome<(Duration, u64)> {
    let begun = Instant::now();
    let mut process = Command::new(server_binary()?)
        .arg("import")
        .arg(document)
        .arg("--data")
        .arg(data)
        .env("ASSIZE_DATABASE", database)
        .stdout(Stdio::null())
        .spawn()?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        peak = peak.max(largest(&process).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(10));
    };
    if status.success() {
        Ok((begun.elapsed(), peak))
    } else {
        Err(format!("assize import: {status}").into())
    }
}

/// The largest resident size that a process had, bytes (proc(5): VmHWM).
fn largest(process: &Child) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

fn revision(server: &Server) -> Outcome<u64> {
    let (_, body) = client::send(&server.address, "GET", "/health/ready", "", b"")?;
    let ready: Value = serde_json::from_slice(&body)?;
    Ok(ready
        .get("revision")
        .and_then(Value::as_u64)
        .ok_or("no revision")?)
}

fn decisions(name: &str, load: &Load) -> Outcome<()> {
    // The first ones fill caches.
    load.latencies(DECISIONS / 10)?;
    let mut taken = load.latencies(DECISIONS)?;
    taken.sort_unstable();
    let at = |percent: usize| {
        taken
            .get(taken.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    let figures = format!("{}/{}", at(50).as_micros(), at(99).as_micros());
    figure(&format!("{name}: µs, median/99 of 100"), figures, "");
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes >> 20)
}

/// A database server that ends with this value.
struct Postgres {
    folder: PathBuf,
    url: String,
}

impl Postgres {
    const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../postgres.sh");

    fn start(folder: PathBuf) -> Outcome<Postgres> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let started = Command::new(Self::SCRIPT)
            .arg("start")
            .arg(&folder)
            .arg(port.to_string())
            .stderr(Stdio::inherit())
            .output()?;
        if !started.status.success() {
            return Err("PostgreSQL did not start".into());
        }
        let url = String::from_utf8(started.stdout)?.trim().to_owned();
        Ok(Postgres { folder, url })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = Command::new(Self::SCRIPT)
            .arg("kill")
            .arg(&self.folder)
            .output();
    }
}
