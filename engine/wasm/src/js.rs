//! The class `Bundle` for JavaScript, by wasm-bindgen.

use assize_engine::{AmCall, answer, answer_am};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use crate::{build_id, error};

/// The engine's build id: SHA-256 in hex.
#[wasm_bindgen(js_name = buildId)]
pub fn build() -> String {
    build_id::build_id().to_owned()
}

/// The engine's version.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// A loaded, immutable bundle: the only way to a decision. Call `free()` when it is replaced.
#[wasm_bindgen]
pub struct Bundle {
    bundle: assize_engine::Bundle,
}

#[wasm_bindgen]
impl Bundle {
    /// Loads a bundle's bytes under the revision that came with them (a whole number below 2^53).
    ///
    /// # Errors
    /// The bytes are not a bundle that this engine can use: the message is the JSON of a `badBundle` error.
    pub fn load(bytes: Vec<u8>, revision: f64) -> Result<Bundle, JsError> {
        let mut bundle = assize_engine::Bundle::load(bytes)
            .map_err(|error| JsError::new(&text(error::bad_bundle(&error))))?;
        bundle.set_revision(revision as u64);
        Ok(Bundle { bundle })
    }

    /// SHA-256 of the content, in hex.
    #[wasm_bindgen(getter)]
    pub fn digest(&self) -> String {
        self.bundle.digest().to_owned()
    }

    /// The realm whose policies these are.
    #[wasm_bindgen(getter)]
    pub fn realm(&self) -> String {
        self.bundle.realm().to_owned()
    }

    /// The revision given at load.
    #[wasm_bindgen(getter)]
    pub fn revision(&self) -> f64 {
        self.bundle.revision() as f64
    }

    /// Answers an engine request given as JSON text with JSON text: the same bytes in every runtime.
    #[wasm_bindgen(js_name = evaluateText)]
    pub fn evaluate_text(&self, request: &str) -> String {
        text(answer(&self.bundle, request.as_bytes()))
    }

    /// Answers an engine request given as an object with an object. An unlimited `ttl` is `Infinity`.
    ///
    /// # Errors
    /// The request holds something that JSON cannot say, such as a function.
    pub fn evaluate(&self, request: JsValue) -> Result<JsValue, JsError> {
        let request: Value = serde_wasm_bindgen::from_value(request)?;
        let answer = answer(&self.bundle, request.to_string().as_bytes());
        let answer: Value = serde_json::from_slice(&answer)?;
        let plain_objects = serde_wasm_bindgen::Serializer::json_compatible();
        Ok(Answered(&answer).serialize(&plain_objects)?)
    }

    /// Answers AM's evaluate body with AM's array. `context` and `body` are JSON text.
    #[wasm_bindgen(js_name = evaluateAm)]
    pub fn evaluate_am(&self, context: &str, body: &str) -> String {
        self.am(context, body, AmCall::Evaluate)
    }

    /// Answers AM's evaluateTree body with AM's array. `context` and `body` are JSON text.
    #[wasm_bindgen(js_name = evaluateTreeAm)]
    pub fn evaluate_tree_am(&self, context: &str, body: &str) -> String {
        self.am(context, body, AmCall::EvaluateTree)
    }
}

impl Bundle {
    fn am(&self, context: &str, body: &str, call: AmCall) -> String {
        text(answer_am(
            &self.bundle,
            context.as_bytes(),
            body.as_bytes(),
            call,
        ))
    }
}

/// The engine writes UTF-8 only; anything else would come out marked and not as undefined behaviour.
fn text(answer: Vec<u8>) -> String {
    String::from_utf8(answer)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// An answer on its way to JavaScript, whose numbers cannot hold the unlimited `ttl` (2^63 - 1): that becomes
/// `Infinity` (contract §4). Every other number is given as it is.
struct Answered<'a>(&'a Value);

impl Serialize for Answered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) if number.as_i64() == Some(i64::MAX) => {
                serializer.serialize_f64(f64::INFINITY)
            }
            // As a double: a 64-bit integer would become a BigInt or be refused.
            Value::Number(number) => serializer.serialize_f64(number.as_f64().unwrap_or(f64::NAN)),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Answered(item))?;
                }
                list.end()
            }
            Value::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    object.serialize_entry(name, &Answered(value))?;
                }
                object.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}
