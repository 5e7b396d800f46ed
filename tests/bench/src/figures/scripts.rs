//! What Script conditions cost: those who ask for one, those who do not, and everybody while some do their worst.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use assize_script::{Inputs, Runtime, Session};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Outcome;
use crate::folder::Folder;
use crate::report::figure;
use crate::server::client::{self, Call, Load};
use crate::server::{Server, cpu_per_request, resident};
use crate::store::megabytes;

/// The resource type that every realm begins with.
const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
/// Measurements of each of two things that are compared closely.
const TURNS: usize = 3;
/// Decisions, one after the other.
const DECISIONS: usize = 2000;
/// Those who ask for hostile scripts, again and again.
const ATTACKERS: usize = 8;

/// Scripts that do what a stranger's script might.
const HOSTILE: [(&str, &str); 4] = [
    ("loop", "for (;;);"),
    (
        "memory",
        "var a = []; for (;;) a.push(new Array(1000).fill(1));",
    ),
    ("regex", "/(a+)+$/.test('a'.repeat(40) + 'b');"),
    ("calls", "function f() { return [1].map(f); } f();"),
];

/// Measures and prints.
pub(crate) fn figures() -> Outcome<()> {
    let folder = Folder::new("scripts")?;
    let without = Administered::start(&folder, "without")?;
    let with = Administered::start(&folder, "with")?;
    for server in [&without, &with] {
        server.policy("plain", None)?;
    }
    with.policy("scripted", Some("authorized = true;"))?;
    for (name, source) in HOSTILE {
        with.policy(name, Some(source))?;
    }

    figure("one trivial script, the sandbox alone, µs", alone()?, "");
    println!("\nCPU of the server for one decision, µs");
    let loads = [
        without.load("plain"),
        with.load("plain"),
        with.load("scripted"),
    ];
    let mut least = [f64::MAX; 3];
    // In turns, so that a machine's mood meets all alike.
    for _ in 0..TURNS {
        for ((server, load), least) in [&without, &with, &with].iter().zip(&loads).zip(&mut least) {
            let (cpu, _) = cpu_per_request(&server.server.process, load)?;
            *least = least.min(cpu);
        }
    }
    let [none, beside, scripted] = least;
    figure("no script in the bundle", format!("{none:.1}"), "");
    figure(
        "none in the policy, some in the bundle",
        format!("{beside:.1}"),
        "the same",
    );
    figure("one trivial script", format!("{scripted:.1}"), "target 100");

    println!("\na decision on one connection: µs, median/99 of 100");
    let [_, plain, scripted] = &loads;
    figure("without scripts", latencies(plain)?, "");
    figure("one trivial script", latencies(scripted)?, "");
    let quiet = resident(&with.server.process)?;
    let manners: [(&str, Attack); 2] = [
        ("wait for their answers", |load| load.latencies(1).map(drop)),
        ("hang up", Load::hang_up),
    ];
    for (manner, attack) in manners {
        let (during, attacks) = under_attack(&with, plain, attack)?;
        let name = format!("while attackers {manner}");
        figure(&name, during, "");
        let name = "  requests of hostile scripts meanwhile";
        figure(name, attacks.to_string(), "");
    }
    figure("resident, before the attack", megabytes(quiet), "");
    figure(
        "resident, after it",
        megabytes(resident(&with.server.process)?),
        "",
    );
    Ok(())
}

/// One run after the other on one thread.
fn alone() -> Outcome<String> {
    let runtime = Runtime::start()?;
    let named = |prefix: &str| (0..15).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let properties = named("property").into_iter().zip(named("a value "));
    let attributes = named("attribute").into_iter();
    let profile = attributes.map(|name| (name, vec!["a value".to_owned()]));
    let profile = profile.collect();
    let inputs = Inputs {
        resource: "http://scripted.example.com:80/".to_owned(),
        script_name: "scripted".to_owned(),
        username: Some("id=amadmin,ou=user,dc=example".to_owned()),
        session: Some(Session::of(&properties.collect(), Some(&profile))),
        ..Inputs::default()
    };
    let mut least = Duration::MAX;
    for _ in 0..TURNS {
        let begun = Instant::now();
        for _ in 0..DECISIONS {
            let run = runtime.run("authorized = true;", &inputs);
            run.result.map_err(|failure| failure.to_string())?;
        }
        least = least.min(begun.elapsed() / DECISIONS as u32);
    }
    Ok(format!("{:.1}", least.as_secs_f64() * 1e6))
}

/// One request for a hostile script.
type Attack = fn(&Load) -> Outcome<()>;

/// The latencies of a load while others ask for hostile scripts; and how often those did.
fn under_attack(server: &Administered, load: &Load, once: Attack) -> Outcome<(String, u64)> {
    let (over, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let attack = |n: usize| {
        let (name, _) = HOSTILE[n % HOSTILE.len()];
        let load = server.load(name);
        while !over.load(Ordering::Relaxed) {
            match once(&load) {
                Ok(()) => asked.fetch_add(1, Ordering::Relaxed),
                Err(error) => return Err(error.to_string()),
            };
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let attack = &attack;
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|n| scope.spawn(move || attack(n)))
            .collect();
        // All of them are at it before anything is counted.
        std::thread::sleep(Duration::from_secs(1));
        let latencies = latencies(load);
        over.store(true, Ordering::Relaxed);
        for attacker in attackers {
            attacker.join().map_err(|_| "an attacker died")??;
        }
        Ok((latencies?, asked.load(Ordering::Relaxed)))
    })
}

fn latencies(load: &Load) -> Outcome<String> {
    // The first ones fill caches.
    load.latencies(DECISIONS / 10)?;
    let mut taken = load.latencies(DECISIONS)?;
    taken.sort_unstable();
    let at = |percent: usize| taken.get(taken.len() * percent / 100).copied();
    let micros = |percent: usize| at(percent).unwrap_or_default().as_micros();
    Ok(format!("{}/{}", micros(50), micros(99)))
}

/// A server, and its administrator.
struct Administered {
    server: Server,
    token: String,
}

impl Administered {
    fn start(folder: &Folder, name: &str) -> Outcome<Self> {
        let server = Server::start(&folder.path().join(name), "")?;
        let token = server.log_in()?;
        Ok(Administered { server, token })
    }

    /// Makes a policy for `http://NAME.example.com/*`, and the script of its condition.
    fn policy(&self, name: &str, script: Option<&str>) -> Outcome<()> {
        let mut policy = json!({
            "name": name,
            "resources": [format!("http://{name}.example.com/*")],
            "actionValues": {"GET": true},
            "subject": {"type": "AuthenticatedUsers"},
            "resourceTypeUuid": URL_TYPE,
        });
        if let Some(source) = script {
            let script = json!({
                "name": name,
                "script": STANDARD.encode(source),
                "language": "JAVASCRIPT",
                "context": "POLICY_CONDITION",
            });
            let made = self.create("scripts", "resource=1.0", &script)?;
            policy["condition"] = json!({"type": "Script", "scriptId": made["_id"]});
        }
        self.create("policies", "resource=2.0", &policy).map(drop)
    }

    fn create(&self, endpoint: &str, version: &str, body: &Value) -> Outcome<Value> {
        let path = format!("/am/json/{endpoint}?_action=create");
        let headers = format!(
            "iPlanetDirectoryPro: {}\r\nAccept-API-Version: {version}\r\n",
            self.token
        );
        let body = body.to_string();
        let (status, answer) =
            client::post(&self.server.address, &path, &headers, body.as_bytes())?;
        if status != 201 {
            let text = String::from_utf8_lossy(&answer);
            return Err(format!("{path}: {status} {text}").into());
        }
        Ok(serde_json::from_slice(&answer)?)
    }

    /// What asks for a decision by the policy of this name.
    fn load(&self, name: &str) -> Load {
        let body = json!({
            "resources": [format!("http://{name}.example.com/")],
            "subject": {"ssoToken": self.token},
        });
        Load {
            address: self.server.address.clone(),
            call: Call::BySession,
            token: self.token.clone(),
            bodies: vec![body.to_string().into_bytes()],
        }
    }
}
