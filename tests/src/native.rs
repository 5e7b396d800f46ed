//! The engine linked into this process: documents to bundles, requests to answers.

use crate::subject::Subject;
use assize_engine::document::Document;
use assize_engine::model::{Policy, PolicySet, ResourceType};
use assize_engine::{Bundle, CompiledPolicy, Fault, answer, compile_policy, link};
use serde_json::{Value, json};

const DEFAULT_SET: &str = "iPlanetAMWebAgentService";

/// The names of a document's policy sets; the default one always exists.
#[must_use]
pub fn set_names(document: &Value) -> Vec<&str> {
    let listed = document
        .get("applications")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut names: Vec<&str> = listed.filter_map(|a| a.get("name")?.as_str()).collect();
    if !names.iter().any(|n| n.eq_ignore_ascii_case(DEFAULT_SET)) {
        names.push(DEFAULT_SET);
    }
    names
}

/// A document's policies, lowered; or what is wrong with each, its pointer within the document.
///
/// # Errors
/// The faults of every policy that is refused, with the policy's place in the list.
pub fn compile(document: &Value) -> Result<Vec<CompiledPolicy>, Vec<(usize, Fault)>> {
    let mut compiled = Vec::new();
    let mut faults = Vec::new();
    for (n, policy) in document
        .get("policies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        match Policy::parse(policy) {
            Ok(parsed) => compiled.push(compile_policy(&parsed)),
            Err(found) => faults.extend(found.into_iter().map(|f| (n, f))),
        }
    }
    if faults.is_empty() {
        Ok(compiled)
    } else {
        Err(faults)
    }
}

/// The bytes of a document's bundle.
///
/// # Errors
/// As [`compile`].
pub fn bundle_bytes(document: &Value) -> Result<Vec<u8>, Vec<(usize, Fault)>> {
    let realm = document.get("realm").and_then(Value::as_str).unwrap_or("/");
    Ok(link(realm, set_names(document), &compile(document)?))
}

/// The bytes of a document's bundle by way of everything that is checked on import, where the document says what to check against.
///
/// # Errors
/// What is wrong, with its pointer within the document.
pub fn imported(document: &Value) -> Result<Vec<u8>, Vec<String>> {
    let texts = |faults: Vec<Fault>| {
        faults
            .into_iter()
            .map(|f| format!("{}: {}", f.path, f.message))
            .collect::<Vec<_>>()
    };
    if document.get("resourceTypes").is_none() {
        return bundle_bytes(document)
            .map_err(|faults| texts(faults.into_iter().map(|(_, f)| f).collect()));
    }
    let (read, _) = Document::parse(document.to_string().as_bytes()).map_err(texts)?;
    let checked = read.check();
    if checked.faults.is_empty() {
        Ok(checked.bundle())
    } else {
        Err(texts(checked.faults))
    }
}

/// The stored form of a pattern.
///
/// # Errors
/// Why it is refused.
pub fn canonical(pattern: &str) -> Result<String, String> {
    let policy = json!({"name": "p", "active": true, "resources": [pattern], "actionValues": {}});
    let parsed = Policy::parse(&policy).map_err(|faults| {
        faults
            .iter()
            .map(|f| f.message.as_str())
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    parsed
        .resources
        .into_iter()
        .next()
        .ok_or_else(|| "no pattern".to_owned())
}

/// The pointers of what is wrong with a policy, by itself or beside the document's sets and types.
#[must_use]
pub fn faults(document: &Value, policy: &Value) -> Vec<String> {
    let parsed = match Policy::parse(policy) {
        Ok(parsed) => parsed,
        Err(found) => return found.into_iter().map(|f| f.path).collect(),
    };
    let legacy = parsed.check_legacy();
    if !legacy.is_empty() {
        return legacy.into_iter().map(|f| f.path).collect();
    }
    let list = |member| {
        document
            .get(member)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let types: Vec<ResourceType> = list("resourceTypes")
        .filter_map(|t| ResourceType::parse(t).ok())
        .collect();
    let wanted = policy
        .get("applicationName")
        .and_then(Value::as_str)
        .unwrap_or(DEFAULT_SET);
    let mine = list("applications").find(|a| {
        a.get("name")
            .and_then(Value::as_str)
            .is_some_and(|n| n.eq_ignore_ascii_case(wanted))
    });
    match mine.map(PolicySet::parse) {
        Some(Ok(set)) => parsed
            .check_against(&set, &types)
            .into_iter()
            .map(|f| f.path)
            .collect(),
        Some(Err(found)) => found.into_iter().map(|f| f.path).collect(),
        None => Vec::new(),
    }
}

/// The engine as a subject.
#[derive(Default)]
pub struct Native {
    bundle: Option<Bundle>,
}

impl Subject for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn load(&mut self, document: &Value) -> Result<(), String> {
        let bytes = imported(document).map_err(|faults| faults.join("; "))?;
        self.bundle =
            Some(Bundle::load(bytes).map_err(|e| format!("the bundle does not load: {e:?}"))?);
        Ok(())
    }

    fn ask(&mut self, request: &Value) -> Value {
        let Some(bundle) = &self.bundle else {
            return Value::Null;
        };
        let bytes = answer(bundle, request.to_string().as_bytes());
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    }
}
