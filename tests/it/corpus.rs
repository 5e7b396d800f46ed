//! Every row of the corpus on every subject that can state it.

use crate::module::{Engine, InProcess, Node, OnModule, Wasmtime};
use assize_tests::case::{File, corpus};
use assize_tests::native::{Native, canonical, faults, imported};
use assize_tests::reference::Pattern;
use assize_tests::run::{self, Tally};
use assize_tests::subject::{Naive, Subject};

fn files() -> Vec<File> {
    corpus()
        .unwrap_or_else(|e| panic!("{e}"))
        .into_iter()
        .map(|(_, file)| file)
        .collect()
}

/// Prints the line of a subject, and what does not hold on it.
fn report(subject: &str, tally: &Tally) {
    println!(
        "{subject:<12} {:>6} rows hold, {:>4} do not",
        tally.passed,
        tally.failed.len()
    );
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
        tally.add(run::canonical(file, |p| {
            Pattern::new(p)
                .map(|p| p.text)
                .map_err(|e| format!("{e:?}"))
        }));
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

#[test]
fn every_row_holds_in_wasmtime() {
    let tally = on(&mut OnModule(Wasmtime::new()));
    report("wasmtime", &tally);
    assert!(tally.failed.is_empty());
}

#[test]
fn every_row_holds_in_node() {
    let Some(node) = Node::start() else {
        println!("Node: left out, there is no `node` here");
        return;
    };
    let tally = on(&mut OnModule(node));
    report("Node", &tally);
    assert!(tally.failed.is_empty());
}

#[test]
fn every_row_that_can_be_said_over_rest_holds_there() {
    let tally = crate::http::run(&files());
    report("HTTP", &tally);
    assert!(tally.failed.is_empty());
    assert!(tally.passed > 500, "only {} rows", tally.passed);
}

#[test]
fn every_answer_is_the_same_bytes_in_every_runtime() {
    let mut engines: Vec<Box<dyn Engine>> =
        vec![Box::new(InProcess::default()), Box::new(Wasmtime::new())];
    engines.extend(Node::start().map(|node| Box::new(node) as Box<dyn Engine>));
    let mut compared = 0;
    for case in files().iter().flat_map(|f| &f.cases) {
        let Ok(bundle) = imported(&case.document) else {
            continue;
        };
        engines.iter_mut().for_each(|e| e.load(&bundle));
        for row in &case.rows {
            // Whatever is asked of the outside is left open here: the questions are compared too.
            let mut request = row.request.clone();
            request["explain"] = true.into();
            let request = request.to_string();
            let answers: Vec<Vec<u8>> = engines
                .iter_mut()
                .map(|e| e.answer(request.as_bytes()))
                .collect();
            for (engine, answer) in engines.iter().zip(&answers) {
                assert_eq!(
                    String::from_utf8_lossy(answer),
                    String::from_utf8_lossy(&answers[0]),
                    "{} on {request}",
                    engine.name()
                );
            }
            compared += 1;
        }
    }
    println!(
        "{compared} answers are the same bytes in {}",
        engines
            .iter()
            .map(|e| e.name())
            .collect::<Vec<_>>()
            .join(", ")
    );
    assert!(compared > 1_000);
}
