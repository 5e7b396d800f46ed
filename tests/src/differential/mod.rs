//! Generated cases on the indexed engine and on the naive reference: whole answers must be equal, and the laws must hold.

mod compare;
mod laws;
mod report;
mod shrink;

pub use compare::{Case, both, canonical};
pub use laws::{broken_by_document, broken_by_request};
pub use report::Report;

use crate::generate::{self, Rng};
use crate::native::bundle_bytes;
use crate::reference::Reference;
use assize_engine::Bundle;
use serde_json::Value;

/// Requests asked of one document before the next is made.
const PER_DOCUMENT: usize = 100;

/// Runs `count` pairs of policies and request; the same seed gives the same pairs on any number of threads.
/// Of the differences each thread shows `show` in full, the others are only counted.
#[must_use]
pub fn run(seed: u64, count: usize, threads: usize, show: usize) -> Report {
    let documents = count.div_ceil(PER_DOCUMENT);
    let threads = threads.max(1);
    let parts: Vec<Report> = std::thread::scope(|scope| {
        let part =
            |first: usize| move || part(seed, (first..documents).step_by(threads), count, show);
        let handles: Vec<_> = (0..threads).map(|first| scope.spawn(part(first))).collect();
        handles
            .into_iter()
            .map(|h| h.join().unwrap_or_default())
            .collect()
    });
    let mut whole = Report::default();
    for part in parts {
        whole.add(part);
    }
    if whole.pairs < count {
        whole.differences += 1;
        whole.shown.push(format!(
            "a thread ended early: {} of {count} pairs ran",
            whole.pairs
        ));
    }
    whole
}

fn part(seed: u64, documents: impl Iterator<Item = usize>, count: usize, show: usize) -> Report {
    let mut report = Report::default();
    for number in documents {
        let wanted = PER_DOCUMENT.min(count - number * PER_DOCUMENT);
        one_document(seed, number, wanted, show, &mut report);
    }
    report
}

fn one_document(seed: u64, number: usize, wanted: usize, show: usize, report: &mut Report) {
    let mut rng = Rng::new(
        seed ^ u64::try_from(number)
            .unwrap_or(0)
            .wrapping_mul(0xD6E8_FEB8_6659_FD93),
    );
    let mut document = generate::document(&mut rng);
    let bytes = loop {
        match bundle_bytes(&document) {
            Ok(bytes) => break bytes,
            Err(faults) => {
                report.refused(&faults);
                let bad: Vec<usize> = faults.iter().map(|(n, _)| *n).collect();
                keep_policies(&mut document, |n| !bad.contains(&n));
            }
        }
    };
    report.document(&document);
    let bundle = match Bundle::load(bytes) {
        Ok(bundle) => bundle,
        Err(error) => {
            return report.note(
                format!("a bundle does not load: {error:?}\n{document}"),
                show,
            );
        }
    };
    let reference = Reference::new(&document);
    for law in broken_by_document(&document, &bundle, &mut rng) {
        report.note(law, show);
    }
    for _ in 0..wanted {
        let case = Case {
            request: generate::request(&mut rng, &document),
            outside: rng.bits(),
        };
        let (ours, theirs) = both(&reference, &bundle, &case);
        report.pair(&case.request, &theirs);
        if ours != theirs {
            let text = if report.differences < show {
                shrink::shown(&document, &case)
            } else {
                String::new()
            };
            report.note(text, show);
        } else if let Some(law) = broken_by_request(&bundle, &case, &theirs, &mut rng) {
            report.note(
                format!("{law}\ndocument {document}\nrequest {}", case.request),
                show,
            );
        }
    }
    report.outcomes(&reference);
}

/// Drops the policies whose place does not pass.
fn keep_policies(document: &mut Value, keep: impl Fn(usize) -> bool) {
    if let Some(policies) = document.get_mut("policies").and_then(Value::as_array_mut) {
        let mut at = 0;
        policies.retain(|_| {
            at += 1;
            keep(at - 1)
        });
    }
}
