//! The module as subjects: in wasmtime, and in Node by its JavaScript glue.

use assize_engine::{Bundle, answer};
use assize_module::{BUILT_FILES, Handle, Instance, Limits, Runtime};
use assize_tests::native::imported;
use assize_tests::subject::Subject;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The revision that every subject gives its bundles, so that answers can be compared byte for byte.
pub(crate) const REVISION: u64 = 7;

/// Something that takes bundle bytes and answers request bytes.
pub(crate) trait Engine {
    fn name(&self) -> &'static str;
    fn load(&mut self, bundle: &[u8]);
    fn answer(&mut self, request: &[u8]) -> Vec<u8>;
}

/// An engine as a subject of the corpus.
pub(crate) struct OnModule<E>(pub(crate) E);

impl<E: Engine> Subject for OnModule<E> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn load(&mut self, document: &Value) -> Result<(), String> {
        self.0
            .load(&imported(document).map_err(|faults| faults.join("; "))?);
        Ok(())
    }

    fn ask(&mut self, request: &Value) -> Value {
        serde_json::from_slice(&self.0.answer(request.to_string().as_bytes())).unwrap()
    }
}

/// The engine in this process.
#[derive(Default)]
pub(crate) struct InProcess(Option<Bundle>);

impl Engine for InProcess {
    fn name(&self) -> &'static str {
        "native"
    }

    fn load(&mut self, bundle: &[u8]) {
        let mut bundle = Bundle::load(bundle.to_vec()).unwrap();
        bundle.set_revision(REVISION);
        self.0 = Some(bundle);
    }

    fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        answer(self.0.as_ref().unwrap(), request)
    }
}

/// The module in wasmtime.
pub(crate) struct Wasmtime {
    instance: Instance,
    loaded: Option<Handle>,
}

impl Wasmtime {
    pub(crate) fn new() -> Wasmtime {
        let runtime = Runtime::new(Limits::default()).unwrap();
        Wasmtime {
            instance: runtime.instance().unwrap(),
            loaded: None,
        }
    }
}

impl Engine for Wasmtime {
    fn name(&self) -> &'static str {
        "wasmtime"
    }

    fn load(&mut self, bundle: &[u8]) {
        if let Some(old) = self.loaded.take() {
            self.instance.unload(old).unwrap();
        }
        self.loaded = Some(self.instance.load(bundle, REVISION).unwrap());
    }

    fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        self.instance
            .evaluate(self.loaded.unwrap(), request)
            .unwrap()
    }
}

/// The same file in Node.
pub(crate) struct Node {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Node {
    pub(crate) fn start() -> Node {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/it/node.mjs");
        let mut process = Command::new("node")
            .args([script, BUILT_FILES])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the tests need Node 20 or later as `node`: {error}"));
        let to = process.stdin.take().unwrap();
        let from = BufReader::new(process.stdout.take().unwrap());
        Node { process, to, from }
    }

    fn exchange(&mut self, message: &Value) -> Vec<u8> {
        writeln!(self.to, "{message}").unwrap();
        let mut line = Vec::new();
        self.from.read_until(b'\n', &mut line).unwrap();
        assert_eq!(
            line.pop(),
            Some(b'\n'),
            "Node ended while it was asked {message}"
        );
        line
    }
}

impl Engine for Node {
    fn name(&self) -> &'static str {
        "Node"
    }

    fn load(&mut self, bundle: &[u8]) {
        assert_eq!(
            self.exchange(&json!({"load": STANDARD.encode(bundle), "revision": REVISION})),
            b"{}"
        );
    }

    fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(request).unwrap();
        self.exchange(&json!({"ask": text}))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about a process that is gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
