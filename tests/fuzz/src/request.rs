//! Engine requests: any bytes get an answer, always the same one, and a decision is the one that the reference makes.

use assize_engine::answer;
use serde_json::Value;

use crate::answer::well_formed;
use crate::policy::agree;
use crate::world::world;

/// Takes a request as it comes over the wire.
pub fn check(data: &[u8]) {
    let bytes = answer(&world().bundle, data);
    let found = well_formed(&bytes);
    assert_eq!(
        bytes,
        answer(&world().bundle, data),
        "asked twice, answered alike"
    );
    if found.get("error").is_some() {
        return;
    }
    let mut request = match serde_json::from_slice::<Value>(data) {
        Ok(request) => request,
        // A claim may hold a number that no floating point can: JSON all the same (RFC 8259 §6), but not for this reader.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(_) => unreachable!("answered, but not JSON: {}", String::from_utf8_lossy(data)),
    };
    if request.get("now").is_some_and(|now| !now.is_i64()) {
        // `-0` is a whole number for the engine; here it can only be said as floating point.
        return;
    }
    let Some(members) = request.as_object_mut() else {
        unreachable!("answered, but not an object: {request}")
    };
    // Another explanation is not another decision.
    members.insert(
        "explain".to_owned(),
        Value::Bool(found.get("explanation").is_none()),
    );
    let explained = well_formed(&answer(&world().bundle, request.to_string().as_bytes()));
    for part in ["decisions", "effects", "needs"] {
        assert_eq!(
            found.get(part),
            explained.get(part),
            "{part}, explained or not: {request}"
        );
    }
    if let Some(members) = request.as_object_mut() {
        // Whoever has outside results at hand may have them for other questions; the comparison brings its own.
        members.remove("externals");
        members.remove("explain");
    }
    agree(
        &world().bundle,
        &world().reference,
        &request,
        &Value::from("world.json"),
    );
}
