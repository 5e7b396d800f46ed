//! What a decision costs, in every runtime, with one workload.

use assize_bench::cpu::{median, timed};
use assize_bench::guest::{Decider, Floor, Guest, Interruption, Pure};
use assize_bench::prepared::Prepared;
use assize_engine::{Bundle, answer};
use assize_floor::Index;

use crate::{Outcome, node};

/// Batches for one figure; each is one pass over all requests.
const BATCHES: usize = 15;

/// Nanoseconds of CPU for one decision, medians.
pub(crate) struct Row {
    pub(crate) count: u32,
    pub(crate) floor_native: f64,
    pub(crate) floor: f64,
    pub(crate) floor_interruptible: f64,
    pub(crate) native: f64,
    pub(crate) wasm: f64,
    pub(crate) interruptible: f64,
    /// Requests whose users and groups have universal identifiers.
    pub(crate) interruptible_universal: f64,
    /// `None` where there is no Node.
    pub(crate) node: Option<f64>,
    pub(crate) pure_native: f64,
    pub(crate) pure: f64,
}

/// Checks every answer, then measures.
pub(crate) fn measure(plain: &Prepared, universal: &Prepared) -> Outcome<Row> {
    let index = Index::build(&plain.floor_policies).ok_or("the floor cannot read the policies")?;
    let mut bundle = Bundle::load(plain.bundle.clone())?;
    bundle.set_revision(1);
    let mut floors = [
        Floor::load(&plain.floor_policies, Interruption::Off)?,
        Floor::load(&plain.floor_policies, Interruption::Epoch)?,
    ];
    let mut deciders = [
        decider(plain, Interruption::Off)?,
        decider(plain, Interruption::Epoch)?,
    ];
    let mut decider_universal = decider(universal, Interruption::Epoch)?;

    let right = check(&bundle, plain)?;
    for decider in &mut deciders {
        same(decider, &plain.requests, &right)?;
    }
    let mut bundle_universal = Bundle::load(universal.bundle.clone())?;
    bundle_universal.set_revision(1);
    let right_universal = check(&bundle_universal, universal)?;
    same(
        &mut decider_universal,
        &universal.requests,
        &right_universal,
    )?;
    let floor_right: Vec<&[u8]> = plain.floor_answers.iter().map(String::as_bytes).collect();
    for floor in &mut floors {
        same(floor, &plain.floor_requests, &floor_right)?;
    }

    let mut pure_native =
        assize_pure::Prepared::load(plain.bundle.clone()).ok_or("the bundle cannot be loaded")?;
    for request in &plain.requests {
        pure_native.keep(request.clone().into_bytes());
    }
    let mut pure = Pure::load(&plain.bundle, plain.requests.iter().map(String::as_str))?;
    if pure.evaluate_all()? != pure_native.evaluate_all() {
        return Err("evaluation alone differs between native code and WebAssembly".into());
    }

    let [mut floor_off, mut floor_epoch] = floors;
    let [mut off, mut epoch] = deciders;
    let mut output = Vec::new();
    let figures = take_turns([
        &mut || {
            for request in &plain.floor_requests {
                output.clear();
                assize_floor::decide(&index, request.as_bytes(), &mut output);
            }
        },
        &mut || pass(&mut floor_off, &plain.floor_requests),
        &mut || pass(&mut floor_epoch, &plain.floor_requests),
        &mut || {
            for request in &plain.requests {
                std::hint::black_box(answer(&bundle, request.as_bytes()));
            }
        },
        &mut || pass(&mut off, &plain.requests),
        &mut || pass(&mut epoch, &plain.requests),
        &mut || pass(&mut decider_universal, &universal.requests),
        &mut || {
            std::hint::black_box(pure_native.evaluate_all());
        },
        &mut || {
            std::hint::black_box(pure.evaluate_all().unwrap_or_default());
        },
    ]);
    let [
        floor_native,
        floor,
        floor_interruptible,
        native,
        wasm,
        interruptible,
        interruptible_universal,
        pure_native,
        pure,
    ] = figures.map(|batch| batch / plain.requests.len() as f64);
    Ok(Row {
        count: plain.count,
        floor_native,
        floor,
        floor_interruptible,
        native,
        wasm,
        interruptible,
        interruptible_universal,
        node: node::measure(plain, &right)?,
        pure_native,
        pure,
    })
}

/// Measures every piece of work in turn, [`BATCHES`] times over; the median nanoseconds of each.
fn take_turns<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut taken = [const { Vec::new() }; N];
    for _ in 0..BATCHES {
        for (work, taken) in works.iter_mut().zip(&mut taken) {
            let (nanoseconds, ()) = timed(&mut **work);
            taken.push(nanoseconds as f64);
        }
    }
    taken.map(median)
}

fn decider(prepared: &Prepared, interruption: Interruption) -> Outcome<Decider> {
    let mut decider = Decider::empty(interruption)?;
    decider.load(&prepared.bundle)?;
    Ok(decider)
}

/// The native answers, all of them right.
fn check(bundle: &Bundle, prepared: &Prepared) -> Outcome<Vec<Vec<u8>>> {
    let answers: Vec<Vec<u8>> = prepared
        .requests
        .iter()
        .map(|request| answer(bundle, request.as_bytes()))
        .collect();
    match prepared.wrong(answers.iter().map(Vec::as_slice)) {
        0 => Ok(answers),
        wrong => Err(format!(
            "{wrong} of {} answers at {} policies are wrong",
            answers.len(),
            prepared.count
        )
        .into()),
    }
}

fn same<A: AsRef<[u8]>>(guest: &mut impl Guest, requests: &[String], right: &[A]) -> Outcome<()> {
    let mut answer = Vec::new();
    for (request, right) in requests.iter().zip(right) {
        guest.decide(request.as_bytes(), &mut answer)?;
        if answer != right.as_ref() {
            return Err(format!(
                "in wasmtime {request} is answered {}",
                String::from_utf8_lossy(&answer)
            )
            .into());
        }
    }
    Ok(())
}

/// One pass over all requests. An instance that traps here has just answered every one of them.
fn pass(guest: &mut impl Guest, requests: &[String]) {
    let mut answer = Vec::new();
    for request in requests {
        if guest.decide(request.as_bytes(), &mut answer).is_err() {
            return;
        }
    }
    std::hint::black_box(answer);
}
