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
    /// File with engine requests, one JSON object after another; - is standard input. Scripts run that the files hold.
    /// What else a decision has to know is answered as "needs": put it into the same request as "externals" and ask again
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
        let (mut asked, mut refused) = (0usize, 0usize);
        for request in requests(BufReader::new(input)) {
            asked += 1;
            let answer = resolver.answer(&bundle, &request?);
            refused += usize::from(answer.starts_with(b"{\"error\""));
            out.write_all(&answer)?;
            out.write_all(b"\n")?;
            out.flush()?;
        }
        match (asked, refused) {
            (0, _) => Err(Failure::bad_input(format!("{}: no request", self.request))),
            (_, 0) => Ok(()),
            _ => Err(Failure {
                message: format!("{refused} of {asked} requests could not be answered"),
                code: BAD_INPUT,
            }),
        }
    }
}

/// The requests of a stream: JSON objects, on a line each or over several. What begins with no object is a request to
/// its line's end, which is refused; the next line is another one.
fn requests(mut input: impl BufRead) -> impl Iterator<Item = Result<Vec<u8>, Failure>> {
    let mut line = Vec::new();
    std::iter::from_fn(move || {
        let mut request = Request::default();
        loop {
            if line.is_empty() {
                match input.read_until(b'\n', &mut line) {
                    Ok(0) => return request.is_begun().then_some(Ok(request.text)),
                    Ok(_) => {}
                    Err(error) => return Some(Err(error.into())),
                }
            }
            if let Some(end) = request.take(&line) {
                line.drain(..end);
                return Some(Ok(request.text));
            }
            line.clear();
        }
    })
}

/// A request as far as it was read.
#[derive(Default)]
struct Request {
    text: Vec<u8>,
    /// Brackets that are open.
    depth: usize,
    string: Within,
}

/// Where in a JSON string a byte is.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    String,
    Escape,
}

impl Request {
    fn is_begun(&self) -> bool {
        !self.text.is_empty()
    }

    /// Takes as much of a line as belongs to the request; where it ends there, gives how much that is.
    fn take(&mut self, line: &[u8]) -> Option<usize> {
        for (at, byte) in line.iter().enumerate() {
            if !self.is_begun() {
                match byte {
                    byte if byte.is_ascii_whitespace() => continue,
                    b'{' | b'[' => {}
                    _ => {
                        self.text
                            .extend_from_slice(line.get(at..).unwrap_or_default());
                        return Some(line.len());
                    }
                }
            }
            self.text.push(*byte);
            self.string = match (self.string, byte) {
                (Within::Escape, _) => Within::String,
                (Within::String, b'\\') => Within::Escape,
                (Within::String, b'"') => Within::Nothing,
                (Within::Nothing, b'"') => Within::String,
                (within, _) => within,
            };
            match byte {
                b'{' | b'[' if self.string == Within::Nothing => self.depth += 1,
                b'}' | b']' if self.string == Within::Nothing => self.depth -= 1,
                _ => continue,
            }
            if self.depth == 0 {
                return Some(at + 1);
            }
        }
        None
    }
}
