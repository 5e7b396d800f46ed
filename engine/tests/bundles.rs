//! Bundles are the same for the same policies, and nothing else that looks like one is taken.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use assize_engine::model::Policy;
use assize_engine::{Bundle, BundleError, CompiledPolicy, answer, compile_policy, digest_of, link};
use serde_json::json;

fn policies(count: usize) -> Vec<CompiledPolicy> {
    let compile = |i: usize| {
        let json = json!({
            "name": format!("p{i}"), "applicationName": if i.is_multiple_of(3) { "a" } else { "B" },
            "resources": [format!("http://h{}.example.com/{i}/*", i % 4), format!("http://*.example.com/*/{i}"), format!("urn:{i}:*")],
            "actionValues": {"GET": i.is_multiple_of(2)},
            "subject": {"type": "OR", "subjects": [{"type": "Identity", "subjectValues": [format!("id=u{i},ou=user,dc=x")]}, {"type": "JwtClaim", "claimName": "role", "claimValue": "r"}]},
            "condition": {"type": "AND", "conditions": [
                {"type": "SimpleTime", "startTime": "09:00", "endTime": "17:00", "enforcementTimeZone": "Europe/Paris"},
                {"type": "LDAPFilter", "ldapFilter": "(&(mail=*)(|(cn=a*b)(!(sn>=5))))"},
                {"type": "ResourceEnvIP", "resourceEnvIPConditionValue": ["IF IP=[10.*] THEN authlevel=2"]},
                {"type": "SessionProperty", "properties": {"x": ["1"], "y": ["2", "3"]}},
            ]},
            "resourceAttributes": [{"type": "Static", "propertyName": "k", "propertyValues": ["v"]}, {"type": "User", "propertyName": "mail"}],
        });
        compile_policy(&Policy::parse(&json).unwrap())
    };
    (0..count).map(compile).collect()
}

#[test]
fn the_same_policies_give_the_same_bytes_in_any_order() {
    let mut policies = policies(50);
    let bytes = link("/r", ["a", "b"], &policies);
    policies.reverse();
    assert_eq!(
        link(
            "/r",
            ["B", "a"].map(|n| if n == "B" { "b" } else { n }),
            &policies
        ),
        bytes
    );
    let bundle = Bundle::load(bytes.clone()).unwrap();
    assert_eq!(bundle.realm(), "/r");
    assert_eq!(bundle.policy_count(), 50);
    assert_eq!(bundle.policy_sets().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(digest_of(&bytes).unwrap(), bundle.digest());
}

#[test]
fn the_facts_that_policies_ask_for_are_named() {
    let facts = Bundle::load(link("/", ["a"], &policies(1)))
        .unwrap()
        .required_facts();
    let list = |set: std::collections::BTreeSet<String>| set.into_iter().collect::<Vec<_>>();
    assert_eq!(list(facts.profile_attributes), ["cn", "mail", "sn", "uid"]);
    assert_eq!(list(facts.claims), ["role"]);
    assert_eq!(list(facts.groups), ["id=u0,ou=user,dc=x"]);
    assert!(facts.environment.contains("IP") && facts.environment.contains("requestIp"));
    assert!(facts.session_properties.contains("x") && facts.session_properties.contains("y"));
    assert!(facts.client_ip && facts.session && !facts.memberships && facts.scripts.is_empty());
}

#[test]
fn a_damaged_bundle_is_an_error() {
    let bytes = link("/", ["a", "b"], &policies(3));
    assert!(matches!(
        Bundle::load(Vec::new()),
        Err(BundleError::NotABundle)
    ));
    for end in 0..bytes.len() {
        assert!(Bundle::load(bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
    let mut other = bytes.clone();
    other[8] = 9;
    assert!(matches!(Bundle::load(other), Err(BundleError::Format(9))));
    let mut other = bytes.clone();
    other[12] = 200;
    assert!(matches!(Bundle::load(other), Err(BundleError::Engine(200))));
    for at in 56..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 0x10;
        assert!(
            matches!(Bundle::load(other), Err(BundleError::Checksum)),
            "byte {at}"
        );
    }
}

/// Seals content as the encoder does, so that the checks behind the checksum are reached.
fn seal(bytes: &mut [u8]) {
    let mix =
        |sum: u64, word: u64| (sum.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut lanes = [1_u64, 2, 3, 4];
    let (head, content) = bytes.split_at_mut(56);
    let mut blocks = content.chunks_exact(32);
    for block in &mut blocks {
        for (lane, part) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane = mix(*lane, u64::from_le_bytes(part.try_into().unwrap()));
        }
    }
    let mut sum = lanes.into_iter().fold(content.len() as u64, mix);
    for &byte in blocks.remainder() {
        sum = mix(sum, u64::from(byte));
    }
    head[48..].copy_from_slice(&(sum ^ sum >> 32).to_le_bytes());
}

#[test]
fn sealed_damage_is_refused_or_harmless() {
    let bytes = link("/", ["a", "b"], &policies(4));
    let request = json!({
        "policySet": "a", "resources": ["http://h0.example.com/0/x", "http://q.example.com/a/3", "urn:0:1", "ftp://x/y"], "now": 1_773_800_000_000_i64,
        "subject": {"session": {"AuthLevel": "3"}, "profile": {"mail": ["m"], "cn": ["axb"]}, "claims": {"role": "r"}},
        "environment": {"requestIp": ["10.1.1.1"]}, "explain": true,
    });
    let tree = json!({"policySet": "b", "tree": "http://h1.example.com/", "now": 0, "subject": {"claims": {"role": "r"}}});
    let (mut refused, mut taken) = (0, 0);
    for at in (56..bytes.len()).step_by(3) {
        for change in [0x01, 0x80, 0xff] {
            let mut other = bytes.clone();
            other[at] ^= change;
            seal(&mut other);
            match Bundle::load(other) {
                Ok(bundle) => {
                    taken += 1;
                    assert!(!answer(&bundle, request.to_string().as_bytes()).is_empty());
                    assert!(!answer(&bundle, tree.to_string().as_bytes()).is_empty());
                    bundle.required_facts();
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        refused > 100 && taken > 100,
        "{refused} refused, {taken} taken"
    );
}

/// Scripts travel under the digest, and change nothing else.
#[test]
fn scripts_come_along() {
    let plain = link("/", ["a", "b"], &policies(3));
    let bundle = Bundle::load(plain.clone()).unwrap();
    assert_eq!(bundle.scripts(), "");
    assert_eq!(bundle.with_scripts(""), plain);
    let scripts = r#"[["id","näme","source"]]"#;
    let bytes = bundle.with_scripts(scripts);
    let with = Bundle::load(bytes.clone()).unwrap();
    assert_eq!(with.scripts(), scripts);
    assert_ne!(with.digest(), bundle.digest());
    assert_eq!(digest_of(&bytes).unwrap(), with.digest());
    assert_eq!(with.with_scripts(""), plain);
    // Not a byte of them can be another one.
    let mut damaged = bytes;
    *damaged.last_mut().unwrap() ^= 1;
    assert!(Bundle::load(damaged).is_err());
}
