//! The class `Bundle` for JavaScript, by wasm-bindgen.
//!
//! Text is the fast form, and the only one whose bytes are the same in every runtime. Objects cross the border once per
//! member ([`crate::object`]): whoever has an object and wants speed writes it out with `JSON.stringify` first.

use assize_engine::{AmCall, answer, answer_am, error_answer};
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use crate::{build_id, error, object};

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

    /// The scripts that came along, as JSON text; empty where there are none.
    #[wasm_bindgen(getter)]
    pub fn scripts(&self) -> String {
        self.bundle.scripts().to_owned()
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

    /// Answers an engine request given as an object with an object, errors included. An unlimited `ttl` is `Infinity`.
    ///
    /// # Errors
    /// What the request's own getters throw.
    pub fn evaluate(&self, request: JsValue) -> Result<JsValue, JsValue> {
        let answer = match object::request(request) {
            Ok(request) => answer(&self.bundle, &request),
            Err(error) => error_answer(&error),
        };
        object::answer(&text(answer))
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
