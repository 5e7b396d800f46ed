#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

/// Replays the committed inputs of one target and says how many there are.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    for input in &inputs {
        println!("{}", input.display());
        check(&std::fs::read(input).unwrap());
    }
    println!("{target}: {} inputs", inputs.len());
}

#[test]
fn am_corpus() {
    replay("am", crate::am::check);
}

#[test]
fn bundle_corpus() {
    replay("bundle", crate::bundle::check);
}

#[test]
fn filter_corpus() {
    replay("filter", crate::filter::check);
}

#[test]
fn pattern_corpus() {
    replay("pattern", crate::pattern::check);
}

#[test]
fn policy_corpus() {
    replay("policy", crate::policy::check);
}

#[test]
fn request_corpus() {
    replay("request", crate::request::check);
}

#[test]
fn resource_corpus() {
    replay("resource", crate::resource::check);
}
