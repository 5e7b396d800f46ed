//! What a request must look like (contract §3).

use super::refusal;
use serde_json::Value;

/// The error answer to a malformed request.
pub(super) fn check(request: &Value) -> Result<(), Value> {
    let bad = |path: &str| Err(refusal("badRequest", path));
    let Some(members) = request.as_object() else {
        return bad("");
    };
    const KNOWN: [&str; 9] = [
        "policySet",
        "resources",
        "tree",
        "subject",
        "environment",
        "now",
        "timeZone",
        "externals",
        "explain",
    ];
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
    if let Some(environment) = members.get("environment") {
        lists(environment, "/environment")?;
    }
    if let Some(given) = members.get("subject") {
        subject(given)?;
    }
    match members.get("now").and_then(Value::as_i64) {
        None => bad("/now"),
        Some(now) if !is_instant(now) => Err(refusal("limitExceeded", "/now")),
        Some(_) => Ok(()),
    }
}

/// Whether epoch milliseconds are within 100 000 000 days of 1970 (ECMA-262 §21.4.1.1), so that every host can say them.
pub(super) fn is_instant(millis: i64) -> bool {
    (-8_640_000_000_000_000..=8_640_000_000_000_000).contains(&millis)
}

/// An object of lists of texts.
fn lists(value: &Value, path: &str) -> Result<(), Value> {
    let members = value
        .as_object()
        .ok_or_else(|| refusal("badRequest", path))?;
    members.iter().try_for_each(|(name, values)| {
        texts(
            values,
            &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")),
        )
    })
}

fn texts(value: &Value, path: &str) -> Result<(), Value> {
    let items = value
        .as_array()
        .ok_or_else(|| refusal("badRequest", path))?;
    match items.iter().position(|i| !i.is_string()) {
        Some(n) => Err(refusal("badRequest", &format!("{path}/{n}"))),
        None => Ok(()),
    }
}

fn subject(given: &Value) -> Result<(), Value> {
    let members = given
        .as_object()
        .ok_or_else(|| refusal("badRequest", "/subject"))?;
    for (name, value) in members {
        let path = format!("/subject/{name}");
        let bad = || Err(refusal("badRequest", &path));
        match name.as_str() {
            "principals" | "groups" => texts(value, &path)?,
            "profile" | "memberships" => lists(value, &path)?,
            "clientIp" if value.is_string() => {}
            "claims"
                if value.is_object()
                    || value
                        .as_array()
                        .is_some_and(|a| a.iter().all(Value::is_object)) => {}
            "session" => {
                let Some(properties) = value.as_object() else {
                    return bad();
                };
                if let Some((property, _)) = properties.iter().find(|(_, v)| !v.is_string()) {
                    return Err(refusal("badRequest", &format!("{path}/{property}")));
                }
            }
            _ => return bad(),
        }
    }
    Ok(())
}
