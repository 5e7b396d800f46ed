//! Which operation an HTTP request is, and the checks that come before anybody asks who calls.

use axum::http::{HeaderMap, HeaderValue, Method};

use super::fields::{Fields, is_pointers};
use super::filter::Filter;
use super::parameters::Parameters;
use super::version::{Requested, Version};
use crate::api::error::ApiError;
use crate::api::media_type::{self, MediaType};
use crate::limits::SORT_KEYS;

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
    if method != Method::GET {
        content_type(headers, &operation)?;
    }
    Ok(operation)
}

/// Checks the parameters of an operation in the order in which they were sent; AM looks at a body first.
///
/// # Errors
/// 400 for what does not belong to the operation, is given twice, or cannot be read.
pub(crate) fn check_parameters(
    operation: &Operation,
    parameters: &Parameters,
) -> Result<(), ApiError> {
    for name in parameters.names() {
        recognised(operation, name)?;
        let list = LISTS.iter().any(|list| list.eq_ignore_ascii_case(name));
        if !list {
            parameters.single(name)?;
        }
        if *operation == Operation::Query {
            well_formed(parameters, name)?;
        }
    }
    Fields::check(parameters)
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

/// Parameters that may be given several times.
const LISTS: [&str; 2] = ["_fields", "_sortKeys"];

/// Parameters that begin with `_` must belong to the operation; actions take any.
fn recognised(operation: &Operation, name: &str) -> Result<(), ApiError> {
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
    let known = |known: &&str| known.eq_ignore_ascii_case(name);
    if name.starts_with('_') && !ANY.iter().chain(own).any(known) {
        return Err(ApiError::bad_request(format!(
            "Unrecognized request parameter '{name}'"
        )));
    }
    Ok(())
}

/// A parameter of a query that can be judged without knowing what is queried.
fn well_formed(parameters: &Parameters, name: &str) -> Result<(), ApiError> {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    if is("_queryFilter") {
        let text = parameters.first(name).unwrap_or_default();
        Filter::parse(text).map(drop)
    } else if is("_pageSize") {
        integer(parameters, "_pageSize").map(drop)
    } else if is("_pagedResultsOffset") {
        integer(parameters, "_pagedResultsOffset").map(drop)
    } else if is("_totalPagedResultsPolicy") {
        count_policy(parameters)
    } else if is("_sortKeys") {
        sort_keys(parameters).map(drop)
    } else {
        Ok(())
    }
}

fn count_policy(parameters: &Parameters) -> Result<(), ApiError> {
    const NAME: &str = "_totalPagedResultsPolicy";
    const POLICIES: [&str; 3] = ["NONE", "ESTIMATE", "EXACT"];
    let given = parameters.first(NAME).unwrap_or_default();
    if POLICIES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(given))
    {
        Ok(())
    } else {
        Err(unreadable(NAME, given, "a valid count policy"))
    }
}

/// Which way a sort key sorts.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// What a query is sorted by: JSON pointers without their first slash, each once. The parameter may be given several
/// times, the first keys first.
///
/// # Errors
/// 400 for a key that is no pointer, and for too many.
pub(crate) fn sort_keys(parameters: &Parameters) -> Result<Vec<(String, Direction)>, ApiError> {
    const NAME: &str = "_sortKeys";
    let mut keys: Vec<(String, Direction)> = Vec::new();
    for text in parameters.all(NAME) {
        for key in text.trim_end_matches(',').split(',') {
            let direction = match key.starts_with('-') {
                true => Direction::Descending,
                false => Direction::Ascending,
            };
            let pointer = key.strip_prefix(['+', '-']).unwrap_or(key);
            // A lone sign is the pointer to the whole row, by which nothing is sorted; commas alone are no keys at all.
            let commas = !text.is_empty() && text.trim_end_matches(',').is_empty();
            let whole = pointer.is_empty() && (!key.is_empty() || commas);
            if (pointer.is_empty() && !whole) || !is_pointers(pointer) {
                let what = "a comma separated list of sort keys";
                return Err(unreadable(NAME, text, what));
            }
            let pointer = pointer.trim_start_matches('/');
            // Rows that are alike by a key are alike by it a second time.
            if keys.iter().any(|(known, _)| known == pointer) {
                continue;
            }
            if keys.len() == SORT_KEYS {
                let message = format!("More than {SORT_KEYS} sort keys");
                return Err(ApiError::bad_request(message));
            }
            keys.push((pointer.to_owned(), direction));
        }
    }
    Ok(keys)
}

fn unreadable(name: &str, value: &str, what: &str) -> ApiError {
    ApiError::bad_request(format!(
        "The value '{value}' for parameter '{name}' could not be parsed as {what}"
    ))
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
        Err(_) => Err(unreadable(name, text, "a valid integer")),
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
