//! OAuth clients of others, run against the server: npm's oauth4webapi and openid-client, PyPI's Authlib. Their versions
//! are pinned in `tests/clients/oauth`; they are installed into the target folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::{cargo, is_there, program, root, run, target_dir, watch};

/// The administrator's password of the servers that are started here.
const PASSWORD: &str = "Adm1n.for-clients";

/// Installs the clients, starts a server, and runs all checks; gives how many passed.
///
/// # Errors
/// Something cannot be installed or started, or a check fails.
pub(crate) fn oauth() -> Result<u64, String> {
    let sources = root().join("tests/clients/oauth");
    let scratch = target_dir().join("clients-oauth");
    std::fs::create_dir_all(&scratch).map_err(|e| e.to_string())?;
    javascript(&sources, &scratch)?;
    let python = python(&sources, &scratch)?;
    run(cargo().args(["build", "--quiet", "--package", "assize"]))?;
    let server = Server::start(&scratch.join("data"))?;
    let mut passed = 0;
    for mut client in [
        command("node", &scratch.join("oauth.mjs")),
        command(&python, &sources.join("oauth.py")),
    ] {
        client.args([server.base.as_str(), PASSWORD]);
        watch(&mut client, |line| {
            passed += u64::from(line.starts_with("ok "))
        })?;
    }
    println!("{passed} checks of others' OAuth clients passed");
    Ok(passed)
}

fn command(name: &str, script: &Path) -> Command {
    let mut command = program(name);
    command.arg(script);
    command
}

/// Installs npm packages beside a copy of the script, where Node looks for them.
fn javascript(sources: &Path, scratch: &Path) -> Result<(), String> {
    for file in ["package.json", "oauth.mjs"] {
        std::fs::copy(sources.join(file), scratch.join(file)).map_err(|e| e.to_string())?;
    }
    let install = ["install", "--no-audit", "--no-fund", "--silent"];
    run(program("npm").current_dir(scratch).args(install))
}

/// A virtual environment with the packages; gives its interpreter.
fn python(sources: &Path, scratch: &Path) -> Result<String, String> {
    let environment = scratch.join("python");
    let interpreter = environment.join("bin/python");
    if !interpreter.exists() {
        let made = run(program("python3").args(["-m", "venv"]).arg(&environment));
        if made.is_err() {
            // Debian keeps venv in a package of its own.
            let mut install = if is_there("sudo") {
                let mut sudo = program("sudo");
                sudo.arg("apt-get");
                sudo
            } else {
                program("apt-get")
            };
            run(install.args([
                "install",
                "--yes",
                "--no-install-recommends",
                "python3-venv",
            ]))?;
            run(program("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&environment))?;
        }
    }
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    let interpreter = interpreter.display().to_string();
    run(program(&interpreter)
        .args(install)
        .arg(sources.join("requirements.txt")))?;
    Ok(interpreter)
}

/// A server on a free port, stopped when it is dropped.
struct Server {
    child: Child,
    base: String,
}

impl Server {
    fn start(data: &Path) -> Result<Self, String> {
        // What an earlier run left behind would be another server's store.
        if data.exists() {
            std::fs::remove_dir_all(data).map_err(|e| e.to_string())?;
        }
        let binary = target_dir().join("debug/assize");
        let mut child = program(&binary.display().to_string())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("ASSIZE_ADMIN_PASSWORD", PASSWORD)
            .env("ASSIZE_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("the server cannot be started: {error}"))?;
        let output = child.stdout.take().ok_or("the server says nothing")?;
        let mut lines = BufReader::new(output).lines();
        let address = lines.find_map(|line| {
            let line = line.ok()?;
            line.strip_prefix("Assize listens on ").map(str::to_owned)
        });
        let mut server = Server {
            child,
            base: String::new(),
        };
        // Dropped where it did not start: it is stopped all the same.
        server.base = format!("http://{}", address.ok_or("the server did not start")?);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to be done then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
