//! Every row of the corpus on every subject that can state it.

use crate::module::{Engine, InProcess, Node, OnModule, Wasmtime};
use assize_tests::case::{File, corpus};
use assize_tests::native::{Native, canonical, faults, imported};
use assize_tests::reference::Pattern;
use assize_tests::run::{self, Tally};
use assize_tests::subject::{Naive, Subject};
use std::io::Write;

fn files() -> Vec<File> {
    corpus()
        .unwrap_or_else(|e| panic!("{e}"))
        .into_iter()
        .map(|(_, file)| file)
        .collect()
}

fn on(subject: &mut dyn Subject) -> Tally {
    let mut tally = Tally::default();
    for file in &files() {
        tally.add(run::decisions(subject, file));
    }
    tally
}

fn reference() -> Tally {
    let mut tally = on(&mut Naive::default());
    let form = |p: &str| {
        let parsed = Pattern::new(p).map_err(|refusal| format!("{refusal:?}"));
        parsed.map(|p| p.text)
    };
    for file in &files() {
        tally.add(run::canonical(file, form));
    }
    tally
}

fn native() -> Tally {
    let mut tally = on(&mut Native::default());
    for file in &files() {
        tally.add(run::canonical(file, canonical));
        tally.add(run::refusals(file, faults));
    }
    tally
}

#[test]
fn every_row_holds_on_every_subject() {
    let tallies = [
        ("reference", reference()),
        ("native", native()),
        ("wasmtime", on(&mut OnModule(Wasmtime::new()))),
        ("Node", on(&mut OnModule(Node::start()))),
        ("HTTP", crate::http::run(&files())),
    ];
    // Written past the test harness, which keeps what a passing test prints to itself.
    let mut out = std::io::stdout().lock();
    writeln!(out, "\ncorpus       rows that hold   do not").unwrap();
    let mut whole = Tally::default();
    for (subject, tally) in tallies {
        writeln!(
            out,
            "{subject:<12} {:>14} {:>8}",
            tally.passed,
            tally.failed.len()
        )
        .unwrap();
        for failure in &tally.failed {
            writeln!(out, "  {failure}").unwrap();
        }
        assert!(tally.passed > 900, "{subject} ran next to nothing");
        whole.add(tally);
    }
    writeln!(
        out,
        "{} passed, {} failed",
        whole.passed,
        whole.failed.len()
    )
    .unwrap();
    assert!(whole.failed.is_empty());
}

#[test]
fn every_answer_is_the_same_bytes_in_every_runtime() {
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(InProcess::default()),
        Box::new(Wasmtime::new()),
        Box::new(Node::start()),
    ];
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
