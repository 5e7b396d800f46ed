//! Scripts: AM's JSON → checked → stored, and back (`conditions.md` §5.2 of the specification of AM).

use assize_engine::{Fault, FaultCode};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::Value;

use super::{Members, add_stamp, given, members, script_text};
use crate::limits::SCRIPT_BYTES;
use crate::store::{Draft, Kind, Object};

/// The unused bits of the last character may hold anything, as Java's decoder has it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

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
/// Everything that is wrong with it, each with the path of its member and in AM's words and order: first what cannot be
/// read (source that is no Base64 of UTF-8 or too long, a language or context that nobody knows, other types), then what
/// is missing.
pub(crate) fn check(json: &Members, id: &str) -> Result<Script, Vec<Fault>> {
    let mut faults = Faults::default();
    let name = name(json, &mut faults);
    let script = source(json, &mut faults);
    let language = language(json, &mut faults);
    let context = context(json, &mut faults);
    let description = optional(json, "description", &mut faults);
    let evaluator = optional(json, "evaluatorVersion", &mut faults);
    faults.or(())?;
    let mut kept = Members::new();
    kept.insert("name".into(), name.as_str().into());
    kept.insert("description".into(), description);
    kept.insert("script".into(), script.into());
    kept.insert("default".into(), false.into());
    kept.insert("language".into(), language.into());
    kept.insert("context".into(), context.into());
    if !evaluator.is_null() {
        kept.insert("evaluatorVersion".into(), evaluator);
    }
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
    let mut faults = Faults::default();
    let language = match json.get("language") {
        // AM says here that null is no language, where it creates a script that one is missing.
        None | Some(Value::Null) => {
            faults.unreadable("language", unsupported("null"));
            String::new()
        }
        Some(_) => language(json, &mut faults),
    };
    let encoded = source(json, &mut faults);
    faults.or((decoded(&encoded).unwrap_or_default(), language))
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

/// A stored script as AM shows it, without `_rev`. Its `_id` is a member like others, so that protocol 1 shows it too.
pub(crate) fn shown(object: &Object) -> Members {
    let mut shown = Members::new();
    shown.insert("_id".into(), object.name.as_str().into());
    shown.extend(members(object));
    add_stamp(&mut shown, &object.stamp);
    // AM lists who and when before the version of the evaluator.
    if let Some(evaluator) = shown.shift_remove("evaluatorVersion") {
        shown.insert("evaluatorVersion".into(), evaluator);
    }
    shown
}

/// The source in clear of a stored script; empty where it cannot be read.
pub(crate) fn text(script: &Members) -> String {
    let encoded = script.get("script").and_then(Value::as_str);
    encoded
        .and_then(|encoded| decoded(encoded).ok())
        .unwrap_or_default()
}

/// What is wrong with a script. AM looks at what is there before it says what is missing.
#[derive(Default)]
struct Faults {
    unreadable: Vec<Fault>,
    missing: Vec<Fault>,
}

impl Faults {
    fn unreadable(&mut self, name: &str, message: String) {
        self.unreadable.push(fault(name, message));
    }

    fn missing(&mut self, name: &str, message: &str) {
        self.missing.push(fault(name, message.to_owned()));
    }

    /// `value`, if nothing is wrong.
    fn or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        let all = [self.unreadable, self.missing].concat();
        if all.is_empty() { Ok(value) } else { Err(all) }
    }
}

/// The source as Base64: as it was sent, or joined from the lines that frodo's files hold.
fn source(json: &Members, faults: &mut Faults) -> String {
    let given = json.get("script");
    let joined = given.and_then(script_text::base64);
    let source = match joined.as_ref().or(given) {
        None | Some(Value::Null) => {
            faults.missing("script", "A script must be specified");
            return String::new();
        }
        Some(Value::String(encoded)) => decoded(encoded),
        Some(_) => Err(invalid(
            "script",
            "must be the source, as Base64 of UTF-8 text",
        )),
    };
    match source {
        Ok(source) if source.len() > SCRIPT_BYTES => faults.unreadable(
            "script",
            invalid("script", &format!("is longer than {SCRIPT_BYTES} bytes")),
        ),
        Ok(source) => return STANDARD.encode(source),
        Err(what) => faults.unreadable("script", what),
    }
    String::new()
}

/// Base64 as MIME has it (RFC 2045 §6.8), so that lines may be broken: other programs write it so.
fn decoded(encoded: &str) -> Result<String, String> {
    let encoded: String = encoded
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    let bytes = LENIENT
        .decode(encoded)
        .map_err(|_| "Failed to decode UTF-8 encoded script".to_owned())?;
    String::from_utf8(bytes).map_err(|_| invalid("script", "must be Base64 of UTF-8 text"))
}

fn name(json: &Members, faults: &mut Faults) -> String {
    match json.get("name") {
        Some(Value::String(text)) if !text.trim().is_empty() => return text.clone(),
        None | Some(Value::Null | Value::String(_)) => {
            faults.missing("name", "Script name must be specified");
        }
        Some(_) => faults.unreadable("name", invalid("name", "must be a string")),
    }
    String::new()
}

fn language(json: &Members, faults: &mut Faults) -> String {
    let missing = "Scripting language must be specified";
    one_of(json, "language", &LANGUAGES, missing, unsupported, faults)
}

fn unsupported(language: &str) -> String {
    format!("Scripting language not supported: {language}")
}

fn context(json: &Members, faults: &mut Faults) -> String {
    let missing = "Script type must be specified";
    let unknown = |context: &str| format!("Script type not recognised: {context}");
    one_of(json, "context", &CONTEXTS, missing, unknown, faults)
}

fn one_of(
    json: &Members,
    name: &str,
    known: &[&str],
    missing: &str,
    unknown: impl Fn(&str) -> String,
    faults: &mut Faults,
) -> String {
    match json.get(name) {
        None | Some(Value::Null) => faults.missing(name, missing),
        Some(Value::String(given)) => {
            let upper = given.to_uppercase();
            if known.contains(&upper.as_str()) {
                return upper;
            }
            faults.unreadable(name, unknown(given));
        }
        Some(_) => {
            let what = format!("must be one of {}", known.join(", "));
            faults.unreadable(name, invalid(name, &what));
        }
    }
    String::new()
}

fn optional(json: &Members, name: &str, faults: &mut Faults) -> Value {
    match given(json, name) {
        None => Value::Null,
        Some(Value::String(text)) => text.as_str().into(),
        Some(_) => {
            faults.unreadable(name, invalid(name, "must be a string"));
            Value::Null
        }
    }
}

fn invalid(name: &str, what: &str) -> String {
    format!("Invalid value {name}: {what}")
}

fn fault(name: &str, message: String) -> Fault {
    Fault {
        code: FaultCode::Invalid,
        path: format!("/{name}"),
        message,
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
                "language": "JAVASCRIPT", "context": "POLICY_CONDITION",
            })
        );
        let draft = script.draft("/a");
        assert_eq!((draft.key.as_str(), draft.name.as_str()), ("id-1", "Id-1"));
        let lines = check(&with("script", json!(["a", "b"])), "x").unwrap();
        assert_eq!(lines.kept["script"], STANDARD.encode("a\nb"));
        for (sent, kept) in [("", ""), ("YW\r\nJj\n", "YWJj"), ("YR==", "YQ==")] {
            assert_eq!(
                check(&with("script", sent.into()), "x").unwrap().kept["script"],
                kept
            );
        }
        let newer = check(&with("evaluatorVersion", json!("2.0")), "x").unwrap();
        assert_eq!(newer.kept["evaluatorVersion"], "2.0");
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
            ("script", json!("YQ")),
            ("script", Value::Null),
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
