//! Scripts: AM's JSON → checked → stored, and back (`conditions.md` §5.2 of the specification of AM).

use assize_engine::{Fault, FaultCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Members, add_stamp, given, members, script_text};
use crate::limits::SCRIPT_BYTES;
use crate::store::{Draft, Kind, Object};

const LANGUAGES: [&str; 2] = ["JAVASCRIPT", "GROOVY"];

/// What scripts of AM are for. Only those of policy conditions are ever run here; the others are kept, so that what
/// came from AM can go back to it.
const CONTEXTS: [&str; 21] = [
    "POLICY_CONDITION",
    "POLICY_CONDITION_NEXT_GEN",
    "AUTHENTICATION_SERVER_SIDE",
    "AUTHENTICATION_CLIENT_SIDE",
    "AUTHENTICATION_TREE_DECISION_NODE",
    "SCRIPTED_DECISION_NODE",
    "CONFIG_PROVIDER_NODE",
    "DEVICE_MATCH_NODE",
    "LIBRARY",
    "OAUTH2_ACCESS_TOKEN_MODIFICATION",
    "OAUTH2_AUTHORIZE_ENDPOINT_DATA_PROVIDER",
    "OAUTH2_EVALUATE_SCOPE",
    "OAUTH2_MAY_ACT",
    "OAUTH2_VALIDATE_SCOPE",
    "OIDC_CLAIMS",
    "SAML2_IDP_ADAPTER",
    "SAML2_IDP_ATTRIBUTE_MAPPER",
    "SAML2_NAMEID_MAPPER",
    "SAML2_SP_ADAPTER",
    "SAML2_SP_ACCOUNT_MAPPER",
    "SOCIAL_IDP_PROFILE_TRANSFORMATION",
];

/// A script that may be stored.
pub(crate) struct Script {
    pub(crate) id: String,
    pub(crate) name: String,
    kept: Members,
}

/// Reads a script. `id` is used as it is.
///
/// # Errors
/// Everything that is wrong with it, each with the path of its member: name, script, language or context missing or of
/// another type, source that is no Base64 of UTF-8 or too long, a language or context that nobody knows.
pub(crate) fn check(json: &Members, id: &str) -> Result<Script, Vec<Fault>> {
    let mut faults = Vec::new();
    let name = text(json, "name", &mut faults);
    let script = source(json, &mut faults);
    let language = one_of(json, "language", &LANGUAGES, &mut faults);
    let context = one_of(json, "context", &CONTEXTS, &mut faults);
    let description = optional(json, "description", &mut faults);
    let evaluator = optional(json, "evaluatorVersion", &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut kept = Members::new();
    kept.insert("name".into(), name.as_str().into());
    kept.insert("description".into(), description);
    kept.insert("script".into(), script.into());
    kept.insert("default".into(), false.into());
    kept.insert("language".into(), language.into());
    kept.insert("context".into(), context.into());
    let evaluator = if evaluator.is_null() {
        "1.0".into()
    } else {
        evaluator
    };
    kept.insert("evaluatorVersion".into(), evaluator);
    Ok(Script {
        id: id.to_owned(),
        name,
        kept,
    })
}

/// The source in clear and the language of a script that is only looked at.
///
/// # Errors
/// What is wrong with either, with the path of its member.
pub(crate) fn source_and_language(json: &Members) -> Result<(String, String), Vec<Fault>> {
    let mut faults = Vec::new();
    let encoded = source(json, &mut faults);
    let language = one_of(json, "language", &LANGUAGES, &mut faults);
    if faults.is_empty() {
        Ok((decoded(&encoded).unwrap_or_default(), language))
    } else {
        Err(faults)
    }
}

impl Script {
    /// The members as they are kept.
    pub(crate) fn members(&self) -> &Members {
        &self.kept
    }

    /// The document to be stored.
    pub(crate) fn draft(self, realm_key: &str) -> Draft {
        Draft {
            kind: Kind::Script,
            realm: realm_key.to_owned(),
            key: self.id.to_lowercase(),
            name_key: self.name.to_lowercase(),
            name: self.id,
            owner: String::new(),
            body: Value::Object(self.kept).to_string(),
            secret: None,
            members: Vec::new(),
            stamp: None,
        }
    }
}

/// A stored script as AM shows it, without `_id` and `_rev`.
pub(crate) fn shown(object: &Object) -> Members {
    let mut shown = members(object);
    add_stamp(&mut shown, &object.stamp);
    // AM lists who and when before the version of the evaluator.
    if let Some(evaluator) = shown.shift_remove("evaluatorVersion") {
        shown.insert("evaluatorVersion".into(), evaluator);
    }
    shown
}

/// The source as Base64: as it was sent, or joined from the lines that frodo's files hold.
fn source(json: &Members, faults: &mut Vec<Fault>) -> String {
    let given = json.get("script");
    let joined = given.and_then(script_text::base64);
    let source = match joined.as_ref().or(given) {
        Some(Value::String(encoded)) if !encoded.is_empty() => decoded(encoded),
        _ => Err("must be the source, as Base64 of UTF-8 text"),
    };
    match source {
        Ok(source) if source.len() > SCRIPT_BYTES => {
            faults.push(fault(
                "script",
                &format!("is longer than {SCRIPT_BYTES} bytes"),
            ));
            String::new()
        }
        Ok(source) => STANDARD.encode(source),
        Err(what) => {
            faults.push(fault("script", what));
            String::new()
        }
    }
}

fn decoded(encoded: &str) -> Result<String, &'static str> {
    let bytes = STANDARD.decode(encoded).map_err(|_| "must be Base64")?;
    String::from_utf8(bytes).map_err(|_| "must be Base64 of UTF-8 text")
}

fn text(json: &Members, name: &str, faults: &mut Vec<Fault>) -> String {
    match json.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => text.clone(),
        _ => {
            faults.push(fault(name, "must be a string that is not empty"));
            String::new()
        }
    }
}

fn one_of(json: &Members, name: &str, known: &[&str], faults: &mut Vec<Fault>) -> String {
    let given = json.get(name).and_then(Value::as_str).unwrap_or_default();
    let upper = given.to_uppercase();
    if known.contains(&upper.as_str()) {
        return upper;
    }
    faults.push(fault(name, &format!("must be one of {}", known.join(", "))));
    String::new()
}

fn optional(json: &Members, name: &str, faults: &mut Vec<Fault>) -> Value {
    match given(json, name) {
        None => Value::Null,
        Some(Value::String(text)) => text.as_str().into(),
        Some(_) => {
            faults.push(fault(name, "must be a string"));
            Value::Null
        }
    }
}

fn fault(name: &str, what: &str) -> Fault {
    Fault {
        code: FaultCode::Invalid,
        path: format!("/{name}"),
        message: format!("Invalid value {name}: {what}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use serde_json::json;

    use super::*;

    fn members(json: Value) -> Members {
        json.as_object().unwrap().clone()
    }

    fn with(name: &str, value: Value) -> Members {
        let mut json = members(json!({
            "name": "gate", "script": "YXV0aG9yaXplZD10cnVl", "language": "javascript", "context": "POLICY_CONDITION",
        }));
        json.insert(name.to_owned(), value);
        json
    }

    #[test]
    fn what_is_kept() {
        let script = check(&with("description", json!("d")), "Id-1").unwrap();
        assert_eq!(
            Value::Object(script.kept.clone()),
            json!({
                "name": "gate", "description": "d", "script": "YXV0aG9yaXplZD10cnVl", "default": false,
                "language": "JAVASCRIPT", "context": "POLICY_CONDITION", "evaluatorVersion": "1.0",
            })
        );
        let draft = script.draft("/a");
        assert_eq!((draft.key.as_str(), draft.name.as_str()), ("id-1", "Id-1"));
        let lines = check(&with("script", json!(["a", "b"])), "x").unwrap();
        assert_eq!(lines.kept["script"], STANDARD.encode("a\nb"));
    }

    #[test]
    fn what_is_refused() {
        let longest = STANDARD.encode("x".repeat(SCRIPT_BYTES));
        assert!(check(&with("script", longest.into()), "x").is_ok());
        let too_long = STANDARD.encode("x".repeat(SCRIPT_BYTES + 1));
        for (name, value) in [
            ("name", Value::Null),
            ("name", json!(" ")),
            ("script", json!("%%")),
            ("script", json!("gICA")),
            ("script", json!([1])),
            ("script", too_long.into()),
            ("language", json!("BASIC")),
            ("context", json!(1)),
            ("description", json!(1)),
            ("evaluatorVersion", json!(2)),
        ] {
            let faults = check(&with(name, value.clone()), "x").err().unwrap();
            assert_eq!(faults[0].path, format!("/{name}"), "{value}");
        }
    }
}
