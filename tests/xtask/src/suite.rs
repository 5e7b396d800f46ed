//! `cargo xtask test`: everything that must hold before a change is taken.

use std::process::Command;
use std::time::Instant;

use crate::options::Options;
use crate::process::{cargo, install_package, is_there, program, read, root, run as start, watch};
use crate::{clients, differential, fuzz, package, readme, script_module, size};

/// Pairs of the differential run, and its seed: the same in every run, so that a failure is the change's.
const PAIRS: u64 = 20_000;
const SEED: u64 = 1;

/// The oldest Node that all packages of the suites accept: major and minor version.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// Seconds for each fuzz target, after its corpus has been replayed.
const FUZZ_SECONDS: u64 = 10;

/// Runs every part, also after one has failed; the last line counts.
pub(crate) fn run(options: Options) -> Result<(), String> {
    options.none_left()?;
    let mut tally = Tally::default();
    tally.check("format", || {
        start(cargo().args(["fmt", "--all", "--", "--check"]))
    });
    tally.check("lints", lints);
    tally.check("node", node);
    tally.check("script.wasm", || {
        install("clang-19", "clang-19")?;
        script_module::check()
    });
    // Several suites start one; they must not install it at the same time.
    tally.check("postgresql", || {
        let script = root().join("tests/postgres.sh");
        start(program("bash").arg(script).arg("install"))
    });
    tally.part("tests", |tally| {
        // The suites say how many corpus rows ran on each subject, which cargo swallows unless told not to.
        counted(
            tally,
            cargo().args([
                "test",
                "--workspace",
                "--no-fail-fast",
                "--",
                "--show-output",
            ]),
        )
    });
    tally.part("js", js);
    for suite in &clients::SUITES {
        tally.part(suite.name, |tally| {
            tally.passed += suite.run()?;
            Ok(())
        });
    }
    tally.check("differential", || differential::compare(SEED, PAIRS));
    tally.part("fuzz", fuzz_briefly);
    tally.check("readme", || {
        readme::play(&root().join("README.md")).map(drop)
    });
    tally.check("size", || size::module("debug"));
    tally.close()
}

/// What has been counted so far.
#[derive(Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    lines: Vec<String>,
}

impl Tally {
    /// Runs a part of the suite that is one check.
    fn check(&mut self, name: &str, work: impl FnOnce() -> Result<(), String>) {
        self.part(name, |tally| {
            work()?;
            tally.passed += 1;
            Ok(())
        });
    }

    /// Runs a part of the suite that counts its checks. One that ran none has failed.
    fn part(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> Result<(), String>) {
        println!("\n=== {name}");
        let before = (self.passed, self.failed);
        let start = Instant::now();
        let mut outcome = work(self);
        let seconds = start.elapsed().as_secs();
        if outcome.is_ok() && (self.passed, self.failed) == before {
            outcome = Err(format!("{name} ran no check"));
        }
        if outcome.is_err() && self.failed == before.1 {
            self.failed += 1;
        }
        let (passed, failed) = (self.passed - before.0, self.failed - before.1);
        self.lines.push(format!(
            "{name:<14}{passed:>6} passed {failed:>4} failed {seconds:>6} s"
        ));
        if let Err(reason) = outcome {
            println!("{reason}");
        }
    }

    fn close(self) -> Result<(), String> {
        println!("\n{}", self.lines.join("\n"));
        let line = format!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 {
            println!("{line}");
            Ok(())
        } else {
            Err(line)
        }
    }
}

fn lints() -> Result<(), String> {
    start(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    // What the module carries is the engine without its compiler, which the workspace as a whole never builds natively.
    start(cargo().args([
        "clippy",
        "--package",
        "assize-engine",
        "--no-default-features",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The suites run the module in Node too, and tools of the npm package need one that is not too old.
fn node() -> Result<(), String> {
    install("node", "nodejs")?;
    install("npm", "npm")?;
    let text = read(program("node").arg("--version"))?;
    let version: Vec<u32> = text
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    let (major, minor) = OLDEST_NODE;
    if version < vec![major, minor] {
        return Err(format!(
            "node is {}: the tests need {major}.{minor} or later",
            text.trim()
        ));
    }
    println!("node {}", text.trim());
    Ok(())
}

/// Installs a package of the system where its command is missing.
fn install(command: &str, package: &str) -> Result<(), String> {
    if is_there(command) {
        return Ok(());
    }
    install_package(package)
}

/// Runs `cargo test` and adds what each test binary counts.
fn counted(tally: &mut Tally, command: &mut Command) -> Result<(), String> {
    watch(command, |line| {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let number = |what: &str| -> u64 {
            counts
                .split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
                .unwrap_or(0)
        };
        tally.passed += number("passed");
        tally.failed += number("failed");
    })
}

/// The npm package: built with the module that the tests before it used, packed, and run in every runtime.
fn js(tally: &mut Tally) -> Result<(), String> {
    let package = package::build()?;
    let mut npm = program("npm");
    npm.current_dir(package).arg("test");
    watch(&mut npm, |line| {
        // Node's own reporter: `ℹ pass 12`.
        let count = |what: &str| -> u64 {
            line.strip_prefix(what)
                .and_then(|rest| rest.trim().parse().ok())
                .unwrap_or(0)
        };
        tally.passed += count("ℹ pass ");
        tally.failed += count("ℹ fail ") + count("ℹ cancelled ");
    })
}

fn fuzz_briefly(tally: &mut Tally) -> Result<(), String> {
    let binaries = fuzz::build()?;
    let jobs = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let outcomes = fuzz::fuzz(&binaries, &fuzz::targets()?, FUZZ_SECONDS, jobs);
    tally.failed += outcomes.iter().filter(|outcome| outcome.is_err()).count() as u64;
    tally.passed += outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    Ok(())
}
