//! The rows of a tree for JavaScript: which of them cover a name.

use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// The rows of an evaluateTree answer. A decision for a name at or beneath the root is the combination of the rows that
/// cover it (DESIGN ruling B24); the package's `tree.decide` combines them.
#[wasm_bindgen]
pub struct TreeRows {
    rows: assize_engine::resource::TreeRows,
}

#[wasm_bindgen]
impl TreeRows {
    /// The tree of a root, with the root's own row.
    ///
    /// # Errors
    /// The root is not a resource name.
    #[wasm_bindgen(constructor)]
    pub fn new(root: &str) -> Result<TreeRows, JsError> {
        let rows = assize_engine::resource::TreeRows::new(root).map_err(|e| refused(root, &e))?;
        Ok(TreeRows { rows })
    }

    /// Adds the next row by its pattern.
    ///
    /// # Errors
    /// The text is no pattern.
    pub fn add(&mut self, pattern: &str) -> Result<(), JsError> {
        self.rows.add(pattern).map_err(|e| refused(pattern, &e))
    }

    /// The places of the rows that cover a name, the root's row being 0; undefined for a name that is not at or beneath
    /// the root.
    ///
    /// # Errors
    /// The text is not a resource name.
    pub fn covering(&self, name: &str) -> Result<Option<Vec<u32>>, JsError> {
        self.rows.covering(name).map_err(|e| refused(name, &e))
    }
}

fn refused(name: &str, why: &dyn std::fmt::Display) -> JsError {
    JsError::new(&format!("`{name}`: {why}"))
}
