//! `cargo xtask test`: everything that must hold before a change is taken.

use std::process::Command;
use std::time::Instant;

use crate::options::Options;
use crate::process::{cargo, install_package, is_there, program, root, run as start, watch};
use crate::{clients, differential, fuzz, package, readme, script_module, size};

/// Pairs of the differential run, and its seed: the same in every run, so that a failure is the change's.
const PAIRS: u64 = 20_000;
const SEED: u64 = 1;

/// Seconds for each fuzz target, after its corpus has been replayed.
const FUZZ_SECONDS: u64 = 10;

/// Runs every part, also after one has failed; the last line counts.
pub(crate) fn run(options: Options) -> Result<(), String> {
    options.none_left()?;
    let mut tally = Tally::default();
    tally.part("format", |_| {
        start(cargo().args(["fmt", "--all", "--", "--check"]))
    });
    tally.part("lints", |_| lints());
    tally.part("node", |_| node());
    tally.part("script.wasm", |_| {
        install("clang-19", "clang-19")?;
        script_module::check()
    });
    // Several suites start one; they must not install it at the same time.
    tally.part("postgresql", |_| {
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
    tally.part("differential", |_| differential::compare(SEED, PAIRS));
    tally.part("fuzz", fuzz_briefly);
    tally.part("readme", |_| {
        readme::play(&root().join("README.md")).map(drop)
    });
    tally.part("size", |_| size::module("debug"));
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
    /// Runs one part of the suite. A part that counts nothing counts as one.
    fn part(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> Result<(), String>) {
        println!("\n=== {name}");
        let before = (self.passed, self.failed);
        let start = Instant::now();
        let outcome = work(self);
        let seconds = start.elapsed().as_secs();
        let counted = (self.passed, self.failed) != before;
        match &outcome {
            Ok(()) if !counted => self.passed += 1,
            Err(_) if self.failed == before.1 => self.failed += 1,
            Ok(()) | Err(_) => {}
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

/// The suites run the module in Node too.
fn node() -> Result<(), String> {
    install("node", "nodejs")?;
    install("npm", "npm")?;
    start(program("node").arg("--version"))
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
