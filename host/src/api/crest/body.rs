//! What CREST reads from bodies: an empty one is no JSON at all, and `null` has no members.

use serde_json::{Map, Value};

use super::operation::Operation;
use crate::api::Call;
use crate::api::error::ApiError;
use crate::api::json_body::{self, BodyFault};

impl Call {
    /// The JSON of the body; an empty body is `Value::Null`.
    ///
    /// # Errors
    /// 400 for what is no JSON, and for anything after it.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        if json_body::is_blank(&self.body) {
            return Ok(Value::Null);
        }
        Ok(json_body::parse(&self.body)?)
    }

    /// The members of a body that must be a JSON object; `null` counts as an empty one.
    ///
    /// # Errors
    /// As [`Call::json`], and 400 for an empty body or another type.
    pub(crate) fn members(&self) -> Result<Map<String, Value>, ApiError> {
        if json_body::is_blank(&self.body) {
            return Err(no_content());
        }
        match self.json()? {
            Value::Object(members) => Ok(members),
            Value::Null => Ok(Map::new()),
            _ => Err(BodyFault::NoObject.into()),
        }
    }

    /// What can be said about the body before anybody asks whose it is.
    ///
    /// # Errors
    /// 400 for a body that is not JSON of the kind that the operation takes.
    pub(crate) fn well_formed(&self, operation: &Operation) -> Result<(), ApiError> {
        match operation {
            Operation::Create | Operation::CreateWithId | Operation::Upsert | Operation::Update => {
                self.members().map(drop)
            }
            Operation::Patch => self.check_patch(),
            Operation::Action(_) => self.json().map(drop),
            // Whatever comes with these is not looked at.
            Operation::Read | Operation::Query | Operation::Delete => Ok(()),
        }
    }

    /// Checks the body of a PATCH, which no endpoint carries out.
    ///
    /// # Errors
    /// 400 for what is no JSON patch.
    fn check_patch(&self) -> Result<(), ApiError> {
        const OPERATIONS: [&str; 7] = [
            "add",
            "remove",
            "replace",
            "increment",
            "move",
            "copy",
            "transform",
        ];
        let refused = |what: String| {
            ApiError::bad_request(format!(
                "The request could not be processed because the provided content is {what}"
            ))
        };
        if json_body::is_blank(&self.body) {
            return Err(no_content());
        }
        let parsed = self.json()?;
        let list = parsed
            .as_array()
            .ok_or_else(|| refused("not a JSON array of patch operations".into()))?;
        for item in list {
            let name = item
                .get("operation")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !OPERATIONS.contains(&name) {
                return Err(refused(format!(
                    "not a valid JSON patch: Invalid patch operation type {name}"
                )));
            }
        }
        Ok(())
    }
}

fn no_content() -> ApiError {
    ApiError::bad_request(
        "The request could not be processed because it did not contain any JSON content",
    )
}
