//! Whether a script can be parsed at all.

use serde::Deserialize;

use crate::Runtime;
use crate::instance::{Call, Steps};

/// Where and why a script cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SyntaxError {
    /// From 1; 0 where no place is known.
    pub line: u32,
    /// From 1; 0 where no place is known.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl Runtime {
    /// Parses a script and runs nothing of it. JavaScript's parser stops at the first error.
    ///
    /// # Errors
    /// What is wrong, and where. A script that is too large or too deeply nested to be parsed has no place.
    pub fn check(&self, script: &str) -> Result<(), SyntaxError> {
        #[derive(Deserialize)]
        struct Checked {
            errors: Vec<SyntaxError>,
        }
        let script = script.as_bytes();
        let nowhere = |message: String| SyntaxError {
            line: 0,
            column: 0,
            message,
        };
        let answer = self.call(Call::Check { script }, Steps::All).answer;
        let answer = answer.map_err(|failure| nowhere(failure.to_string()))?;
        let checked: Checked = serde_json::from_slice(&answer)
            .map_err(|error| nowhere(format!("the script engine's answer is no JSON: {error}")))?;
        checked.errors.into_iter().next().map_or(Ok(()), Err)
    }
}
