//! The form in which subjects, conditions and response attributes of policies are kept and shown: AM's, whatever of the
//! accepted spellings they came in. Only what has passed the engine's checks comes here.

use serde_json::{Map, Value, json};

/// Members that AM's console once sent along, and that mean nothing.
const PLUMBING: [&str; 2] = ["state", "displayType"];

/// A condition as AM shows it.
pub(super) fn condition(json: &Value) -> Value {
    let Some(source) = json.as_object() else {
        return json.clone();
    };
    let kind = source
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut shown = start(kind);
    let given = |name: &str| source.get(name).filter(|value| !value.is_null());
    match kind {
        "AND" | "OR" | "NOT" => {
            let children = given("conditions").map(|list| each(Some(list), condition));
            put(&mut shown, "conditions", children);
            put(&mut shown, "condition", given("condition").map(condition));
            put(&mut shown, "name", given("name").cloned());
        }
        "AuthLevel" | "LEAuthLevel" => {
            put(&mut shown, "authLevel", given("authLevel").map(integer))
        }
        "AuthScheme" => {
            put(
                &mut shown,
                "authScheme",
                Some(distinct(given("authScheme"))),
            );
            put(
                &mut shown,
                "applicationIdleTimeout",
                given("applicationIdleTimeout").map(integer),
            );
            put(
                &mut shown,
                "applicationName",
                given("applicationName")
                    .filter(|name| name.as_str().is_none_or(|name| !name.trim().is_empty()))
                    .cloned(),
            );
        }
        "AMIdentityMembership" => {
            put(
                &mut shown,
                "amIdentityName",
                Some(distinct(
                    given("amIdentityName").or(given("amIdentityNames")),
                )),
            );
        }
        "IPv4" | "IPv6" => {
            for name in ["startIp", "endIp"] {
                put(&mut shown, name, given(name).cloned());
            }
            put(&mut shown, "ipRange", Some(ranges(given("ipRange"))));
            let lower =
                |name: &Value| Value::from(name.as_str().unwrap_or_default().to_lowercase());
            put(&mut shown, "dnsName", Some(each(given("dnsName"), lower)));
        }
        "OAuth2Scope" => put(
            &mut shown,
            "requiredScopes",
            Some(distinct(given("requiredScopes"))),
        ),
        "Session" => {
            put(
                &mut shown,
                "maxSessionTime",
                given("maxSessionTime").map(integer),
            );
            put(
                &mut shown,
                "terminateSession",
                Some(given("terminateSession").cloned().unwrap_or(false.into())),
            );
        }
        "SessionProperty" => {
            put(
                &mut shown,
                "ignoreValueCase",
                Some(given("ignoreValueCase").cloned().unwrap_or(true.into())),
            );
            let properties = given("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            let properties =
                properties.map(|(name, values)| (name.clone(), distinct(Some(values))));
            put(
                &mut shown,
                "properties",
                Some(properties.collect::<Map<_, _>>().into()),
            );
        }
        _ => others(&mut shown, source),
    }
    Value::Object(shown)
}

/// A subject as AM shows it.
pub(super) fn subject(json: &Value) -> Value {
    let Some(source) = json.as_object() else {
        return json.clone();
    };
    let kind = source
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut shown = start(kind);
    let given = |name: &str| source.get(name).filter(|value| !value.is_null());
    match kind {
        "AND" | "OR" | "NOT" => {
            let children = given("subjects").map(|list| each(Some(list), subject));
            put(&mut shown, "subjects", children);
            put(&mut shown, "subject", given("subject").map(subject));
            put(&mut shown, "subjectName", given("subjectName").cloned());
        }
        "Identity" => put(
            &mut shown,
            "subjectValues",
            Some(distinct(given("subjectValues"))),
        ),
        _ => others(&mut shown, source),
    }
    Value::Object(shown)
}

/// Response attributes as AM shows them: each once, each with its values.
pub(super) fn attributes(json: &Value) -> Value {
    let shown = each(Some(json), |attribute| {
        json!({
            "type": attribute.get("type"),
            "propertyName": attribute.get("propertyName"),
            "propertyValues": distinct(attribute.get("propertyValues")),
        })
    });
    distinct(Some(&shown))
}

fn start(kind: &str) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), Value::from(kind))])
}

fn put(shown: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    shown.extend(value.map(|value| (name.to_owned(), value)));
}

/// All members that say something.
fn others(shown: &mut Map<String, Value>, source: &Map<String, Value>) {
    let kept = source.iter().filter(|(name, value)| {
        // AM drops empty dates and keeps other empty texts.
        let empty_date = name.ends_with("Date") && **value == "";
        !value.is_null() && !empty_date && !PLUMBING.contains(&name.as_str())
    });
    for (name, value) in kept {
        shown.insert(name.clone(), value.clone());
    }
}

fn each(value: Option<&Value>, shape: impl Fn(&Value) -> Value) -> Value {
    Value::Array(
        value
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(shape)
            .collect(),
    )
}

/// Items in their order, each once.
fn distinct(value: Option<&Value>) -> Value {
    let mut items: Vec<Value> = Vec::new();
    for item in value.and_then(Value::as_array).into_iter().flatten() {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    Value::Array(items)
}

/// A whole number that may have come as text.
fn integer(value: &Value) -> Value {
    let number = value
        .as_str()
        .and_then(|text| text.trim().parse::<i64>().ok());
    number.map_or_else(|| value.clone(), Value::from)
}

/// A list made wholly of `a-b` ranges is shown as its ends one after the other (ruling C10); any other as it is.
fn ranges(value: Option<&Value>) -> Value {
    let items: Vec<&str> = value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let pairs: Option<Vec<(&str, &str)>> = items.iter().map(|item| item.split_once('-')).collect();
    match pairs {
        Some(pairs) => pairs
            .into_iter()
            .flat_map(|(from, to)| [from.trim(), to.trim()])
            .collect(),
        None => items.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_come_out_as_ams() {
        for (given, shown) in [
            (
                json!({"type": "AuthLevel", "authLevel": "2", "state": "{}"}),
                json!({"type": "AuthLevel", "authLevel": 2}),
            ),
            (
                json!({"type": "NOT", "condition": {"type": "IPv4", "ipRange": ["10.0.0.1-10.0.0.5"], "dnsName": ["A.b"]}}),
                json!({"type": "NOT", "condition": {"type": "IPv4", "ipRange": ["10.0.0.1", "10.0.0.5"], "dnsName": ["a.b"]}}),
            ),
            (
                json!({"type": "Session", "maxSessionTime": "10"}),
                json!({"type": "Session", "maxSessionTime": 10, "terminateSession": false}),
            ),
            (
                json!({"type": "SessionProperty", "properties": {"a": ["x", "x"]}}),
                json!({"type": "SessionProperty", "ignoreValueCase": true, "properties": {"a": ["x"]}}),
            ),
            (
                json!({"type": "SimpleTime", "startTime": "09:00", "endTime": "17:00", "startDate": "", "endDate": null}),
                json!({"type": "SimpleTime", "startTime": "09:00", "endTime": "17:00"}),
            ),
        ] {
            assert_eq!(condition(&given), shown);
        }
        assert_eq!(
            subject(&json!({"type": "Identity"})),
            json!({"type": "Identity", "subjectValues": []})
        );
        assert_eq!(
            attributes(
                &json!([{"type": "Static", "propertyName": "x"}, {"type": "Static", "propertyName": "x"}])
            ),
            json!([{"type": "Static", "propertyName": "x", "propertyValues": []}])
        );
    }
}
