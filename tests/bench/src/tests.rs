#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use assize_engine::{Bundle, answer};

use crate::guest::{Decider, Floor, Guest, Interruption, Pure};
use crate::prepared::Prepared;
use crate::translate::Naming;

/// Numbers of policies that a test may take; the benchmark itself checks every one that it measures.
const COUNTS: [u32; 3] = [10, 100, 1000];

#[test]
fn the_engine_gives_every_expected_answer() {
    for naming in [Naming::Plain, Naming::Universal] {
        for count in COUNTS {
            let prepared = Prepared::new(count, naming).unwrap();
            let bundle = Bundle::load(prepared.bundle.clone()).unwrap();
            let answers: Vec<Vec<u8>> = prepared
                .requests
                .iter()
                .map(|request| answer(&bundle, request.as_bytes()))
                .collect();
            assert_eq!(
                prepared.wrong(answers.iter().map(Vec::as_slice)),
                0,
                "{count} policies, {naming:?}"
            );
        }
    }
}

#[test]
fn the_floor_gives_every_expected_answer() {
    for count in COUNTS {
        let prepared = Prepared::new(count, Naming::Plain).unwrap();
        let index = assize_floor::Index::build(&prepared.floor_policies).unwrap();
        for (request, right) in prepared.floor_requests.iter().zip(&prepared.floor_answers) {
            let mut answer = Vec::new();
            assize_floor::decide(&index, request.as_bytes(), &mut answer);
            assert_eq!(String::from_utf8(answer).unwrap(), *right, "{request}");
        }
    }
}

#[test]
fn wasmtime_answers_as_native_code_does() {
    let prepared = Prepared::new(100, Naming::Plain).unwrap();
    let bundle = Bundle::load(prepared.bundle.clone()).unwrap();
    let mut loaded = Bundle::load(prepared.bundle.clone()).unwrap();
    loaded.set_revision(1);
    let mut answered = Vec::new();
    for interruption in [Interruption::Off, Interruption::Epoch] {
        let mut decider = Decider::empty(interruption).unwrap();
        decider.load(&prepared.bundle).unwrap();
        for request in &prepared.requests {
            decider.decide(request.as_bytes(), &mut answered).unwrap();
            assert_eq!(answered, answer(&loaded, request.as_bytes()), "{request}");
        }
        let mut floor = Floor::load(&prepared.floor_policies, interruption).unwrap();
        for (request, right) in prepared.floor_requests.iter().zip(&prepared.floor_answers) {
            floor.decide(request.as_bytes(), &mut answered).unwrap();
            assert_eq!(answered, right.as_bytes(), "{request}");
        }
    }
    let mut native = assize_pure::Prepared::load(prepared.bundle.clone()).unwrap();
    for request in &prepared.requests {
        assert!(native.keep(request.clone().into_bytes()), "{request}");
    }
    let mut pure = Pure::load(
        &prepared.bundle,
        prepared.requests.iter().map(String::as_str),
    )
    .unwrap();
    assert_eq!(pure.evaluate_all().unwrap(), native.evaluate_all());
    assert_eq!(bundle.policy_count(), 100);
}
