//! `differential --seed S --count N [--threads T] [--show N]`: generated pairs on the engine and on the reference.

use assize_tests::differential::run;
use std::process::ExitCode;
use std::time::Instant;

struct Arguments {
    seed: u64,
    count: usize,
    threads: usize,
    show: usize,
}

fn arguments() -> Result<Arguments, String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut out = Arguments {
        seed: 1,
        count: 100_000,
        threads: cores,
        show: 8,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        let number = || {
            value
                .replace('_', "")
                .parse::<u64>()
                .map_err(|_| format!("{name}: {value:?} is no number"))
        };
        let size =
            || usize::try_from(number()?).map_err(|_| format!("{name}: {value:?} is too large"));
        match name.as_str() {
            "--seed" => out.seed = number()?,
            "--count" => out.count = size()?,
            "--show" => out.show = size()?,
            "--threads" => out.threads = size()?,
            _ => {
                return Err(format!(
                    "unknown option {name}; there are --seed, --count, --threads, --show"
                ));
            }
        }
    }
    Ok(out)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let report = run(
        arguments.seed,
        arguments.count,
        arguments.threads,
        arguments.show,
    );
    println!("{report}");
    for gap in report.gaps() {
        println!("gap: {gap}");
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "seed {}, {:.0} pairs a second, {seconds:.1} s",
        arguments.seed,
        f64::from(u32::try_from(report.pairs).unwrap_or(u32::MAX)) / seconds.max(0.001)
    );
    if report.differences == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
