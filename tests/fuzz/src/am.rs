//! AM's own body beside a context: any bytes get an answer, and it is the one that the same request gets in our own form.

use assize_engine::{AmCall, answer, answer_am};
use serde_json::{Map, Value};

use crate::answer::{decision_is_canonical, well_formed};
use crate::world::world;

/// Takes two lines: the context, and the body as a client sent it.
pub fn check(data: &[u8]) {
    let middle = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (context, body) = data.split_at(middle);
    let body = body.get(1..).unwrap_or_default();
    for call in [AmCall::Evaluate, AmCall::EvaluateTree] {
        let bytes = answer_am(&world().bundle, context, body, call);
        assert_eq!(
            bytes,
            answer_am(&world().bundle, context, body, call),
            "asked twice, answered alike"
        );
        let decisions = match bytes.first() {
            Some(b'[') => serde_json::from_slice(&bytes).ok(),
            _ => well_formed(&bytes).get("decisions").cloned(),
        };
        let Some(decisions) = decisions else { continue };
        for decision in decisions.as_array().into_iter().flatten() {
            decision_is_canonical(decision);
        }
        if [context, body].into_iter().any(holds_too_large_a_number) {
            continue;
        }
        let Some(request) = composed(context, body, call) else {
            unreachable!(
                "answered, but not two objects: {}",
                String::from_utf8_lossy(data)
            )
        };
        if decisions.pointer("/0/ttl").is_some() {
            let direct = well_formed(&answer(&world().bundle, request.to_string().as_bytes()));
            assert_eq!(
                direct.get("decisions"),
                Some(&decisions),
                "both ways of asking: {request}"
            );
        }
    }
}

/// Whether a text is JSON but for a number beyond an `f64`'s range: serde_json refuses that, and the engine, which
/// computes with no number that is not whole, takes it.
fn holds_too_large_a_number(text: &[u8]) -> bool {
    let refused = serde_json::from_slice::<Value>(text).err();
    refused.is_some_and(|error| error.to_string().starts_with("number out of range"))
}

/// The request of contract §3 that says the same as a context and a body.
fn composed(context: &[u8], body: &[u8], call: AmCall) -> Option<Value> {
    let mut request: Map<String, Value> = serde_json::from_slice(context).ok()?;
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    request.remove("resourceVersion");
    for (theirs, ours) in [("application", "policySet"), ("environment", "environment")] {
        if let Some(value) = body.get(theirs).filter(|value| !value.is_null()) {
            request.insert(ours.to_owned(), value.clone());
        }
    }
    let (theirs, ours) = match call {
        AmCall::Evaluate => ("resources", "resources"),
        AmCall::EvaluateTree => ("resource", "tree"),
    };
    request.insert(ours.to_owned(), body.get(theirs)?.clone());
    Some(request.into())
}
