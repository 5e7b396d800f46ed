//! Clients of others, run against the server. Each suite is a folder of `tests/clients` with the versions that it pins and
//! the scripts that it runs; packages are installed below the target folder.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::options::Options;
use crate::process::{cargo, install_package, program, root, run as start, target_dir, watch};

/// The administrator's password of the servers that are started here.
const PASSWORD: &str = "Adm1n.for-clients";

/// A folder of scripts that run clients of others.
pub(crate) struct Suite {
    /// The folder below `tests/clients`.
    pub(crate) name: &'static str,
    /// The script that Node runs, beside what `package.json` installs.
    javascript: &'static str,
    /// What pip installs, each file into an environment of its own, and the script that runs there.
    python: &'static [(&'static str, &'static str)],
    /// Settings of the server, as variables of its environment.
    settings: &'static [(&'static str, &'static str)],
}

/// Every suite, in the order in which they run.
pub(crate) const SUITES: [Suite; 6] = [
    Suite {
        name: "oauth",
        javascript: "oauth.mjs",
        python: &[("requirements.txt", "oauth.py")],
        settings: &[],
    },
    Suite {
        name: "elasticsearch",
        javascript: "tokens.mjs",
        // The dependencies of the two exclude each other.
        python: &[
            ("requirements-9.txt", "tokens.py"),
            ("requirements-7.txt", "tokens.py"),
        ],
        settings: &[],
    },
    Suite {
        name: "policy-agents",
        javascript: "agents.mjs",
        python: &[],
        // Agents send a browser to the login page only where its cookie can reach the application.
        settings: &[("ASSIZE_COOKIE_DOMAIN", "127.0.0.1")],
    },
    Suite {
        name: "javascript-sdk",
        javascript: "login.mjs",
        python: &[],
        settings: &[],
    },
    Suite {
        name: "frodo",
        javascript: "frodo.mjs",
        python: &[],
        settings: &[],
    },
    Suite {
        name: "openapi",
        javascript: "description.mjs",
        python: &[],
        settings: &[],
    },
];

/// `cargo xtask clients [SUITE…]`
pub(crate) fn run(options: Options) -> Result<(), String> {
    let named = options.words()?;
    let names = SUITES.map(|suite| suite.name);
    if let Some(unknown) = named.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!(
            "there is no suite `{unknown}`; there are {}",
            names.join(", ")
        ));
    }
    let chosen = |suite: &&Suite| named.is_empty() || named.iter().any(|name| name == suite.name);
    for suite in SUITES.iter().filter(chosen) {
        suite.run()?;
    }
    Ok(())
}

impl Suite {
    /// Installs the clients, starts a server, and runs all checks; gives how many passed.
    ///
    /// # Errors
    /// Something cannot be installed or started, or a check fails.
    pub(crate) fn run(&self) -> Result<u64, String> {
        let sources = root().join("tests/clients").join(self.name);
        let scratch = target_dir().join("clients").join(self.name);
        std::fs::create_dir_all(&scratch).map_err(|e| e.to_string())?;
        javascript(&sources, &scratch, self.javascript)?;
        // Old packages make Node warn of what only their authors can change.
        let mut node = program("node");
        node.arg("--no-warnings").arg(scratch.join(self.javascript));
        let mut scripts = vec![node];
        for (requirements, script) in self.python {
            let interpreter = python(&sources.join(requirements), &scratch)?;
            let mut python = program(&interpreter);
            python.arg(sources.join(script));
            scripts.push(python);
        }
        start(cargo().args(["build", "--quiet", "--package", "assize"]))?;
        let data = scratch.join("data");
        let server = Server::start(&data, self.settings)?;
        let mut passed = 0;
        for script in &mut scripts {
            script
                .args([server.base.as_str(), PASSWORD])
                // For scripts that run the command line on the same store.
                .env("ASSIZE", binary())
                .env("ASSIZE_DATA", &data);
            let mut checks = 0;
            watch(script, |line| checks += u64::from(line.starts_with("ok ")))?;
            if checks == 0 {
                return Err(format!(
                    "a script of the suite {} checked nothing",
                    self.name
                ));
            }
            passed += checks;
        }
        println!("{passed} checks of others' clients passed ({})", self.name);
        Ok(passed)
    }
}

/// Installs npm packages beside a copy of the script and of what all suites share, where Node looks for them.
fn javascript(sources: &Path, scratch: &Path, script: &str) -> Result<(), String> {
    for (source, file) in [
        (sources, "package.json"),
        (sources, script),
        (&root().join("tests/clients"), "administrator.mjs"),
    ] {
        std::fs::copy(source.join(file), scratch.join(file)).map_err(|e| e.to_string())?;
    }
    let quietly = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
    start(program("npm").current_dir(scratch).args(quietly))
}

/// A virtual environment with the packages that a file names; gives its interpreter.
fn python(requirements: &Path, scratch: &Path) -> Result<String, String> {
    let name = requirements.file_stem().ok_or("a file has no name")?;
    let environment = scratch.join(name);
    let interpreter = environment.join("bin/python");
    if !interpreter.exists() {
        let made = start(program("python3").args(["-m", "venv"]).arg(&environment));
        if made.is_err() {
            // Debian keeps venv in a package of its own.
            install_package("python3-venv")?;
            start(
                program("python3")
                    .args(["-m", "venv", "--clear"])
                    .arg(&environment),
            )?;
        }
    }
    let interpreter = interpreter.display().to_string();
    start(
        program(&interpreter)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(requirements),
    )?;
    Ok(interpreter)
}

/// The server's program, which is built before it is run.
fn binary() -> PathBuf {
    target_dir().join("debug/assize")
}

/// A server on a free port, stopped when it is dropped.
struct Server {
    child: Child,
    base: String,
}

impl Server {
    fn start(data: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        // What an earlier run left behind would be another server's store.
        if data.exists() {
            std::fs::remove_dir_all(data).map_err(|e| e.to_string())?;
        }
        let mut child = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("ASSIZE_ADMIN_PASSWORD", PASSWORD)
            .env("ASSIZE_LOG", "error")
            .envs(settings.iter().copied())
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
