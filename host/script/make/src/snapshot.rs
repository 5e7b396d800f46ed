//! Starting the guest once, so that no run has to: making a JavaScript engine and its prelude takes longer than most scripts.

use std::path::Path;
use std::process::{Command, Stdio};

use walrus::ir::Value;
use walrus::{ConstExpr, DataKind, GlobalKind, Module};

/// The bytes of a WebAssembly page.
const PAGE: usize = 64 << 10;

/// All the memory that a run may have, in pages: 16 MiB. Part of the module, so the same in every runtime.
const MOST_PAGES: u64 = 256;

/// A gap of zeros shorter than this is written out: a segment of its own would take more.
const GAP: usize = 32;

/// The guest's memory after `prepare`.
pub(crate) struct Started {
    memory: Vec<u8>,
}

/// What Node does: starts the module in the file that it is told, and writes its memory to standard output.
const START: &str = "
const { readFileSync, writeSync } = require('node:fs');
const module = new WebAssembly.Module(readFileSync(process.argv[1]));
const { exports } = new WebAssembly.Instance(module, {});
if (!exports.prepare()) throw new Error('its prelude does not run');
const memory = new Uint8Array(exports.memory.buffer);
for (let at = 0; at < memory.length;) at += writeSync(1, memory, at);
";

/// Starts the guest and takes its memory. Any runtime would do; Node is what the tests use anyway.
pub(crate) fn start(guest: &Path) -> Result<Started, String> {
    let output = Command::new("node")
        .args(["-e", START])
        .arg(guest)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run node: {error}"))?;
    let memory = output.stdout;
    if !output.status.success() || memory.is_empty() || memory.len() % PAGE != 0 {
        return Err("the guest does not start: see Node's messages above".to_owned());
    }
    Ok(Started { memory })
}

/// Makes that memory the module's first one, and the way there inaccessible.
pub(crate) fn keep(module: &mut Module, started: &Started) -> Result<(), String> {
    let mutable = module
        .globals
        .iter()
        .filter(|global| global.mutable && matches!(global.kind, GlobalKind::Local(_)))
        .count();
    // The stack pointer is back where it was once `prepare` has returned; any other global would have to be kept too.
    if mutable != 1 {
        return Err(format!(
            "the guest has {mutable} mutable globals, not only its stack pointer"
        ));
    }
    let exports: Vec<_> = module
        .exports
        .iter()
        .map(|export| (export.id(), export.name.clone()))
        .collect();
    for (id, name) in exports {
        if name != "memory" && !name.starts_with("assize_") {
            module.exports.delete(id);
        }
    }
    let memory = module
        .get_memory_id()
        .map_err(|error| format!("the guest has not one memory: {error:#}"))?;
    let segments: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
    for segment in segments {
        module.data.delete(segment);
    }
    module.memories.get_mut(memory).data_segments.clear();
    for (at, bytes) in runs(&started.memory) {
        let offset = i32::try_from(at).map_err(|_| "the memory is larger than 2 GiB".to_owned())?;
        let kind = DataKind::Active {
            memory,
            offset: ConstExpr::Value(Value::I32(offset)),
        };
        let segment = module.data.add(kind, bytes.to_vec());
        module
            .memories
            .get_mut(memory)
            .data_segments
            .insert(segment);
    }
    let memory = module.memories.get_mut(memory);
    memory.initial = (started.memory.len() / PAGE) as u64;
    memory.maximum = Some(MOST_PAGES);
    Ok(())
}

/// The stretches of a memory that are not zero, with where they begin.
fn runs(memory: &[u8]) -> Vec<(usize, &[u8])> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in memory.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match runs.last_mut() {
            Some((_, end)) if at - *end < GAP => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs.into_iter()
        .filter_map(|(start, end)| Some((start, memory.get(start..end)?)))
        .collect()
}
