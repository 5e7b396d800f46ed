//! What the server costs before anybody asks it anything: its start, and its memory.

use std::path::Path;
use std::time::{Duration, Instant};

use assize_bench::translate::{self, Naming};
use assize_bench::workload::Workload;

use crate::Outcome;
use crate::folder::Folder;
use crate::report::figure;
use crate::server::{Server, resident};
use crate::store::{self, megabytes, milliseconds};

const POLICIES: u32 = 10_000;

/// Measures and prints. Starts are on the clock: whoever restarts a server waits for nothing else.
pub(crate) fn figures() -> Outcome<()> {
    println!("\nthe server, 2 workers");
    let folder = Folder::new("footprint")?;
    let empty = folder.path().join("empty");
    // The first start makes the store and the keys.
    let (_, time) = start(&empty)?;
    figure(
        "first start ever to ready",
        milliseconds(time),
        "target 1000 ms",
    );
    let (memory, time) = start(&empty)?;
    figure(
        "start to ready, no policies",
        milliseconds(time),
        "target 50 ms",
    );
    figure("resident, no policies", megabytes(memory), "");

    let document = translate::document(&Workload::generate(POLICIES), Naming::Universal);
    folder.write("policies.json", document.to_string().as_bytes())?;
    let full = folder.path().join("full");
    store::import(&full, "", &folder.path().join("policies.json"))?;
    let (memory, time) = start(&full)?;
    figure("start to ready, 10 000 policies", milliseconds(time), "");
    figure(
        "resident, 10 000 policies",
        megabytes(memory),
        "target 60 MB",
    );
    Ok(())
}

/// Starts a server and ends it: the bytes that it had in memory when it was ready, and how long that took.
fn start(data: &Path) -> Outcome<(u64, Duration)> {
    let begun = Instant::now();
    let server = Server::start(data, "")?;
    let time = begun.elapsed();
    Ok((resident(&server.process)?, time))
}
