//! The command line (contract §1).

mod bundle;
mod client;
mod decide;
mod history;
mod keys;
mod serve;
mod tokens;
mod transfer;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use toml::Value;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, ConfigError, DEFAULT_FILE, Layers};

/// Exit code for input that cannot be used; other failures are 1.
const BAD_INPUT: u8 = 2;

/// A policy decision point that speaks the REST of ForgeRock/Ping AM.
///
/// Settings come from a built-in default, then a configuration file, then ASSIZE_… environment variables, then flags.
/// `assize config` prints the default file with an explanation of every setting.
#[derive(Parser)]
#[command(name = "assize", version, arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the server.
    Serve(serve::Serve),
    /// Put policies, policy sets, resource types, users and groups into the store; also while a server runs on it.
    Import(transfer::Import),
    /// Write what the store holds as import documents.
    Export(transfer::Export),
    /// Show what changed in the store, and go back to an earlier revision.
    History(history::History),
    /// Show the keys that sign bundles, rotate them, or take one out.
    Keys(keys::Keys),
    /// Decide without a server: engine requests in, answers out, one JSON object per line.
    Decide(decide::Decide),
    /// Build a bundle for enforcement points, or look into one.
    #[command(subcommand)]
    Bundle(bundle::Bundle),
    /// Register OAuth 2 clients, change and delete them, give them new secrets.
    Client(client::Clients),
    /// Show or change the settings of tokens: whether passwords are refused on the management APIs, and how long tokens live.
    Tokens(tokens::Tokens),
    /// Print the default configuration file: every setting, its default, what it is for.
    Config,
}

/// Where the configuration and the store are.
#[derive(Args)]
struct Common {
    /// Configuration file [env: ASSIZE_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of everything that is kept [env: ASSIZE_DATA] [default: ./assize-data]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<String>,
    /// Database URL; without one it is SQLite in the data folder [env: ASSIZE_DATABASE]
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
}

impl Common {
    /// The configuration; what looks like a setting in the environment and is none is told.
    fn load(self) -> Result<Config, ConfigError> {
        let layers = self.layers(Vec::new());
        for name in layers.strangers()? {
            eprintln!("assize: {name} {STRANGE}");
        }
        layers.load()
    }

    /// The layers of the configuration with `flags` on top.
    fn layers(self, mut flags: Vec<(&'static str, Value)>) -> Layers {
        flags.extend(self.data.map(|data| ("data", data.into())));
        flags.extend(self.database.map(|url| ("database", url.into())));
        Layers::of_process(self.config, flags)
    }
}

/// What is said of a variable that looks like a setting.
const STRANGE: &str = "names no setting and is ignored; `assize config` prints all of them";

/// Why a command failed: what to print, and the exit code.
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    fn bad_input(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            code: BAD_INPUT,
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure {
            message: error.to_string(),
            code: 1,
        }
    }
}

/// Runs the command that the arguments name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match Command::try_parse_from(arguments) {
        Ok(command) => command,
        Err(error) => {
            // Nothing is left to be done where even this cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT));
        }
    };
    let done = match command.verb {
        Verb::Serve(serve) => serve.run(),
        Verb::Import(import) => import.run(),
        Verb::Export(export) => export.run(),
        Verb::History(history) => history.run(),
        Verb::Keys(keys) => keys.run(),
        Verb::Decide(decide) => decide.run(),
        Verb::Bundle(bundle) => bundle.run(),
        Verb::Client(clients) => clients.run(),
        Verb::Tokens(tokens) => tokens.run(),
        Verb::Config => print(DEFAULT_FILE),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("assize: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Writes to standard output; a reader who has gone away is no failure.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::bad_input(format!("cannot read {}: {error}", path.display())))
}

/// An async runtime with as many workers as configured.
fn runtime(workers: usize) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if workers > 0 {
        builder.worker_threads(workers);
    }
    Ok(builder.enable_all().build()?)
}

/// JSON lines on stderr from now on.
fn start_log(level: &str) {
    let level: tracing_subscriber::filter::LevelFilter = level
        .parse()
        .unwrap_or(tracing_subscriber::filter::LevelFilter::INFO);
    // The audit record is kept whatever the level.
    let kept = Targets::new()
        .with_default(level)
        .with_target("audit", tracing::Level::INFO);
    let log = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::stderr)
        .with_filter(kept);
    let log = tracing_subscriber::registry().with(log);
    // A second call in one process changes nothing, which is right.
    let _ = log.try_init();
}
