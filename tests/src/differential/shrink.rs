//! Making a difference small, and showing it as a case of the corpus.

use super::compare::{Case, both_of};
use super::keep_policies;
use serde_json::{Value, json};

/// The smallest case found that still differs, as text.
pub(super) fn shown(document: &Value, case: &Case) -> String {
    let (document, case) = smallest(document, case);
    let (ours, theirs) = both_of(&document, &case).unwrap_or_default();
    let expected = ours
        .pointer("/answer/decisions")
        .cloned()
        .unwrap_or_else(|| ours.get("answer").cloned().unwrap_or(Value::Null));
    let policies = document.get("policies").cloned().unwrap_or(Value::Null);
    let applications = document.get("applications").cloned().unwrap_or(Value::Null);
    let row = json!({
        "id": "differential", "document": {"applications": applications, "policies": policies},
        "rows": [{"request": case.request, "answer": expected}],
    });
    format!(
        "{row}\n  reference {ours}\n  engine    {theirs}\n  outside seed {}",
        case.outside
    )
}

fn differs(document: &Value, case: &Case) -> bool {
    both_of(document, case).is_some_and(|(ours, theirs)| ours != theirs)
}

fn smallest(document: &Value, case: &Case) -> (Value, Case) {
    let (mut document, mut case) = (document.clone(), case.clone());
    loop {
        let smaller_document = documents(&document).into_iter().find(|d| differs(d, &case));
        if let Some(found) = smaller_document {
            document = found;
            continue;
        }
        let smaller_request = without_one(&case.request)
            .into_iter()
            .map(|request| Case {
                request,
                ..case.clone()
            })
            .find(|c| differs(&document, c));
        match smaller_request {
            Some(found) => case = found,
            None => return (document, case),
        }
    }
}

/// The document with one policy less, then with one policy made simpler.
fn documents(document: &Value) -> Vec<Value> {
    let count = document
        .get("policies")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let mut out = Vec::new();
    for n in 0..count {
        let mut fewer = document.clone();
        keep_policies(&mut fewer, |at| at != n);
        out.push(fewer);
    }
    for n in 0..count {
        let Some(policy) = document.pointer(&format!("/policies/{n}")) else {
            continue;
        };
        for simpler in policies(policy) {
            let mut changed = document.clone();
            if let Some(place) = changed.pointer_mut(&format!("/policies/{n}")) {
                *place = simpler;
            }
            out.push(changed);
        }
    }
    out
}

fn policies(policy: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    let mut with = |member: &str, value: Option<Value>| {
        let mut changed = policy.clone();
        if let Some(members) = changed.as_object_mut() {
            members.remove(member);
            if let Some(value) = value {
                members.insert(member.to_owned(), value);
            }
        }
        out.push(changed);
    };
    for member in ["resourceAttributes", "condition", "actionValues"] {
        if policy.get(member).is_some() {
            with(member, None);
        }
    }
    let everybody = json!({"type": "NOT", "subject": {"type": "NONE"}});
    if policy.get("subject").is_some_and(|s| *s != everybody) {
        with("subject", Some(everybody));
    }
    for (member, list) in [("condition", "conditions"), ("subject", "subjects")] {
        let Some(tree) = policy.get(member) else {
            continue;
        };
        for child in tree
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .chain(tree.get(member))
        {
            if child.get("type") != Some(&json!("NONE")) {
                with(member, Some(child.clone()));
            }
        }
    }
    for member in ["resources", "resourceAttributes"] {
        for fewer in policy.get(member).map(without_one).unwrap_or_default() {
            with(member, Some(fewer));
        }
    }
    for fewer in policy
        .pointer("/actionValues")
        .map(without_one)
        .unwrap_or_default()
    {
        with("actionValues", Some(fewer));
    }
    out
}

/// The value with one member or element less, at any depth.
fn without_one(value: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name != "now" && name != "resources" && name != "tree" {
                    let mut fewer = members.clone();
                    fewer.remove(name);
                    out.push(Value::Object(fewer));
                }
                for smaller in without_one(member) {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), smaller);
                    out.push(Value::Object(changed));
                }
            }
        }
        Value::Array(list) => {
            for n in 0..list.len() {
                if list.len() > 1 || !list.iter().all(|v| v.is_string()) {
                    let mut fewer = list.clone();
                    fewer.remove(n);
                    out.push(Value::Array(fewer));
                }
                for smaller in list.get(n).map(without_one).unwrap_or_default() {
                    let mut changed = list.clone();
                    if let Some(place) = changed.get_mut(n) {
                        *place = smaller;
                    }
                    out.push(Value::Array(changed));
                }
            }
        }
        _ => {}
    }
    out
}
