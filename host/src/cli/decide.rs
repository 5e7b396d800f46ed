//! `assize decide`: contract §3 in, §4 out, with policies from files and no server.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use assize_engine::Bundle;
use clap::Args;

use super::bundle::compile;
use super::{BAD_INPUT, Failure};
use crate::outside::document::Resolver;

#[derive(Args)]
pub(super) struct Decide {
    /// Import documents that hold the policies
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    policies: Vec<PathBuf>,
    /// File with engine requests, one JSON object after another; - is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    request: String,
}

impl Decide {
    pub(super) fn run(self) -> Result<(), Failure> {
        let compiled = compile(&self.policies, None)?;
        let bundle = Bundle::load(compiled.bytes)?;
        let resolver = Resolver::new(&compiled.scripts);
        let input: Box<dyn Read> = if self.request == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            let file = std::fs::File::open(&self.request);
            Box::new(file.map_err(|error| {
                Failure::bad_input(format!("cannot read {}: {error}", self.request))
            })?)
        };
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let mut refused = 0usize;
        for request in requests(BufReader::new(input)) {
            let answer = resolver.answer(&bundle, &request?);
            refused += usize::from(answer.starts_with(b"{\"error\""));
            out.write_all(&answer)?;
            out.write_all(b"\n")?;
            out.flush()?;
        }
        match refused {
            0 => Ok(()),
            _ => Err(Failure {
                message: format!("{refused} requests could not be answered"),
                code: BAD_INPUT,
            }),
        }
    }
}

/// The requests of a stream: one per line, or a single one over several lines.
fn requests(mut input: impl BufRead) -> impl Iterator<Item = Result<Vec<u8>, Failure>> {
    let mut over = false;
    std::iter::from_fn(move || {
        loop {
            if over {
                return None;
            }
            let mut line = Vec::new();
            match input.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.iter().all(u8::is_ascii_whitespace) => continue,
                // A line that is no JSON by itself begins a request over several lines: the rest of the input.
                Ok(_) if serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_err() => {
                    over = true;
                    return Some(
                        input
                            .read_to_end(&mut line)
                            .map(|_| line)
                            .map_err(Failure::from),
                    );
                }
                Ok(_) => return Some(Ok(line)),
                Err(error) => {
                    over = true;
                    return Some(Err(error.into()));
                }
            }
        }
    })
}
