//! Prints DESIGN.md §8's rows: each figure, and beside it what it should be.
//!
//! `figures` for the engine and for the server's start and memory, `figures N…` for the engine at so many policies, `figures
//! footprint` for the server's alone, `figures server` for its CPU under load, `figures scripts` for what Script conditions cost, `figures store [N…]` for what a store of N
//! policies costs, `figures instructions [N…]` for valgrind's counts;
//! `figures workload FOLDER N` measures nothing: it writes the workload for measurements in JavaScript (`js/bench`).
//! Figures are CPU time, medians over batches; floor and engine take turns, so that a machine's mood meets both alike.

mod bare;
mod decision;
mod folder;
mod footprint;
mod growth;
mod instructions;
mod load;
mod node;
mod report;
mod scripts;
mod server;
mod store;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use assize_bench::prepared::Prepared;
use assize_bench::translate::Naming;

/// Whatever goes wrong ends the run with one line.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Numbers of policies, unless told otherwise.
const COUNTS: [u32; 5] = [10, 100, 1000, 10_000, 100_000];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["bare", size] => bare::serve(size),
        ["workload", folder, count] => numbers(&[*count], &[]).and_then(|counts| {
            counts
                .iter()
                .try_for_each(|&count| write_workload(Path::new(folder), count))
        }),
        ["server"] => server::figures(),
        ["scripts"] => scripts::figures(),
        ["store", count @ ..] => {
            numbers(count, &[100_000]).and_then(|counts| store::figures(&counts))
        }
        ["footprint"] => footprint::figures(),
        ["instructions", counts @ ..] => {
            numbers(counts, &[10, 1000, 100_000]).and_then(|counts| instructions::figures(&counts))
        }
        ["loop", which, folder, rounds] => instructions::run_loop(which, folder, rounds),
        [] => engine(&COUNTS).and_then(|()| footprint::figures()),
        counts => numbers(counts, &COUNTS).and_then(|counts| engine(&counts)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("figures: {error}");
            ExitCode::FAILURE
        }
    }
}

fn engine(counts: &[u32]) -> Outcome<()> {
    let mut rows = Vec::new();
    for &count in counts {
        let plain = Prepared::new(count, Naming::Plain)?;
        let universal = Prepared::new(count, Naming::Universal)?;
        eprintln!(
            "{count} policies: requests of {} and {} bytes",
            plain.request_size(),
            universal.request_size()
        );
        rows.push(decision::measure(&plain, &universal)?);
    }
    report::decisions(&rows);
    let loads = [10_000, 100_000]
        .iter()
        .filter(|count| counts.contains(count));
    for &count in loads {
        load::report(&Prepared::new(count, Naming::Plain)?)?;
        growth::report(&Prepared::new(count, Naming::Plain)?)?;
    }
    node::report_first_decision(&Prepared::new(10, Naming::Plain)?)?;
    report::module_size()
}

/// Writes a workload for measurements in other runtimes: the bundle and the engine's requests, one a line; and the policies,
/// requests and right answers as the workload has them, for peers.
fn write_workload(folder: &Path, count: u32) -> Outcome<()> {
    let prepared = Prepared::new(count, Naming::Plain)?;
    for (name, bytes) in [
        ("bundle", prepared.bundle),
        ("requests", prepared.requests.join("\n").into_bytes()),
        ("policies.json", prepared.floor_policies),
        (
            "plain-requests",
            prepared.floor_requests.join("\n").into_bytes(),
        ),
        (
            "plain-answers",
            prepared.floor_answers.join("\n").into_bytes(),
        ),
    ] {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn numbers(words: &[&str], otherwise: &[u32]) -> Outcome<Vec<u32>> {
    if words.is_empty() {
        return Ok(otherwise.to_vec());
    }
    let counts = words.iter().map(|word| {
        word.parse()
            .map_err(|_| format!("{word}: not a number of policies"))
    });
    let counts: Vec<u32> = counts.collect::<Result<_, _>>()?;
    match counts.iter().find(|count| **count < 10) {
        Some(count) => Err(format!("{count} policies: the workload starts at 10").into()),
        None => Ok(counts),
    }
}
