#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::covering::covers;
use super::{REQUESTS, SEED, Workload};

/// SHA-256 over the four files of a workload, each as compact JSON with a line feed: policies (in their envelope), users,
/// requests, expected answers. They were compared byte by byte with those of the Python generator that the workload comes from.
const CHECKSUMS: [(u32, &str); 5] = [
    (
        10,
        "4e38ee1c4312e45b5cdbeccc596c3bae08ceb83234c24b0b124ec349b2e9eca3",
    ),
    (
        100,
        "f138f26cbb68dcd43ad3af24c39b1910340dd82218495e27c81b1ae6c967d770",
    ),
    (
        1000,
        "5b04ca654982a0f5ff39d02db3e477a2b7826a4de2a2d05e2f18377484a27a9e",
    ),
    (
        10_000,
        "b151f2f1b04b01bee91c821ec8f6c442d08d3122ce1089354618b66da4617cd2",
    ),
    (
        100_000,
        "2bf7c00ae9b371ef8d535e65e3e2af70ac399096a57fe270c4c81a84105ddebe",
    ),
];

#[derive(Serialize)]
struct PolicyFile<'a> {
    seed: u32,
    n: u32,
    policies: &'a [super::Policy],
}

fn files(count: u32) -> [String; 4] {
    let workload = Workload::generate(count);
    assert_eq!(workload.policies.len(), count as usize);
    assert_eq!(workload.requests.len(), REQUESTS);
    let policies = PolicyFile {
        seed: SEED,
        n: count,
        policies: &workload.policies,
    };
    [
        serde_json::to_string(&policies).unwrap() + "\n",
        serde_json::to_string(&workload.users).unwrap() + "\n",
        serde_json::to_string(&workload.requests).unwrap() + "\n",
        serde_json::to_string(&workload.expected).unwrap() + "\n",
    ]
}

#[test]
fn the_workload_never_changes() {
    for (count, checksum) in CHECKSUMS {
        let mut hash = Sha256::new();
        for file in files(count) {
            hash.update(file.as_bytes());
        }
        let found = hex::encode(hash.finalize());
        assert_eq!(found, checksum, "{count} policies");
    }
}

#[test]
fn a_star_covers_any_run() {
    assert!(covers("a/*", "a/"));
    assert!(covers("a/*", "a/b/c"));
    assert!(covers("a/*/x", "a/b/c/x"));
    assert!(covers("*/s/*", "a/b/s/"));
    assert!(covers("a*b*c", "abbc"));
    assert!(!covers("a/*", "b/c"));
    assert!(!covers("a/*/x", "a/x"));
    assert!(!covers("a*bc", "abb"));
    assert!(!covers("ab*b", "ab"));
}
