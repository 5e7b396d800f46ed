//! Every row of the corpus on every subject that can state it.

use assize_tests::case::{File, corpus};
use assize_tests::native::{Native, canonical, faults};
use assize_tests::reference::Pattern;
use assize_tests::run::{self, Tally};
use assize_tests::subject::{Naive, Subject};

fn files() -> Vec<File> {
    corpus().unwrap_or_else(|e| panic!("{e}")).into_iter().map(|(_, file)| file).collect()
}

/// Prints the line of a subject, and what does not hold on it.
fn report(subject: &str, tally: &Tally) {
    println!("{subject:<12} {:>6} rows hold, {:>4} do not", tally.passed, tally.failed.len());
    for failure in &tally.failed {
        println!("  {failure}");
    }
}

fn on(subject: &mut dyn Subject) -> Tally {
    let mut tally = Tally::default();
    for file in &files() {
        tally.add(run::decisions(subject, file));
    }
    tally
}

#[test]
fn every_row_holds_on_the_reference() {
    let mut tally = on(&mut Naive::default());
    for file in &files() {
        tally.add(run::canonical(file, |p| Pattern::new(p).map(|p| p.text).map_err(|e| format!("{e:?}"))));
    }
    report("reference", &tally);
    println!("{} passed, {} failed", tally.passed, tally.failed.len());
    assert!(tally.failed.is_empty());
}

#[test]
fn every_row_holds_on_the_engine() {
    let mut tally = on(&mut Native::default());
    for file in &files() {
        tally.add(run::canonical(file, canonical));
        tally.add(run::refusals(file, faults));
    }
    report("native", &tally);
    println!("{} passed, {} failed", tally.passed, tally.failed.len());
    assert!(tally.failed.is_empty());
}
