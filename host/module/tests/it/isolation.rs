//! Whatever one request does to its instance, the next one does not notice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use assize_engine::limits;
use assize_module::{CallError, Limits, Pool, Settings};
use serde_json::{Value, json};

use crate::fixture;

/// Memory for the small bundle and ordinary requests, but not for the largest that the engine would read.
const LITTLE_MEMORY: usize = 3 << 20;

#[test]
fn a_trap_costs_one_request_only() {
    const TRAPS: usize = 30;
    let pool = Pool::new(Settings {
        workers: 2,
        limits: Limits {
            memory: LITTLE_MEMORY,
            ..Limits::default()
        },
    })
    .unwrap();
    pool.publish("/", fixture::bundle(&["a"]).into(), 1)
        .unwrap();
    let good = fixture::request("https://www.example.com/a");
    let expected = pool.evaluate("/", &good).unwrap();

    let done = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    assert_eq!(pool.evaluate("/", &good).unwrap(), expected);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let largest = largest_request();
        for trap in 0..TRAPS {
            match pool.evaluate("/", &largest) {
                Err(CallError::OutOfMemory {
                    limit: LITTLE_MEMORY,
                }) => {}
                other => panic!("trap {trap}: {other:?}"),
            }
            assert_eq!(
                pool.evaluate("/", &good).unwrap(),
                expected,
                "after trap {trap}"
            );
        }
        done.store(true, Ordering::SeqCst);
    });
    // A change still goes through, to every instance.
    pool.publish("/", fixture::bundle(&["a"]).into(), 2)
        .unwrap();
    let answer: Value = serde_json::from_slice(&pool.evaluate("/", &good).unwrap()).unwrap();
    assert_eq!(answer["bundle"]["revision"], 2);
    crate::report(format_args!(
        "{TRAPS} traps beside {} answers",
        answered.load(Ordering::SeqCst)
    ));
}

#[test]
fn with_all_its_memory_the_same_request_is_answered() {
    let pool = Pool::new(Settings::with_workers(1)).unwrap();
    pool.publish("/", fixture::bundle(&["a"]).into(), 1)
        .unwrap();
    let answer: Value =
        serde_json::from_slice(&pool.evaluate("/", &largest_request()).unwrap()).unwrap();
    assert_eq!(
        answer["decisions"].as_array().unwrap().len(),
        limits::MAX_RESOURCES,
        "{}",
        answer["error"]
    );
}

#[test]
fn a_call_beyond_its_deadline_ends() {
    // No time at all: what the engine's step budget would stop much later, the clock stops at once.
    let pool = Pool::new(Settings {
        workers: 1,
        limits: Limits {
            call: Duration::ZERO,
            ..Limits::default()
        },
    })
    .unwrap();
    pool.publish("/", fixture::bundle(&["a"]).into(), 1)
        .unwrap();
    for _ in 0..5 {
        match pool.evaluate("/", &fixture::request("https://www.example.com/a")) {
            Err(CallError::TooLong {
                limit: Duration::ZERO,
            }) => {}
            other => panic!("{other:?}"),
        }
    }
    pool.publish("/", fixture::bundle(&["b"]).into(), 2)
        .unwrap();
}

#[test]
fn a_bundle_beyond_the_memory_is_not_put_to_use() {
    let pool = Pool::new(Settings {
        workers: 2,
        limits: Limits {
            memory: LITTLE_MEMORY,
            ..Limits::default()
        },
    })
    .unwrap();
    pool.publish("/", fixture::bundle(&["a"]).into(), 1)
        .unwrap();
    let names: Vec<_> = (0..20_000)
        .map(|number| format!("policy-{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let refused = pool
        .publish("/", fixture::bundle(&names).into(), 2)
        .unwrap_err();
    assert!(refused.to_string().contains("memory"), "{refused}");
    let answer = pool
        .evaluate("/", &fixture::request("https://www.example.com/a"))
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["bundle"]["revision"], 1);
    assert_eq!(answer["decisions"][0]["actions"]["GET"], json!(true));
}

/// As many resources as one request may name, each as long as its share of the largest request.
fn largest_request() -> Vec<u8> {
    let length = limits::MAX_REQUEST_BYTES / limits::MAX_RESOURCES - 100;
    let resources: Vec<_> = (0..limits::MAX_RESOURCES)
        .map(|number| {
            format!(
                "https://www.example.com/a/{number:06}{}",
                "x".repeat(length)
            )
        })
        .collect();
    fixture::engine_request(json!(resources))
        .to_string()
        .into_bytes()
}
