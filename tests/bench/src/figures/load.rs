//! What it takes to load a bundle into an instance, in time and in memory.

use assize_bench::cpu::{median, timed};
use assize_bench::guest::{Decider, Guest, Interruption};
use assize_bench::prepared::Prepared;

use crate::Outcome;
use crate::report::figure;

const LOADS: usize = 9;

/// Measures and prints.
pub(crate) fn report(prepared: &Prepared) -> Outcome<()> {
    let mut times = Vec::new();
    for _ in 0..LOADS {
        let mut decider = Decider::empty(Interruption::Epoch)?;
        let (nanoseconds, loaded) = timed(|| decider.load(&prepared.bundle));
        loaded?;
        times.push(nanoseconds as f64);
    }
    let mut decider = Decider::empty(Interruption::Epoch)?;
    let (memory, resident) = (decider.memory_size(), resident_bytes()?);
    decider.load(&prepared.bundle)?;
    let (memory, resident) = (
        decider.memory_size() - memory,
        resident_bytes()?.saturating_sub(resident),
    );

    let count = f64::from(prepared.count);
    let target = |text: &'static str| if prepared.count == 10_000 { text } else { "" };
    println!("\n{} policies", prepared.count);
    figure("bundle", format!("{} KB", prepared.bundle.len() / 1024), "");
    figure(
        "load into an instance",
        format!("{:.1} ms", median(times) / 1e6),
        target("target 15 ms"),
    );
    figure(
        "resident, a policy and instance",
        format!("{:.0} B", resident as f64 / count),
        "target 1024 B",
    );
    figure(
        "linear memory, a policy and instance",
        format!("{:.0} B", memory as f64 / count),
        "",
    );
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident_bytes() -> Outcome<u64> {
    const PAGE: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages
        .split(' ')
        .nth(1)
        .ok_or("statm has no second word")?
        .parse()?;
    Ok(pages * PAGE)
}
