//! Which operation an HTTP request is, and the checks that come before anybody asks who calls.

use axum::http::{HeaderMap, HeaderValue, Method};

use super::fields::Fields;
use super::filter::Filter;
use super::parameters::Parameters;
use super::version::{Requested, Version};
use crate::api::error::ApiError;
use crate::api::media_type::{self, MediaType};

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
    given_once(parameters)?;
    Fields::check(parameters)?;
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
        [] if headers.get("if-none-match").is_some_and(is_any) => Err(precondition(
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
    for (header, name) in [("if-none-match", "If-None-Match"), ("if-match", "If-Match")] {
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
        (None, Some(value)) if is_any(value) => Ok(Operation::CreateWithId),
        (None, Some(value)) => Err(ApiError::bad_request(format!(
            "\"{}\" is not a supported value for If-None-Match on PUT",
            String::from_utf8_lossy(value.as_bytes()).trim_matches('"')
        ))),
        (None, None) if !requested.is_protocol_one() => Ok(Operation::Upsert),
        _ => Ok(Operation::Update),
    }
}

/// Whether a precondition stands for any revision, with or without quotes.
fn is_any(value: &HeaderValue) -> bool {
    value.as_bytes().trim_ascii() == b"*" || value.as_bytes().trim_ascii() == b"\"*\""
}

/// Parameters that begin with `_` must belong to the operation; actions take any.
fn recognised(operation: &Operation, parameters: &Parameters) -> Result<(), ApiError> {
    const ANY: [&str; 2] = ["_fields", "_prettyPrint"];
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
        Operation::Read => &["_mimeType"],
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

/// Every parameter but the lists has one value, whoever reads it.
fn given_once(parameters: &Parameters) -> Result<(), ApiError> {
    const LISTS: [&str; 2] = ["_fields", "_sortKeys"];
    let single = parameters
        .names()
        .filter(|name| !LISTS.iter().any(|list| list.eq_ignore_ascii_case(name)));
    for name in single {
        parameters.single(name)?;
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

/// A parameter that is a whole number of 32 bits.
///
/// # Errors
/// 400 for anything else.
pub(crate) fn integer(
    parameters: &Parameters,
    name: &'static str,
) -> Result<Option<i32>, ApiError> {
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

fn content_type(headers: &HeaderMap, operation: &Operation) -> Result<(), ApiError> {
    let Some(sent) = MediaType::of(headers) else {
        return match operation {
            Operation::Action(_) | Operation::Delete => Ok(()),
            _ => Err(ApiError::bad_request(
                "The request could not be processed because the  content-type was not specified and is required",
            )),
        };
    };
    if sent.is_one_of(&[media_type::JSON]) {
        return Ok(());
    }
    if sent.is_one_of(&["multipart/form-data"]) {
        // AM's files: nothing here takes any.
        return match operation {
            Operation::Delete => Ok(()),
            _ => Err(ApiError::bad_request(
                "The request could not be processed because the request cant be parsed",
            )),
        };
    }
    let parts: Vec<&str> = sent.essence().split('/').collect();
    if !matches!(parts.as_slice(), [kind, subtype] if !kind.is_empty() && !subtype.is_empty()) {
        return Err(ApiError::bad_request(
            "The request content type can't be parsed.",
        ));
    }
    Err(ApiError::bad_request(format!(
        "The request could not be processed because it specified the content-type '{}' when only the content-type \
         'application/json' and 'multipart/form-data' are supported",
        sent.essence()
    )))
}

fn precondition(message: &str) -> ApiError {
    ApiError::new(axum::http::StatusCode::PRECONDITION_FAILED, message)
}

fn not_supported(method: &str) -> ApiError {
    ApiError::not_implemented(format!("Method {method} not supported"))
}
