//! What every answer of the engine must look like.

use serde_json::{Map, Value};

const CODES: [&str; 8] = [
    "badJson",
    "badRequest",
    "badResource",
    "unknownPolicySet",
    "limitExceeded",
    "stepsExceeded",
    "badBundle",
    "noBundle",
];

/// Reads an answer (contract §4) and checks its form.
pub(crate) fn well_formed(answer: &[u8]) -> Value {
    let Ok(value) = serde_json::from_slice::<Value>(answer) else {
        unreachable!("not JSON: {}", String::from_utf8_lossy(answer))
    };
    let kinds = ["decisions", "needs", "error"]
        .iter()
        .filter(|kind| value.get(kind).is_some())
        .count();
    assert_eq!(
        kinds, 1,
        "decisions, needs or error, and one of them: {value}"
    );
    if let Some(error) = value.get("error") {
        let code = error
            .get("code")
            .and_then(Value::as_str)
            .unwrap_or_default();
        assert!(
            CODES.contains(&code),
            "an error of the closed list: {value}"
        );
        let path = error.get("path").and_then(Value::as_str);
        assert!(
            path.is_some_and(|path| path.is_empty() || path.starts_with('/')),
            "a path is a pointer: {value}"
        );
        assert!(
            error.get("message").is_some_and(Value::is_string),
            "an error says what is wrong: {value}"
        );
    }
    for decision in value
        .get("decisions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        decision_is_canonical(decision);
    }
    value
}

/// Checks one decision: its members, and that maps and lists are sorted and without doubles.
pub(crate) fn decision_is_canonical(decision: &Value) {
    assert!(
        decision.get("resource").is_some_and(Value::is_string),
        "a decision names its resource: {decision}"
    );
    let empty = Map::new();
    let map = |name: &str| {
        let found = decision.get(name).and_then(Value::as_object);
        assert!(found.is_some(), "a decision has {name}: {decision}");
        let found = found.unwrap_or(&empty);
        assert!(
            found.keys().is_sorted_by(|a, b| a < b),
            "{name} are sorted: {decision}"
        );
        found
    };
    assert!(
        map("actions").values().all(Value::is_boolean),
        "an action is allowed or denied: {decision}"
    );
    for values in map("attributes").values().chain(map("advices").values()) {
        let texts: Option<Vec<&str>> = values
            .as_array()
            .and_then(|values| values.iter().map(Value::as_str).collect());
        assert!(
            texts.is_some_and(|texts| texts.is_sorted_by(|a, b| a < b)),
            "values are texts, sorted, each once: {decision}"
        );
    }
    let advised = !map("advices").is_empty();
    assert!(
        !advised || map("actions").is_empty(),
        "advices empty the actions: {decision}"
    );
}
