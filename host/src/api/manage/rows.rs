//! Queries: which rows, in which order, which page of them, and the envelope around them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Call;
use super::super::answer::Answer;
use super::super::crest::fields::is_pointers;
use super::super::crest::filter::{Filter, Literal, Operator};
use super::super::crest::operation;
use super::super::error::ApiError;
use super::identified;
use crate::documents::Members;

/// A row before it is written.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) revision: Option<String>,
    pub(super) members: Members,
}

/// What `remainingPagedResults` says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Remaining {
    /// Rows that match and are not on this page.
    Counted,
    /// Always -1, for endpoints that do not count.
    Unknown,
}

/// The filter of a query; other ways of querying mean everything.
pub(super) fn filter(call: &Call) -> Result<Filter, ApiError> {
    match call.parameters.single("_queryFilter")? {
        Some(text) => Filter::parse(text),
        None => Ok(Filter::Literal(true)),
    }
}

/// The answer to a query among all rows of an endpoint whose members are texts, numbers and truths.
///
/// # Errors
/// 400 for a filter that cannot be read, and as [`answer`].
pub(super) fn listed(
    call: &Call,
    served: &'static str,
    rows: Vec<Row>,
) -> Result<Answer, ApiError> {
    let filter = filter(call)?;
    let mut found = Vec::new();
    for row in rows {
        if holds(&filter, &row, &|row, name, operator, value| {
            Ok(is_met(&row.members, name, operator, value))
        })? {
            found.push(row);
        }
    }
    answer(call, served, found, Remaining::Counted)
}

/// The answer to a query: sorted, cut to a page, in CREST's envelope.
///
/// # Errors
/// 400 for parameters that are no numbers, no sort keys, or exclude each other.
pub(super) fn answer(
    call: &Call,
    served: &'static str,
    mut rows: Vec<Row>,
    remaining: Remaining,
) -> Result<Answer, ApiError> {
    sort(call, &mut rows)?;
    let size = operation::integer(&call.parameters, "_pageSize")?.unwrap_or(0);
    let offset = operation::integer(&call.parameters, "_pagedResultsOffset")?.unwrap_or(0);
    if offset > 0 && call.parameters.single("_pagedResultsCookie")?.is_some() {
        return Err(ApiError::bad_request(
            "The parameters _pagedResultsOffset and _pagedResultsCookie are mutually exclusive",
        ));
    }
    if let Some(policy) = call.parameters.single("_totalPagedResultsPolicy")?
        && !["NONE", "ESTIMATE", "EXACT"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(policy))
    {
        return Err(unreadable(
            "_totalPagedResultsPolicy",
            policy,
            "a valid count policy",
        ));
    }
    let total = rows.len();
    let paged = remaining == Remaining::Counted && size > 0;
    let skipped = if paged {
        usize::try_from(offset).unwrap_or(0).min(total)
    } else {
        0
    };
    let most = if paged {
        usize::try_from(size).unwrap_or(usize::MAX)
    } else {
        usize::MAX
    };
    let page: Vec<Value> = rows
        .into_iter()
        .skip(skipped)
        .take(most)
        .map(|row| identified(call, &row.id, row.revision.as_deref(), row.members))
        .collect();
    let left = total - skipped - page.len();
    let count = page.len();
    let envelope = json!({
        "result": page,
        "resultCount": count,
        "pagedResultsCookie": null,
        "totalPagedResultsPolicy": "NONE",
        "totalPagedResults": -1,
        "remainingPagedResults": if remaining == Remaining::Counted { left as i64 } else { -1 },
    });
    let protocol = (count > 0).then(|| call.requested.protocol_text());
    Ok(Answer {
        protocol,
        ..Answer::value(served, envelope)
    })
}

fn unreadable(name: &str, value: &str, what: &str) -> ApiError {
    ApiError::bad_request(format!(
        "The value '{value}' for parameter '{name}' could not be parsed as {what}"
    ))
}

/// Sorts by `_sortKeys`; a key that some row lacks, or has with another type, leaves the order as it is. A member that
/// is null comes before all texts.
fn sort(call: &Call, rows: &mut [Row]) -> Result<(), ApiError> {
    let Some(text) = call.parameters.single("_sortKeys")? else {
        return Ok(());
    };
    let mut keys = Vec::new();
    for key in text.trim_end_matches(',').split(',') {
        let descending = key.starts_with('-');
        let pointer = key.strip_prefix(['+', '-']).unwrap_or(key);
        // A lone sign is the pointer to the whole row, by which nothing is sorted; commas alone are no keys at all.
        let commas = !text.is_empty() && text.trim_end_matches(',').is_empty();
        let whole = pointer.is_empty() && (!key.is_empty() || commas);
        if (pointer.is_empty() && !whole) || !is_pointers(pointer) {
            return Err(unreadable(
                "_sortKeys",
                text,
                "a comma separated list of sort keys",
            ));
        }
        keys.push((format!("/{}", pointer.trim_start_matches('/')), descending));
    }
    let value = |row: &Row, pointer: &str| -> Option<Value> {
        let (first, rest) = pointer
            .get(1..)?
            .split_once('/')
            .map_or((pointer.get(1..)?, ""), |(a, b)| (a, b));
        match (first, rest) {
            ("_id", "") => Some(row.id.as_str().into()),
            (first, "") => row.members.get(first).cloned(),
            (first, rest) => row
                .members
                .get(first)?
                .pointer(&format!("/{rest}"))
                .cloned(),
        }
    };
    let comparable = keys.iter().all(|(pointer, _)| {
        let kinds = rows.iter().map(|row| match value(row, pointer) {
            Some(Value::Null) => Ok(None),
            Some(Value::String(_)) => Ok(Some(1)),
            Some(Value::Number(_)) => Ok(Some(2)),
            Some(Value::Bool(_)) => Ok(Some(3)),
            _ => Err(()),
        });
        kinds
            .collect::<Result<BTreeSet<Option<i32>>, ()>>()
            .is_ok_and(|kinds| kinds.iter().flatten().count() <= 1)
    });
    if !comparable {
        return Ok(());
    }
    rows.sort_by(|a, b| {
        keys.iter()
            .fold(Ordering::Equal, |order, (pointer, descending)| {
                order.then_with(|| {
                    let one = compare(value(a, pointer).as_ref(), value(b, pointer).as_ref());
                    if *descending { one.reverse() } else { one }
                })
            })
    });
    Ok(())
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if a.is_null() || b.is_null() => b.is_null().cmp(&a.is_null()),
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (Some(Value::Number(a)), Some(Value::Number(b))) => a
            .as_f64()
            .partial_cmp(&b.as_f64())
            .unwrap_or(Ordering::Equal),
        _ => Ordering::Equal,
    }
}

/// How an endpoint compares a field of a row with the value of a filter.
pub(super) type Matcher<'a> = &'a dyn Fn(&Row, &str, &Operator, &Literal) -> Result<bool, ApiError>;

/// Whether a row fulfils a filter; what the endpoint does not support has been refused before.
pub(super) fn holds(filter: &Filter, row: &Row, matcher: Matcher<'_>) -> Result<bool, ApiError> {
    match filter {
        Filter::Literal(value) => Ok(*value),
        Filter::And(parts) => parts
            .iter()
            .try_fold(true, |all, part| Ok(all && holds(part, row, matcher)?)),
        Filter::Or(parts) => parts
            .iter()
            .try_fold(false, |any, part| Ok(any || holds(part, row, matcher)?)),
        Filter::Not(part) => Ok(!holds(part, row, matcher)?),
        Filter::Present(field) => Ok(field
            .0
            .first()
            .is_some_and(|name| row.members.contains_key(name))),
        Filter::Compare(field, operator, value) => matcher(
            row,
            field.0.last().map(String::as_str).unwrap_or_default(),
            operator,
            value,
        ),
    }
}

/// Texts are compared without regard to case, as they are: a name is no pattern.
fn is_met(members: &Members, name: &str, operator: &Operator, wanted: &Literal) -> bool {
    let have = match members.get(name) {
        Some(Value::String(text)) => text.to_lowercase(),
        Some(other) if !other.is_null() => other.to_string(),
        _ => return false,
    };
    let wanted = match wanted {
        Literal::Text(text) => text.to_lowercase(),
        other => other.to_string(),
    };
    match operator {
        Operator::Equal => have == wanted,
        Operator::Contains => have.contains(&wanted),
        Operator::StartsWith => have.starts_with(&wanted),
        _ => false,
    }
}

/// Every part of a filter that is a leaf.
pub(super) fn leaves<'f>(
    filter: &'f Filter,
    visit: &mut impl FnMut(&'f Filter) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter().try_for_each(|part| leaves(part, visit))
        }
        Filter::Not(part) => leaves(part, visit),
        leaf => visit(leaf),
    }
}
