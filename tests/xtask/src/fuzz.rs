//! `cargo xtask fuzz`: libFuzzer over every target, on the stable compiler.
//!
//! The compiler's coverage pass is asked for by its own flags, which need no nightly; they, and the checks for overflow that a
//! release build leaves out, hold for a target directory of their own. Nothing in the engine is unsafe code, so no sanitizer is
//! missed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::options::Options;
use crate::process::{cargo, program, read, root, run as start, target_dir};

/// Seconds for each target, unless told otherwise.
const SECONDS: u64 = 300;

/// Longest input that is tried, in bytes. What matters happens in small ones.
const MAX_LENGTH: u32 = 4096;

const COVERAGE: &str = "-Cpasses=sancov-module \
     -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares \
     -Ccodegen-units=1 \
     --cfg fuzzing";

/// Fuzzes the targets named, or all.
pub(crate) fn run(mut options: Options) -> Result<(), String> {
    let seconds = options.number("--seconds")?.unwrap_or(SECONDS);
    let jobs = options.number("--jobs")?;
    let wanted = options.words()?;
    let all = targets()?;
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        return Err(format!(
            "there is no fuzz target `{unknown}`; there are {}",
            all.join(", ")
        ));
    }
    let targets = if wanted.is_empty() { all } else { wanted };
    let jobs = jobs.unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
    });
    let binaries = build()?;
    let found = fuzz(&binaries, &targets, seconds, jobs.max(1));
    let failed = found.iter().filter(|outcome| outcome.is_err()).count();
    println!("fuzz: {} passed, {failed} failed", found.len() - failed);
    found.into_iter().collect()
}

/// The names of all targets: one source file each.
pub(crate) fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("tests/fuzz/targets");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            entry
                .path()
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned())
        })
        .collect();
    names.sort();
    Ok(names)
}

/// Builds all targets and gives the folder that they are in.
pub(crate) fn build() -> Result<PathBuf, String> {
    let triple = read(program("rustc").arg("-vV"))?
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or("rustc does not say which host it runs on")?;
    let target_dir = target_dir().join("fuzz");
    start(
        cargo()
            // Naming a target keeps the flags away from build scripts and macros.
            .args([
                "build",
                "--release",
                "--package",
                "assize-fuzz",
                "--features",
                "libfuzzer",
                "--bins",
            ])
            .args(["--target", &triple, "--target-dir"])
            .arg(&target_dir)
            .env("RUSTFLAGS", COVERAGE)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
            .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
            .env("CARGO_PROFILE_RELEASE_STRIP", "none"),
    )?;
    Ok(target_dir.join(triple).join("release"))
}

/// Runs each target for `seconds`, `jobs` of them at a time, and prints a line for each.
pub(crate) fn fuzz(
    binaries: &Path,
    targets: &[String],
    seconds: u64,
    jobs: u64,
) -> Vec<Result<(), String>> {
    let waiting = Mutex::new(targets.iter());
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(name) = waiting.lock().ok().and_then(|mut left| left.next()) {
                    let outcome = fuzz_one(binaries, name, seconds);
                    match &outcome {
                        Ok(line) => println!("{line}"),
                        Err(reason) => println!("{reason}"),
                    }
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(outcome.map(drop));
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_default()
}

fn fuzz_one(binaries: &Path, name: &str, seconds: u64) -> Result<String, String> {
    let seeds = root().join("tests/fuzz/corpus").join(name);
    // What a run finds is kept for the next one, and is no part of the repository.
    let grown = target_dir().join("fuzz/corpus").join(name);
    let findings = target_dir().join("fuzz/findings");
    for folder in [&grown, &findings] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut fuzzer = Command::new(binaries.join(name));
    fuzzer
        .current_dir(root())
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_LENGTH}"))
        // The same way through the inputs in every run, so that what a run finds is the change's.
        .arg("-seed=1")
        // An input that takes this long, in seconds, or this much memory, in MB, is a finding.
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/{name}-", findings.display()))
        .stdin(Stdio::null());
    let dictionary = root()
        .join("tests/fuzz/dictionaries")
        .join(format!("{name}.dict"));
    if dictionary.exists() {
        fuzzer.arg(format!("-dict={}", dictionary.display()));
    }
    let output = fuzzer
        .arg(&grown)
        .arg(&seeds)
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let tail: Vec<&str> = log.lines().rev().take(60).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(format!(
            "{}\nfuzz target {name} failed: {}",
            tail.join("\n"),
            output.status
        ));
    }
    let executed = log
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let covered = log
        .lines()
        .rev()
        .find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    Ok(format!(
        "fuzz {name:<12} {seconds:>4} s, {:>10} inputs, {:>6} edges, clean",
        executed.unwrap_or("?").trim(),
        covered.unwrap_or("?"),
    ))
}
