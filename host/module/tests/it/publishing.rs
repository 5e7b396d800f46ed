//! Bundles change under traffic: nobody waits, nobody gets an answer from a bundle that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use assize_module::{AmCall, CallError, LoadError, Pace, Pool, Settings};
use serde_json::{Value, json};

use crate::fixture;

fn bundle_named(pool: &Pool, realm: &str) -> (String, u64) {
    let answer = pool
        .evaluate(realm, &fixture::request("https://www.example.com/a"))
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let bundle = &answer["bundle"];
    (
        bundle["digest"]
            .as_str()
            .unwrap_or_else(|| panic!("no digest in {answer}"))
            .to_owned(),
        bundle["revision"].as_u64().unwrap(),
    )
}

#[test]
fn a_published_revision_answers_at_once_while_calls_go_on() {
    const PUBLICATIONS: u64 = 40;
    let pool = Pool::new(Settings::with_workers(2)).unwrap();
    // Odd revisions have one content, even ones the other.
    let contents = [fixture::bundle(&["a"]), fixture::bundle(&["a", "b"])];
    let digests = contents.each_ref().map(|content| fixture::digest(content));
    let publish = |revision: u64| {
        let content = &contents[usize::try_from(revision % 2).unwrap()];
        pool.publish("/", content.clone().into(), revision).unwrap();
    };
    publish(1);
    let live = AtomicU64::new(1);
    let done = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    std::thread::scope(|threads| {
        let mut deciding = Vec::new();
        for _ in 0..3 {
            deciding.push(threads.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let at_least = live.load(Ordering::SeqCst);
                    let (digest, revision) = bundle_named(&pool, "/");
                    assert!(
                        revision >= at_least,
                        "revision {revision} answered after {at_least} was live"
                    );
                    assert_eq!(digest, digests[usize::try_from(revision % 2).unwrap()]);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        for revision in 2..=PUBLICATIONS {
            publish(revision);
            live.store(revision, Ordering::SeqCst);
            // At least one answer between any two publications.
            let before = answered.load(Ordering::SeqCst);
            while answered.load(Ordering::SeqCst) == before
                && !deciding.iter().any(|thread| thread.is_finished())
            {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(pool.revision("/"), Some(PUBLICATIONS));
    crate::report(format_args!(
        "{} publications under {} answers",
        PUBLICATIONS,
        answered.load(Ordering::SeqCst)
    ));
}

#[test]
fn the_same_content_can_have_a_new_revision() {
    let pool = Pool::new(Settings::with_workers(2)).unwrap();
    let content = fixture::bundle(&["a"]);
    pool.publish("/", content.clone().into(), 5).unwrap();
    let first = bundle_named(&pool, "/");
    pool.publish("/", content.into(), 1_773_800_000_000)
        .unwrap();
    assert_eq!(bundle_named(&pool, "/"), (first.0, 1_773_800_000_000));
}

#[test]
fn a_context_is_taken_for_its_own_bundles_alone() {
    let pool = Pool::new(Settings::with_workers(2)).unwrap();
    let [first, second]: [Arc<[u8]>; 2] = [
        fixture::bundle(&["a"]).into(),
        fixture::bundle(&["a", "b"]).into(),
    ];
    pool.publish("/", Arc::clone(&first), 1).unwrap();
    let context = json!({"subject": fixture::subject(), "now": fixture::NOW}).to_string();
    let body =
        json!({"application": fixture::POLICY_SET, "resources": ["https://www.example.com/b"]});
    let ask = |bundles: &[&Arc<[u8]>]| {
        let bundles: Vec<_> = bundles.iter().copied().cloned().collect();
        let (context, body) = (context.as_bytes(), body.to_string());
        let call = AmCall::Evaluate;
        pool.evaluate_am("/", &bundles, context, body.as_bytes(), call, Pace::Quick)
    };
    let mut asked = false;
    pool.publish_when("/", Arc::clone(&second), 2, || {
        asked = true;
        assert!(ask(&[&first]).is_ok(), "the one before decides still");
        assert!(ask(&[&first, &second]).is_ok());
        assert!(matches!(
            ask(&[&second]),
            Err(CallError::OtherBundle { .. })
        ));
        Ok(())
    })
    .unwrap();
    assert!(asked);
    for _ in 0..4 {
        assert!(matches!(ask(&[&first]), Err(CallError::OtherBundle { .. })));
        assert!(ask(&[&first, &second]).is_ok());
    }
    let why = LoadError::Refused(b"no".to_vec());
    let refused = pool.publish_when("/", Arc::clone(&first), 3, || Err(why));
    assert!(refused.is_err());
    assert!(ask(&[&second]).is_ok(), "nothing has changed");
    assert_eq!(pool.revision("/"), Some(2));
}

#[test]
fn realms_do_not_mix() {
    let pool = Pool::new(Settings::with_workers(2)).unwrap();
    let contents = [
        fixture::bundle(&["a"]),
        fixture::bundle(&["b"]),
        fixture::bundle(&["c"]),
    ];
    let realms = ["/", "/alpha", "/alpha/beta"];
    for (realm, content) in realms.iter().zip(&contents) {
        pool.publish(realm, content.clone().into(), 1).unwrap();
    }
    for (realm, content) in realms.iter().zip(&contents) {
        assert_eq!(bundle_named(&pool, realm).0, fixture::digest(content));
    }
    pool.remove("/alpha").unwrap();
    let request = fixture::request("https://www.example.com/a");
    assert!(matches!(
        pool.evaluate("/alpha", &request),
        Err(CallError::NothingLoaded { realm }) if &*realm == "/alpha"
    ));
    assert_eq!(
        bundle_named(&pool, "/alpha/beta").0,
        fixture::digest(&contents[2])
    );
    assert_eq!(pool.revision("/alpha"), None);
}

#[test]
fn a_refused_bundle_changes_nothing() {
    let pool = Pool::new(Settings::with_workers(1)).unwrap();
    let good = fixture::bundle(&["a"]);
    pool.publish("/", good.clone().into(), 1).unwrap();
    let before = bundle_named(&pool, "/");
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let bad = [
        Vec::new(),
        b"no bundle".to_vec(),
        good[..good.len() / 2].to_vec(),
        damaged,
    ];
    for bytes in bad {
        let Err(LoadError::Refused(answer)) = pool.publish("/", bytes.into(), 2) else {
            panic!("a bad bundle was taken");
        };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["error"]["code"], "badBundle");
        assert_eq!(bundle_named(&pool, "/"), before);
    }
    pool.publish("/", good.into(), 3).unwrap();
    assert_eq!(bundle_named(&pool, "/"), (before.0, 3));
}
