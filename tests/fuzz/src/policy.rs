//! Policies: what is accepted compiles, loads, and answers as the reference does; what is refused says where.

use assize_engine::model::Policy;
use assize_engine::{Bundle, answer};
use assize_tests::reference::Reference;
use serde_json::{Value, json};

use crate::answer::well_formed;
use crate::policy_text;
use crate::world::bundle_of;

/// Takes a policy: JSON text where the first byte is a brace, else choices for one that is made up.
pub fn check(data: &[u8]) {
    let policy = if data.first() == Some(&b'{') {
        serde_json::from_slice(data).ok()
    } else {
        policy_text::made_of(data)
    };
    if let Some(policy) = policy {
        accepted(&policy);
    }
}

/// Checks one policy and says whether it is accepted.
pub(crate) fn accepted(written: &Value) -> bool {
    let parsed = match Policy::parse(written) {
        Ok(policy) => policy,
        Err(faults) => {
            assert!(!faults.is_empty(), "a refusal has a reason: {written}");
            for fault in faults {
                // A member that is missing is named too; what should hold it is there.
                let holder = fault.path.rsplit_once('/').map_or("", |(holder, _)| holder);
                assert!(
                    written.pointer(holder).is_some(),
                    "{} leads nowhere in {written}",
                    fault.path
                );
                assert!(
                    !fault.message.is_empty(),
                    "a fault says what is wrong: {written}"
                );
            }
            return false;
        }
    };
    let bytes = bundle_of(std::slice::from_ref(&parsed));
    assert_eq!(
        bytes,
        bundle_of(&[parsed]),
        "the same policy gives the same bytes"
    );
    let Ok(bundle) = Bundle::load(bytes) else {
        unreachable!("what is linked can be loaded: {written}")
    };
    let _ = bundle.required_facts();
    let reference = Reference::new(&json!({ "policies": [written] }));
    for request in requests(written) {
        agree(&bundle, &reference, &request, written);
    }
    true
}

/// Compares the engine with the reference on one request, its outside conditions answered the same way for both: once
/// with a result, once with a failure that is over at once.
pub(crate) fn agree(bundle: &Bundle, reference: &Reference, request: &Value, policies: &Value) {
    let ask = |request: &Value| well_formed(&answer(bundle, request.to_string().as_bytes()));
    let first = ask(request);
    let resolved = json!({ "satisfied": true, "advices": {"A": ["b"]}, "attributes": {}, "ttl": 1_900_000_000_000_i64 });
    let Some(needs) = first.get("needs").and_then(Value::as_array) else {
        let wanted = reference.answer(request, &|_| Some(resolved.clone()));
        return same(&first, &wanted, request, policies);
    };
    for outside in [resolved, json!({ "error": "away", "ttl": 0 })] {
        let externals = needs
            .iter()
            .filter_map(|need| Some((need.get("id")?.as_str()?.to_owned(), outside.clone())));
        let externals = Value::Object(externals.collect());
        let mut again = request.clone();
        if let Some(members) = again.as_object_mut() {
            members.insert("externals".to_owned(), externals);
        }
        let found = ask(&again);
        assert!(
            found.get("needs").is_none(),
            "what was asked for was given: {found}"
        );
        let wanted = reference.answer(request, &|_| Some(outside.clone()));
        same(&found, &wanted, request, policies);
    }
}

fn same(found: &Value, wanted: &Value, request: &Value, policies: &Value) {
    if let Some(code) = found.pointer("/error/code") {
        // A bound is the engine's own business; anything else that it refuses, the reference refuses too.
        let bounded = matches!(code.as_str(), Some("limitExceeded" | "stepsExceeded"));
        assert!(
            bounded || wanted.pointer("/error/code") == Some(code),
            "{request}\nengine {found}\nreference {wanted}"
        );
        return;
    }
    for part in ["decisions", "effects"] {
        assert_eq!(
            found.get(part),
            wanted.get(part),
            "{part} of {request} by {policies}"
        );
    }
}

/// Requests that a policy has something to say about: its own patterns with the wildcards filled in, for several subjects.
fn requests(policy: &Value) -> Vec<Value> {
    let patterns = policy.get("resources").and_then(Value::as_array);
    let names: Vec<String> = patterns
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(8)
        .flat_map(|pattern| {
            let filled = pattern.replace("-*-", "seg").replace('*', "any");
            let emptied = pattern.replace("-*-", "").replace('*', "");
            [filled, emptied]
        })
        .collect();
    let Some(first) = names.first() else {
        return Vec::new();
    };
    let set = policy
        .get("applicationName")
        .and_then(Value::as_str)
        .unwrap_or(crate::world::POLICY_SET);
    let user = json!({
        "principals": ["id=ann,ou=user,dc=example"],
        "groups": ["id=staff,ou=group,dc=example"],
        "session": {"AuthLevel": "2", "AuthType": "DataStore|/a:LDAP", "Service": "MfaTree", "Organization": "dc=a,dc=example", "authInstant": "2026-03-17T23:00:00Z", "Locale": "FR"},
        "clientIp": "10.0.0.7",
        "profile": {"mail": ["ann@example.com"], "cn": ["Ann Lee"], "age": ["7"], "sn": []},
    });
    let token = json!({"claims": {"sub": "ann", "role": ["admin", "user"], "iss": "https://issuer.example.com"}});
    let evening = 1_773_860_400_000_i64;
    vec![
        json!({"policySet": set, "resources": names, "subject": user, "now": evening,
               "environment": {"requestIp": ["10.0.0.3"], "requestDnsName": ["a.example.com"], "scope": ["read write"]}}),
        json!({"policySet": set, "resources": names, "subject": token, "now": 0, "environment": {}}),
        json!({"policySet": set, "resources": names, "now": evening, "timeZone": "America/New_York"}),
        json!({"policySet": set, "tree": first, "subject": user, "now": evening}),
    ]
}
