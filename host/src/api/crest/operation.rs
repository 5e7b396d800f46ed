//! Which operation an HTTP request is, and the checks that come before anybody asks who calls.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

use super::filter::Filter;
use super::parameters::Parameters;
use super::version::{Requested, Version};
use crate::api::error::ApiError;

/// What a request wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Query,
    /// By POST: the body or the server chooses the id.
    Create,
    /// By PUT with `If-None-Match: *`.
    CreateWithId,
    /// By PUT without a precondition: creates, or updates what is there.
    Upsert,
    Update,
    Patch,
    Delete,
    Action(String),
}

/// Reads the operation of a request.
///
/// # Errors
/// 400, 409, 412 and 501 as CREST has them: headers and parameters that do not go with the operation.
pub(crate) fn of(
    method: &Method,
    headers: &HeaderMap,
    parameters: &Parameters,
    requested: &Requested,
) -> Result<Operation, ApiError> {
    for (header, name) in [
        ("if-modified-since", "If-Modified-Since"),
        ("if-unmodified-since", "If-Unmodified-Since"),
    ] {
        if headers.contains_key(header) {
            return Err(ApiError::conflict(format!("Header {name} not supported")));
        }
    }
    let method = match headers.get("x-http-method-override") {
        Some(other) if method == Method::POST => Method::from_bytes(other.as_bytes())
            .map_err(|_| not_supported(&String::from_utf8_lossy(other.as_bytes())))?,
        _ => method.clone(),
    };
    let operation = match method {
        Method::GET => get(headers, parameters)?,
        Method::POST => post(headers, parameters, requested)?,
        Method::PUT => put(headers, requested)?,
        Method::PATCH if headers.contains_key("if-none-match") => {
            return Err(precondition(
                "Use of If-None-Match not supported for PATCH requests",
            ));
        }
        Method::PATCH => Operation::Patch,
        Method::DELETE if headers.contains_key("if-none-match") => {
            return Err(precondition(
                "If-None-Match not supported for DELETE requests",
            ));
        }
        Method::DELETE => Operation::Delete,
        other => return Err(not_supported(other.as_str())),
    };
    recognised(&operation, parameters)?;
    if operation == Operation::Query {
        well_formed_query(parameters)?;
    }
    if method != Method::GET {
        content_type(headers, &operation)?;
    }
    Ok(operation)
}

fn get(headers: &HeaderMap, parameters: &Parameters) -> Result<Operation, ApiError> {
    if headers.contains_key("if-match") {
        return Err(precondition("If-Match not supported for GET requests"));
    }
    let kinds: Vec<&str> = ["_queryId", "_queryFilter", "_queryExpression"]
        .into_iter()
        .filter(|name| parameters.first(name).is_some())
        .collect();
    match kinds.as_slice() {
        [] if headers.get("if-none-match").is_some_and(|v| v == "*") => Err(precondition(
            "If-None-Match * not appropriate for GET requests",
        )),
        [] => Ok(Operation::Read),
        [_] if headers.contains_key("if-none-match") => {
            Err(precondition("If-None-Match not supported for GET requests"))
        }
        [_] => Ok(Operation::Query),
        [first, second, ..] => Err(ApiError::bad_request(format!(
            "The parameters {first} and {second} are mutually exclusive"
        ))),
    }
}

fn post(
    headers: &HeaderMap,
    parameters: &Parameters,
    requested: &Requested,
) -> Result<Operation, ApiError> {
    for (header, name) in [("if-match", "If-Match"), ("if-none-match", "If-None-Match")] {
        if headers.contains_key(header) {
            return Err(precondition(&format!(
                "{name} not supported for POST requests"
            )));
        }
    }
    match parameters.single("_action")? {
        Some(action) if action.eq_ignore_ascii_case("create") => Ok(Operation::Create),
        Some(action) => Ok(Operation::Action(action.to_owned())),
        None if requested.protocol >= Version(2, 1) => Ok(Operation::Create),
        None => Err(ApiError::bad_request(
            "No values provided for the request parameter '_action'",
        )),
    }
}

fn put(headers: &HeaderMap, requested: &Requested) -> Result<Operation, ApiError> {
    match (headers.get("if-match"), headers.get("if-none-match")) {
        (Some(_), Some(_)) => Err(precondition(
            "Simultaneous use of If-Match and If-None-Match not supported for PUT requests",
        )),
        (None, Some(value)) if value == "*" => Ok(Operation::CreateWithId),
        (None, Some(value)) => Err(ApiError::bad_request(format!(
            "\"{}\" is not a supported value for If-None-Match on PUT",
            String::from_utf8_lossy(value.as_bytes()).trim_matches('"')
        ))),
        (None, None) if !requested.is_protocol_one() => Ok(Operation::Upsert),
        _ => Ok(Operation::Update),
    }
}

/// Parameters that begin with `_` must belong to the operation; actions take any.
fn recognised(operation: &Operation, parameters: &Parameters) -> Result<(), ApiError> {
    const ANY: [&str; 3] = ["_fields", "_prettyPrint", "_mimeType"];
    const QUERY: [&str; 8] = [
        "_queryId",
        "_queryFilter",
        "_queryExpression",
        "_pageSize",
        "_pagedResultsOffset",
        "_pagedResultsCookie",
        "_totalPagedResultsPolicy",
        "_sortKeys",
    ];
    let own: &[&str] = match operation {
        Operation::Action(_) => return Ok(()),
        Operation::Query => &QUERY,
        Operation::Create => &["_action"],
        _ => &[],
    };
    for name in parameters.names().filter(|name| name.starts_with('_')) {
        if !ANY
            .iter()
            .chain(own)
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            return Err(ApiError::bad_request(format!(
                "Unrecognized request parameter '{name}'"
            )));
        }
    }
    Ok(())
}

/// Parameters of a query that can be judged without knowing what is queried.
fn well_formed_query(parameters: &Parameters) -> Result<(), ApiError> {
    if let Some(text) = parameters.single("_queryFilter")? {
        Filter::parse(text)?;
    }
    for name in ["_pageSize", "_pagedResultsOffset"] {
        integer(parameters, name)?;
    }
    Ok(())
}

/// A parameter that is a whole number.
///
/// # Errors
/// 400 for anything else.
pub(crate) fn integer(
    parameters: &Parameters,
    name: &'static str,
) -> Result<Option<i64>, ApiError> {
    let Some(text) = parameters.single(name)? else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(ApiError::bad_request(format!(
            "The value '{text}' for parameter '{name}' could not be parsed as a valid integer"
        ))),
    }
}

/// Checks the body of a PATCH, which no endpoint carries out.
///
/// # Errors
/// 400 for what is no JSON patch.
pub(crate) fn check_patch(body: &Bytes) -> Result<(), ApiError> {
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
    let parsed = json(body)?;
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

fn content_type(headers: &HeaderMap, operation: &Operation) -> Result<(), ApiError> {
    let Some(value) = headers.get("content-type") else {
        return match operation {
            Operation::Action(_) | Operation::Delete => Ok(()),
            _ => Err(ApiError::bad_request(
                "The request could not be processed because the  content-type was not specified and is required",
            )),
        };
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim();
    if ["application/json", "multipart/form-data"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
    {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "The request could not be processed because it specified the content-type '{essence}' when only the content-type \
         'application/json' and 'multipart/form-data' are supported"
    )))
}

/// The JSON of a body; an empty body is `Value::Null`.
///
/// # Errors
/// 400 for what is no JSON, and for anything after it.
pub(crate) fn json(body: &Bytes) -> Result<Value, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde::Deserialize::deserialize(&mut reader).map_err(|e| not_json(&e))?;
    reader.end().map_err(|_| trailing_data())?;
    Ok(value)
}

/// The members of a body that must be a JSON object; `null` counts as an empty one.
///
/// # Errors
/// As [`json`], and 400 for an empty body or another type.
pub(crate) fn json_object(body: &Bytes) -> Result<serde_json::Map<String, Value>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::bad_request(
            "The request could not be processed because it did not contain any JSON content",
        ));
    }
    match json(body)? {
        Value::Object(members) => Ok(members),
        Value::Null => Ok(serde_json::Map::new()),
        _ => Err(ApiError::bad_request(
            "The request could not be processed because the provided content is not a JSON object",
        )),
    }
}

pub(crate) fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::bad_request(
        "The request could not be processed because the provided content is not valid JSON",
    )
    .with_detail(error.to_string())
}

pub(crate) fn trailing_data() -> ApiError {
    ApiError::bad_request(
        "The request could not be processed because there is trailing data after the JSON content",
    )
}

fn precondition(message: &str) -> ApiError {
    ApiError::new(axum::http::StatusCode::PRECONDITION_FAILED, message)
}

fn not_supported(method: &str) -> ApiError {
    ApiError::not_implemented(format!("Method {method} not supported"))
}
