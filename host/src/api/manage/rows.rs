//! Queries: which rows, in which order, which page of them, and the envelope around them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Call;
use super::super::answer::Answer;
use super::super::crest::filter::{Filter, Literal, Operator};
use super::super::crest::operation::{self, Direction};
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
/// 400 for parameters that exclude each other.
pub(super) fn answer(
    call: &Call,
    served: &'static str,
    rows: Vec<Row>,
    remaining: Remaining,
) -> Result<Answer, ApiError> {
    let rows = sorted(call, rows)?;
    let size = operation::integer(&call.parameters, "_pageSize")?.unwrap_or(0);
    let offset = operation::integer(&call.parameters, "_pagedResultsOffset")?.unwrap_or(0);
    if offset > 0 && call.parameters.single("_pagedResultsCookie")?.is_some() {
        return Err(ApiError::bad_request(
            "The parameters _pagedResultsOffset and _pagedResultsCookie are mutually exclusive",
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

/// Sorts by `_sortKeys`; a key that some row lacks, or has with another type, leaves the order as it is. A member that
/// is null comes before all texts.
fn sorted(call: &Call, rows: Vec<Row>) -> Result<Vec<Row>, ApiError> {
    let keys = operation::sort_keys(&call.parameters)?;
    if keys.is_empty() {
        return Ok(rows);
    }
    let by_row: Option<Vec<Vec<SortValue<'_>>>> = rows
        .iter()
        .map(|row| {
            let values = keys.iter().map(|(pointer, _)| SortValue::of(row, pointer));
            values.collect()
        })
        .collect();
    let Some(by_row) = by_row else {
        return Ok(rows);
    };
    let comparable = (0..keys.len()).all(|key| {
        let kinds = by_row.iter().filter_map(|values| values.get(key)?.kind());
        kinds.collect::<BTreeSet<u8>>().len() <= 1
    });
    if !comparable {
        return Ok(rows);
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| {
        let values = |at: &usize| by_row.get(*at).into_iter().flatten();
        let pairs = values(a).zip(values(b)).zip(&keys);
        pairs.fold(Ordering::Equal, |order, ((one, other), (_, direction))| {
            order.then_with(|| match direction {
                Direction::Ascending => one.compare(other),
                Direction::Descending => other.compare(one),
            })
        })
    });
    drop(by_row);
    let mut rows: Vec<Option<Row>> = rows.into_iter().map(Some).collect();
    let in_order = order.into_iter().filter_map(|at| rows.get_mut(at)?.take());
    Ok(in_order.collect())
}

/// What a row is sorted by.
enum SortValue<'a> {
    Null,
    Text(&'a str),
    Number(Option<f64>),
    Truth(bool),
}

impl<'a> SortValue<'a> {
    /// `None` for a member that is not there, or is nothing to sort by.
    fn of(row: &'a Row, pointer: &str) -> Option<Self> {
        let (first, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
        let found = match (first, rest) {
            ("_id", "") => return Some(SortValue::Text(&row.id)),
            (first, "") => row.members.get(first)?,
            (first, rest) => row.members.get(first)?.pointer(&format!("/{rest}"))?,
        };
        match found {
            Value::Null => Some(SortValue::Null),
            Value::String(text) => Some(SortValue::Text(text)),
            Value::Number(number) => Some(SortValue::Number(number.as_f64())),
            Value::Bool(truth) => Some(SortValue::Truth(*truth)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn kind(&self) -> Option<u8> {
        match self {
            SortValue::Null => None,
            SortValue::Text(_) => Some(1),
            SortValue::Number(_) => Some(2),
            SortValue::Truth(_) => Some(3),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
            (SortValue::Truth(a), SortValue::Truth(b)) => a.cmp(b),
            (SortValue::Number(a), SortValue::Number(b)) => {
                a.partial_cmp(b).unwrap_or(Ordering::Equal)
            }
            (a, b) => a.kind().cmp(&b.kind()),
        }
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

/// Whole-text comparison in which `*` stands for anything.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
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

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*b*c", "a1b2c", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }
}
