//! Instructions for one decision, counted by valgrind: nearly free of noise, so that two versions of the code can be compared.

use std::path::Path;
use std::process::{Command, Stdio};

use assize_bench::prepared::Prepared;
use assize_bench::translate::Naming;
use assize_engine::{Bundle, answer};
use assize_floor::Index;

use crate::Outcome;
use crate::folder::Folder;

/// Passes over the requests in the two runs whose difference is counted.
const ROUNDS: [u64; 2] = [1, 3];

/// One request in so many takes part: valgrind is slow.
const SAMPLE: usize = 10;

/// Counts and prints, for the engine and the floor, natively.
pub(crate) fn figures(counts: &[u32]) -> Outcome<()> {
    println!(
        "instructions for one decision, native, JSON in, JSON out\n{:<12}{:>12}{:>12}{:>8}",
        "policies", "floor", "engine", "ratio"
    );
    for &count in counts {
        let folder = Folder::new("instructions")?;
        let sampled = write(&Prepared::new(count, Naming::Plain)?, &folder)?;
        let [floor, engine] = [
            per_decision("floor", folder.path(), sampled)?,
            per_decision("engine", folder.path(), sampled)?,
        ];
        println!(
            "{count:<12}{floor:>12}{engine:>12}{:>8.2}",
            engine as f64 / floor as f64
        );
    }
    Ok(())
}

/// Leaves what both runs read, and tells how many requests that is. Making it under valgrind would take long, and its maps,
/// which are seeded at random, would count differently each time.
fn write(prepared: &Prepared, folder: &Folder) -> Outcome<u64> {
    let sample = |requests: &[String]| {
        let sample: Vec<&str> = requests
            .iter()
            .step_by(SAMPLE)
            .map(String::as_str)
            .collect();
        sample.join("\n")
    };
    folder.write("engine", &prepared.bundle)?;
    folder.write("engine-requests", sample(&prepared.requests).as_bytes())?;
    folder.write("floor", &prepared.floor_policies)?;
    folder.write(
        "floor-requests",
        sample(&prepared.floor_requests).as_bytes(),
    )?;
    Ok(prepared.requests.iter().step_by(SAMPLE).count() as u64)
}

/// The work that valgrind watches: everything is read alike, only the rounds differ.
pub(crate) fn run_loop(which: &str, folder: &str, rounds: &str) -> Outcome<()> {
    let folder = Path::new(folder);
    let rounds: u64 = rounds.parse()?;
    let policies = std::fs::read(folder.join(which))?;
    let requests = std::fs::read_to_string(folder.join(format!("{which}-requests")))?;
    let requests: Vec<&str> = requests.lines().collect();
    if which == "floor" {
        let index = Index::build(&policies).ok_or("the floor cannot read the policies")?;
        let mut output = Vec::new();
        for request in repeated(&requests, rounds) {
            output.clear();
            assize_floor::decide(&index, request.as_bytes(), &mut output);
        }
    } else {
        let bundle = Bundle::load(policies)?;
        for request in repeated(&requests, rounds) {
            std::hint::black_box(answer(&bundle, request.as_bytes()));
        }
    }
    Ok(())
}

fn repeated<'r>(requests: &[&'r str], rounds: u64) -> impl Iterator<Item = &'r str> {
    (0..rounds).flat_map(|_| requests.iter().copied())
}

fn per_decision(which: &str, folder: &Path, requests: u64) -> Outcome<u64> {
    let [few, many] = ROUNDS.map(|rounds| instructions(which, folder, rounds));
    Ok((many? - few?) / ((ROUNDS[1] - ROUNDS[0]) * requests))
}

fn instructions(which: &str, folder: &Path, rounds: u64) -> Outcome<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["loop", which])
        .arg(folder)
        .arg(rounds.to_string())
        .stdin(Stdio::null())
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind counted nothing:\n{log}").into())
}
