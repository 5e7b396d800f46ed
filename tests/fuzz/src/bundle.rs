//! Bundles: damaged bytes are refused or harmless, and sound ones say what was put in.

use std::cell::RefCell;
use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use assize_engine::model::Policy;
use assize_engine::{Bundle, answer};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::answer::well_formed;
use crate::world::{bundle_of, world};

/// Where the header keeps the digest of everything after it (`engine/src/bundle/layout.rs`).
const DIGEST: std::ops::Range<usize> = 16..48;

/// Takes bytes to load as they are, where the first is zero; else choices for damage to a sound bundle, whose digest is then
/// put right, so that the checks behind it are met.
pub fn check(data: &[u8]) {
    match data.split_first() {
        Some((0, bytes)) => load_and_ask(bytes.to_vec()),
        Some((_, choices)) => {
            if let Ok(bytes) = damaged(&mut Unstructured::new(choices)) {
                load_and_ask(bytes);
            }
        }
        None => load_and_ask(Vec::new()),
    }
}

fn load_and_ask(bytes: Vec<u8>) {
    let Ok(bundle) = Bundle::load(bytes) else {
        return;
    };
    let _ = (
        bundle.realm(),
        bundle.required_facts(),
        bundle.policy_sets().count(),
    );
    for request in requests() {
        well_formed(&answer(&bundle, &request));
    }
}

fn damaged(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut bytes = sound(u.arbitrary()?);
    for _ in 0..u.int_in_range(1..=8)? {
        // INVARIANT: never empty, since no step takes more than it leaves.
        let at = u.choose_index(bytes.len())?;
        match u.int_in_range(0..=4)? {
            0 => bytes.truncate(at + 1),
            1 => bytes.insert(at, u.arbitrary()?),
            2 => bytes
                .get_mut(at)
                .into_iter()
                .try_for_each(|byte| u.arbitrary().map(|new| *byte = new))?,
            3 => bytes.get_mut(at).into_iter().try_for_each(|byte| {
                u.arbitrary::<i8>()
                    .map(|by| *byte = byte.wrapping_add_signed(by))
            })?,
            _ => {
                // Tables are made of little-endian words.
                let word: u32 = u.arbitrary()?;
                let at = at & !3;
                if let Some(place) = bytes.get_mut(at..at + 4) {
                    place.copy_from_slice(&word.to_le_bytes());
                }
            }
        }
    }
    if let Some((header, content)) = bytes.split_at_mut_checked(DIGEST.end)
        && let Some(place) = header.get_mut(DIGEST)
    {
        place.copy_from_slice(&Sha256::digest(content));
    }
    Ok(bytes)
}

/// The bundle of some of the world's policies, made once for each choice.
fn sound(choice: u8) -> Vec<u8> {
    thread_local! {
        static MADE: RefCell<BTreeMap<u8, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    }
    // The last policy needs every time zone that there is, which makes its bundles large and this slow: now and then is enough.
    let choice = if choice < 0xf0 {
        choice & 0x1f
    } else {
        choice | 0x20
    };
    MADE.with_borrow_mut(|made| made.entry(choice).or_insert_with(|| make(choice)).clone())
}

fn make(choice: u8) -> Vec<u8> {
    let chosen: Vec<Policy> = world()
        .policies
        .iter()
        .enumerate()
        .filter(|(i, _)| choice >> i & 1 == 1)
        .filter_map(|(_, policy)| Policy::parse(policy).ok())
        .collect();
    let bytes = bundle_of(&chosen);
    let backwards: Vec<Policy> = chosen.into_iter().rev().collect();
    assert_eq!(
        bytes,
        bundle_of(&backwards),
        "the order of policies leaves no trace"
    );
    match Bundle::load(bytes.clone()) {
        Ok(bundle) => assert_eq!(
            (
                bundle.realm(),
                bundle.policy_count(),
                bundle.digest().to_owned()
            ),
            (
                "/",
                backwards.len(),
                hex::encode(bytes.get(DIGEST).unwrap_or_default())
            ),
            "a bundle says what was put in"
        ),
        Err(error) => unreachable!("what is linked can be loaded: {error}"),
    }
    bytes
}

fn requests() -> [Vec<u8>; 3] {
    let subject = json!({
        "principals": ["id=ann,ou=user,dc=example"],
        "groups": ["id=staff,ou=group,dc=example"],
        "session": {"AuthLevel": "1", "AuthType": "DataStore", "Locale": "fr", "authInstant": "2026-03-17T23:00:00Z"},
        "profile": {"cn": ["Ann"], "mail": ["ann@example.com"]},
        "claims": {"role": "admin"},
    });
    let now = 1_773_860_400_000_i64;
    let names = [
        "http://h/a",
        "http://h/a?x=1",
        "http://h/x/b",
        "http://h/s/1",
        "http://h/o/1",
        "https://w.example.com/",
        "urn:x",
    ];
    let few = &names[..2];
    [
        json!({"resources": names, "subject": subject, "now": now, "environment": {"requestIp": ["10.0.0.3"]}, "explain": true}),
        json!({"tree": "http://h/", "subject": subject, "now": now}),
        json!({"resources": few, "now": now, "policySet": "IPLANETAMWEBAGENTSERVICE"}),
    ]
    .map(|request| request.to_string().into_bytes())
}
