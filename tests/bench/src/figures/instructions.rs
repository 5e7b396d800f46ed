//! Instructions for one decision, counted by valgrind: nearly free of noise, so that two versions of the code can be compared.

use std::process::{Command, Stdio};

use assize_bench::prepared::Prepared;
use assize_bench::translate::Naming;
use assize_engine::{Bundle, answer};
use assize_floor::Index;

use crate::Outcome;

/// Passes over a tenth of the requests in the two runs whose difference is counted.
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
        let [floor, engine] = [
            per_decision("floor", count)?,
            per_decision("engine", count)?,
        ];
        println!(
            "{count:<12}{floor:>12}{engine:>12}{:>8.2}",
            engine as f64 / floor as f64
        );
    }
    Ok(())
}

/// The work that valgrind watches: everything is prepared alike, only the rounds differ.
pub(crate) fn run_loop(which: &str, count: &str, rounds: &str) -> Outcome<()> {
    let (count, rounds): (u32, u64) = (count.parse()?, rounds.parse()?);
    let prepared = Prepared::new(count, Naming::Plain)?;
    let index =
        Index::build(&prepared.floor_policies).ok_or("the floor cannot read the policies")?;
    let bundle = Bundle::load(prepared.bundle.clone())?;
    let mut output = Vec::new();
    for _ in 0..rounds {
        if which == "floor" {
            for request in prepared.floor_requests.iter().step_by(SAMPLE) {
                output.clear();
                assize_floor::decide(&index, request.as_bytes(), &mut output);
            }
        } else {
            for request in prepared.requests.iter().step_by(SAMPLE) {
                std::hint::black_box(answer(&bundle, request.as_bytes()));
            }
        }
    }
    Ok(())
}

fn per_decision(which: &str, count: u32) -> Outcome<u64> {
    let [few, many] = ROUNDS.map(|rounds| instructions(which, count, rounds));
    let decisions = (ROUNDS[1] - ROUNDS[0]) * (assize_bench::workload::REQUESTS / SAMPLE) as u64;
    Ok((many? - few?) / decisions)
}

fn instructions(which: &str, count: u32, rounds: u64) -> Outcome<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["loop", which, &count.to_string(), &rounds.to_string()])
        .stdin(Stdio::null())
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind counted nothing:\n{log}").into())
}
