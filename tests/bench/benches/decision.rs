//! Criterion's view of a decision, for people: `cargo xtask bench criterion`.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark that cannot start has nobody to tell; criterion's macro makes the main"
)]

use assize_bench::guest::{Decider, Floor, Guest, Interruption};
use assize_bench::prepared::Prepared;
use assize_bench::translate::Naming;
use assize_engine::{Bundle, answer};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    group.throughput(Throughput::Elements(1));
    for count in [10, 1000, 100_000] {
        let prepared = Prepared::new(count, Naming::Plain).expect("the workload compiles");
        let bundle = Bundle::load(prepared.bundle.clone()).expect("the bundle loads");
        let mut requests = prepared.requests.iter().cycle();
        group.bench_function(BenchmarkId::new("native", count), |bencher| {
            bencher.iter(|| {
                answer(
                    &bundle,
                    requests.next().map_or(b"", |request| request.as_bytes()),
                )
            });
        });

        let mut decider = Decider::empty(Interruption::Epoch).expect("the module starts");
        decider.load(&prepared.bundle).expect("the bundle loads");
        guest(
            &mut group,
            BenchmarkId::new("wasmtime", count),
            &mut decider,
            &prepared.requests,
        );

        let mut floor =
            Floor::load(&prepared.floor_policies, Interruption::Epoch).expect("the floor starts");
        guest(
            &mut group,
            BenchmarkId::new("floor in wasmtime", count),
            &mut floor,
            &prepared.floor_requests,
        );
    }
    group.finish();
}

fn guest(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    id: BenchmarkId,
    guest: &mut impl Guest,
    requests: &[String],
) {
    let mut requests = requests.iter().cycle();
    let mut answer = Vec::new();
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            guest.decide(
                requests.next().map_or(b"", |request| request.as_bytes()),
                &mut answer,
            )
        });
    });
}

criterion_group!(benches, decision);
criterion_main!(benches);
