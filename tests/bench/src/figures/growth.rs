//! What a write costs before it is live, the disk left out: one changed policy, linked with all the others, in fresh instances.

use assize_bench::cpu::{median, timed};
use assize_bench::guest::{Decider, Interruption};
use assize_bench::prepared::{Prepared, compile, link_all};
use serde_json::Value;

use crate::Outcome;
use crate::report::figure;

const WRITES: usize = 9;

/// Measures and prints.
pub(crate) fn report(prepared: &Prepared) -> Outcome<()> {
    // In order of their names, as the server keeps them.
    let mut documents: Vec<&Value> = prepared.documents.iter().collect();
    documents.sort_by_cached_key(|document| {
        let name = document.get("name").and_then(Value::as_str);
        name.unwrap_or_default().to_owned()
    });
    let (all, compiled) = timed(|| {
        let compiled = documents.iter().map(|document| compile(document));
        compiled.collect::<Result<Vec<_>, _>>()
    });
    let mut compiled = compiled?;
    let (mut links, mut writes) = (Vec::new(), Vec::new());
    for written in 0..WRITES {
        let at = written * compiled.len() / WRITES;
        let document = documents.get(at).ok_or("there is no such policy")?;
        let mut document = Value::clone(document);
        let action = if written % 2 == 0 { "PUT" } else { "PATCH" };
        document["actionValues"][action] = true.into();
        // INVARIANT: what is timed is all that stands between the parsed JSON of the write and an instance that decides by it.
        let (total, spent) = timed(|| -> Outcome<u64> {
            if let Some(place) = compiled.get_mut(at) {
                *place = compile(&document)?;
            }
            let (linking, bundle) = timed(|| link_all(&compiled));
            Decider::empty(Interruption::Epoch)?.load(&bundle)?;
            Ok(linking)
        });
        links.push(spent? as f64);
        writes.push(total as f64);
    }
    let target = match prepared.count {
        10_000 => "target 30 ms",
        100_000 => "target 300 ms",
        _ => "",
    };
    figure(
        "compile every policy",
        format!("{:.1} ms", all as f64 / 1e6),
        "",
    );
    figure("link", format!("{:.1} ms", median(links) / 1e6), "");
    figure(
        "write → live in one instance",
        format!("{:.1} ms", median(writes) / 1e6),
        target,
    );
    Ok(())
}
