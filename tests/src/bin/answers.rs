//! Writes every bundle of the corpus, every request that is made of it, and the bytes that the engine answers natively, for
//! runtimes that cannot be subjects in this process.
//!
//! ```text
//! answers FILE REVISION
//! ```
//!
//! FILE is a row of frames, integers little-endian: `B`, u32 length, a bundle; `R`, u32 length, a request for the bundle before
//! it, u32 length, its answer. REVISION is the one that the bundles are loaded under. Prints `rows N` when every corpus row holds.

use assize_engine::{Bundle, answer};
use assize_tests::case::corpus;
use assize_tests::native::imported;
use assize_tests::run;
use assize_tests::subject::Subject;
use serde_json::Value;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match write(&arguments) {
        Ok(rows) => {
            println!("rows {rows}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn write(arguments: &[String]) -> Result<usize, String> {
    let [file, revision] = arguments else {
        return Err("usage: answers FILE REVISION".to_owned());
    };
    let revision = revision
        .parse()
        .map_err(|_| format!("{revision} is no revision"))?;
    let mut recorder = Recorder {
        revision,
        bundle: None,
        frames: Vec::new(),
    };
    let mut passed = 0;
    for (_, rows) in corpus()? {
        let tally = run::decisions(&mut recorder, &rows);
        if let Some(failure) = tally.failed.first() {
            return Err(format!("a row does not hold natively: {failure}"));
        }
        passed += tally.passed;
    }
    std::fs::write(file, &recorder.frames).map_err(|e| format!("{file}: {e}"))?;
    Ok(passed)
}

/// The engine in this process, and all that passes.
struct Recorder {
    revision: u64,
    bundle: Option<Bundle>,
    frames: Vec<u8>,
}

impl Recorder {
    fn part(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.frames.extend(length.to_le_bytes());
        self.frames.extend(bytes);
    }
}

impl Subject for Recorder {
    fn name(&self) -> &'static str {
        "native"
    }

    fn load(&mut self, document: &Value) -> Result<(), String> {
        let bytes = imported(document).map_err(|faults| faults.join("; "))?;
        self.frames.push(b'B');
        self.part(&bytes);
        let mut bundle = Bundle::load(bytes).map_err(|e| e.to_string())?;
        bundle.set_revision(self.revision);
        self.bundle = Some(bundle);
        Ok(())
    }

    fn ask(&mut self, request: &Value) -> Value {
        let mut explained = request.clone();
        explained["explain"] = true.into();
        let mut given = Value::Null;
        for request in [explained, request.clone()] {
            let request = request.to_string();
            let Some(bundle) = &self.bundle else {
                return Value::Null;
            };
            let bytes = answer(bundle, request.as_bytes());
            given = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            self.frames.push(b'R');
            self.part(request.as_bytes());
            self.part(&bytes);
        }
        given
    }
}
