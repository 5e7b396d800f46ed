//! The page of callbacks that asks for a name and a password, and the same page filled in.

use serde_json::{Map, Value, json};

use crate::api::error::ApiError;

/// What a request says about who wants in.
pub(super) enum Credentials {
    Given {
        user: String,
        password: String,
    },
    /// Not enough yet; the name where it was given.
    Wanted {
        user: String,
    },
}

/// The page; `user` is filled in already where it is known.
pub(super) fn page(auth_id: &str, user: &str) -> Value {
    let callback = |kind: &str, prompt: &str, input: &str, value: &str| {
        json!({
            "type": kind,
            "output": [{"name": "prompt", "value": prompt}],
            "input": [{"name": input, "value": value}],
        })
    };
    json!({
        "authId": auth_id,
        "template": "",
        "stage": "DataStore1",
        "header": "Sign in",
        "infoText": ["", ""],
        "callbacks": [
            callback("NameCallback", "User Name:", "IDToken1", user),
            callback("PasswordCallback", "Password:", "IDToken2", ""),
        ],
    })
}

/// The credentials in the `callbacks` of a body; only `type` and the `input` values are read. `None` without callbacks.
///
/// # Errors
/// 400 where the callbacks are not those of the page.
pub(super) fn filled_in(body: &Map<String, Value>) -> Result<Option<Credentials>, ApiError> {
    let Some(callbacks) = body.get("callbacks") else {
        return Ok(None);
    };
    let unexpected = |what: &str| ApiError::bad_request(format!("/callbacks{what}"));
    const ON_THE_PAGE: usize = 2;
    let list = callbacks.as_array();
    let list = list
        .filter(|list| list.len() == ON_THE_PAGE)
        .ok_or_else(|| {
            ApiError::bad_request("Incorrect number of callbacks found in JSON response")
        })?;
    let (mut user, mut password) = (String::new(), String::new());
    for (n, callback) in list.iter().enumerate() {
        let value = callback.pointer("/input/0/value").and_then(Value::as_str);
        let value =
            value.ok_or_else(|| unexpected(&format!("/{n}/input/0/value must be a string")))?;
        match callback.get("type").and_then(Value::as_str) {
            Some("NameCallback") => user = value.to_owned(),
            Some("PasswordCallback") => password = value.to_owned(),
            _ => {
                return Err(unexpected(&format!(
                    "/{n}/type must be NameCallback or PasswordCallback"
                )));
            }
        }
    }
    Ok(Some(Credentials::Given { user, password }))
}
