//! One request on both evaluators, answers in a form that can be compared.

use crate::generate;
use crate::reference::{Name, Reference};
use assize_engine::{Bundle, answer};
use serde_json::{Map, Value, json};

/// A request, and the seed of what the outside answers.
#[derive(Clone, Debug)]
pub struct Case {
    /// Contract §3.
    pub request: Value,
    /// Seed of [`generate::outside`].
    pub outside: u64,
}

/// The reference's and the engine's answer, each in comparable form. Questions to the outside are compared too.
#[must_use]
pub fn both(reference: &Reference, bundle: &Bundle, case: &Case) -> (Value, Value) {
    let asked = reference.questions(&case.request);
    let resolve = |question: &Value| Some(generate::outside(case.outside, question));
    let ours = canonical(&reference.answer(&case.request, &resolve));
    let (questions, theirs) = engine(bundle, case);
    let with = |questions: Vec<Value>, answer: Value| {
        let mut texts: Vec<String> = questions.iter().map(|q| normal(q).to_string()).collect();
        texts.sort();
        texts.dedup();
        json!({"asked": texts, "answer": answer})
    };
    (with(asked, ours), with(questions, theirs))
}

/// What the engine asks of the outside, and its answer when that is resolved.
fn engine(bundle: &Bundle, case: &Case) -> (Vec<Value>, Value) {
    let ask = |request: &Value| -> Value {
        serde_json::from_slice(&answer(bundle, request.to_string().as_bytes()))
            .unwrap_or(Value::Null)
    };
    let first = ask(&case.request);
    let Some(needs) = first.get("needs").and_then(Value::as_array) else {
        return (Vec::new(), canonical(&first));
    };
    (needs.clone(), canonical(&ask(&with_externals(case, needs))))
}

/// The request with everything in it that the engine asks of the outside.
#[must_use]
pub(super) fn resolved(bundle: &Bundle, case: &Case) -> Value {
    let first: Value = serde_json::from_slice(&answer(bundle, case.request.to_string().as_bytes()))
        .unwrap_or(Value::Null);
    first
        .get("needs")
        .and_then(Value::as_array)
        .map_or_else(|| case.request.clone(), |needs| with_externals(case, needs))
}

fn with_externals(case: &Case, needs: &[Value]) -> Value {
    let results = needs.iter().filter_map(|n| {
        Some((
            n.get("id")?.as_str()?.to_owned(),
            generate::outside(case.outside, &normal(n)),
        ))
    });
    let externals: Map<String, Value> = results.collect();
    let mut again = case.request.clone();
    if let Some(members) = again.as_object_mut() {
        members.insert("externals".to_owned(), Value::Object(externals));
    }
    again
}

/// The engine's answer alone, in comparable form, what it asks resolved.
#[must_use]
pub(super) fn engine_answer(bundle: &Bundle, case: &Case) -> Value {
    engine(bundle, case).1
}

/// A question without its id, the resource in canonical form.
fn normal(question: &Value) -> Value {
    let mut out = Map::new();
    for member in [
        "type",
        "scriptId",
        "authenticationStrategy",
        "strategySpecifier",
    ] {
        if let Some(value) = question.get(member) {
            out.insert(member.to_owned(), value.clone());
        }
    }
    let resource = question
        .get("resource")
        .and_then(Value::as_str)
        .unwrap_or("");
    out.insert(
        "resource".to_owned(),
        json!(Name::new(resource).map_or_else(|_| resource.to_owned(), |n| n.text)),
    );
    Value::Object(out)
}

/// An answer without what identifies the bundle and without the texts that are free; effects in one order.
#[must_use]
pub fn canonical(answer: &Value) -> Value {
    if let Some(error) = answer.get("error") {
        return json!({"error": error.get("code"), "path": error.get("path")});
    }
    let Some(decisions) = answer.get("decisions") else {
        return answer.clone();
    };
    let mut effects: Vec<String> = answer
        .get("effects")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .collect();
    effects.sort();
    json!({"decisions": decisions, "effects": effects})
}

/// Both answers to a case of a document; none when the document is refused.
#[must_use]
pub(super) fn both_of(document: &Value, case: &Case) -> Option<(Value, Value)> {
    let bundle = Bundle::load(crate::native::bundle_bytes(document).ok()?).ok()?;
    Some(both(&Reference::new(document), &bundle, case))
}
