//! The commands of a developer: `cargo xtask …`. CI runs the very same ones.

mod bench;
mod clients;
mod crash;
mod differential;
mod fuzz;
mod options;
mod package;
mod process;
mod readme;
mod script_module;
mod size;
mod suite;

use std::process::ExitCode;

use options::Options;

const HELP: &str = "\
cargo xtask <command>

  test                            everything that CI runs; ends with `N passed, N failed`
  differential [--seed S] [--count N]
                                  the engine against the reference evaluator on generated policies and requests
  fuzz [--seconds N] [--jobs N] [TARGET…]
                                  every fuzz target (or those named) for N seconds each, 300 unless told
  crash [--kills N] [--seed S]    the server killed while it writes, N times on each database, 200 unless told
  clients [SUITE…]                clients of others (npm, PyPI) against the server, each folder of tests/clients a suite
  bench                           the engine's figures at 10 to 100000 policies, the server's start and memory
  bench N…                        the engine's figures at N policies
  bench footprint                 the server's start and memory
  bench server                    the server's CPU for a request beside a bare handler's
  bench scripts                   what Script conditions cost: who asks for one, who does not, and under attack
  bench js [N…]                   the npm package beside Cedar's, in Node and workerd
  bench store [N…]                N policies imported, on SQLite and PostgreSQL: time, memory, a write, decisions
  bench instructions [N…]         instructions for a decision, counted by valgrind
  bench criterion                 the same decisions under criterion
  package                         the npm package (js/assize-….tgz), with the module of these sources
  readme [FILE]                   runs the console blocks of README.md and compares their output
  script-module                   makes host/script/script.wasm anew (needs clang-19 and node)
  size                            the sizes of the decision module and the server
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let options = Options::new(arguments);
    let done = match command.as_str() {
        "test" => suite::run(options),
        "differential" => differential::run(options),
        "fuzz" => fuzz::run(options),
        "crash" => crash::run(options),
        "clients" => clients::run(options),
        "bench" => bench::run(options),
        "package" => package::run(options),
        "readme" => readme::run(options),
        "script-module" => script_module::run(options),
        "size" => size::run(options),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no command `{other}`\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
