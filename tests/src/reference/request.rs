//! What a request must look like (contract §3).

use super::refusal;
use serde_json::Value;

/// The error answer to a malformed request.
pub(super) fn check(request: &Value) -> Result<(), Value> {
    let bad = |path: &str| Err(refusal("badRequest", path));
    let Some(members) = request.as_object() else {
        return bad("");
    };
    const KNOWN: [&str; 9] = ["policySet", "resources", "tree", "subject", "environment", "now", "timeZone", "externals", "explain"];
    if let Some(unknown) = members.keys().find(|k| !KNOWN.contains(&k.as_str())) {
        return bad(&format!("/{unknown}"));
    }
    match members.get("policySet") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if !name.is_empty() => {}
        Some(_) => return bad("/policySet"),
    }
    match (members.get("resources"), members.get("tree")) {
        (Some(Value::Array(items)), None) if !items.is_empty() => {
            if let Some(n) = items.iter().position(|i| !i.is_string()) {
                return bad(&format!("/resources/{n}"));
            }
        }
        (None, Some(Value::String(root))) if !root.is_empty() => {}
        (None, Some(_)) => return bad("/tree"),
        _ => return bad("/resources"),
    }
    for (key, values) in members.get("environment").and_then(Value::as_object).into_iter().flatten() {
        if !values.as_array().is_some_and(|v| v.iter().all(Value::is_string)) {
            return bad(&format!("/environment/{key}"));
        }
    }
    if members.get("now").and_then(Value::as_i64).is_none() {
        return bad("/now");
    }
    Ok(())
}
