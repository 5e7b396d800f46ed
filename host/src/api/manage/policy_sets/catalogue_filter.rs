//! Filters on policy sets and resource types: `eq` compares by pattern, dates by instant.

use std::cell::Cell;

use serde_json::Value;

use crate::api::crest::filter::{Filter, Literal, Operator};
use crate::api::crest::pattern::{Pattern, PatternError};
use crate::api::error::ApiError;
use crate::api::manage::rows::{self, Row};
use crate::limits::FILTER_STEPS;

/// Fields of policy sets that have no order; one that AM does not compare at all is in no range.
const TEXTS: [&str; 9] = [
    "name",
    "displayName",
    "description",
    "applicationType",
    "entitlementCombiner",
    "resourceTypeUuids",
    "attributeNames",
    "conditions",
    "subjects",
];

/// # Errors
/// 400 for what a query on policy sets does not take.
pub(crate) fn check_policy_sets(filter: &Filter) -> Result<(), ApiError> {
    let invalid = || ApiError::bad_request("Invalid Query Filter");
    negation(filter, &invalid)?;
    rows::leaves(filter, &mut |leaf| match leaf {
        Filter::Literal(true) => Ok(()),
        Filter::Compare(field, operator, value) => {
            let range = !matches!(
                operator,
                Operator::Equal | Operator::Contains | Operator::StartsWith
            );
            let extended = matches!(operator, Operator::Extended(_));
            let among =
                |names: &[&str]| field.0.first().is_some_and(|n| names.contains(&n.as_str()));
            let date = field.0.first().is_some_and(|name| is_date(name));
            let number = matches!(value, Literal::Integer(_) | Literal::Real(_));
            let incomparable = among(&TEXTS) || (date && !number);
            if field.0.len() > 1 || extended || (range && incomparable) {
                Err(invalid())
            } else {
                Ok(())
            }
        }
        _ => Err(invalid()),
    })
}

/// # Errors
/// 400 for what a query on resource types does not take, each in its own words.
pub(crate) fn check_resource_types(filter: &Filter) -> Result<(), ApiError> {
    let unsupported =
        |what: &str| ApiError::bad_request(format!("The '{what}' filter is not supported"));
    negation(filter, &|| unsupported("not"))?;
    rows::leaves(filter, &mut |leaf| match leaf {
        Filter::Literal(true) => Ok(()),
        Filter::Literal(false) => Err(ApiError::bad_request(
            "The 'boolean literal' filter with value of 'false' is not supported",
        )),
        Filter::Present(_) => Err(unsupported("present")),
        Filter::Compare(field, operator, _) => {
            if field.0.len() > 1 {
                return Err(ApiError::bad_request(
                    "Filter path is too long, a depth of 1 is supported",
                ));
            }
            match operator {
                Operator::Equal | Operator::Contains | Operator::StartsWith => Ok(()),
                Operator::Greater => Err(unsupported("greater than")),
                Operator::GreaterOrEqual => Err(unsupported("greater than or equal")),
                Operator::Less => Err(unsupported("less than")),
                Operator::LessOrEqual => Err(unsupported("less than or equal")),
                Operator::Extended(_) => Err(unsupported("extended match")),
            }
        }
        _ => Ok(()),
    })
}

fn negation(filter: &Filter, refused: &dyn Fn() -> ApiError) -> Result<(), ApiError> {
    match filter {
        Filter::Not(_) => Err(refused()),
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter().try_for_each(|part| negation(part, refused))
        }
        _ => Ok(()),
    }
}

/// Whether `co` looks at the case of letters: it does on resource types and does not on policy sets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Matters,
    Ignored,
}

/// How the rows of one request are compared.
pub(crate) struct Comparison {
    case: Case,
    /// Steps that the patterns of the request may still take.
    steps: Cell<usize>,
}

impl Comparison {
    pub(crate) fn new(case: Case) -> Self {
        Comparison {
            case,
            steps: Cell::new(FILTER_STEPS),
        }
    }

    /// Whether a row fulfils a filter that one of the checks let through.
    ///
    /// # Errors
    /// 400 for a pattern that is none, and for comparisons that take too long.
    pub(crate) fn holds(&self, filter: &Filter, row: &Row) -> Result<bool, ApiError> {
        rows::holds(filter, row, &|row, name, operator, value| {
            compare(row.members.get(name), name, operator, value, self)
        })
    }
}

fn compare(
    found: Option<&Value>,
    name: &str,
    operator: &Operator,
    wanted: &Literal,
    by: &Comparison,
) -> Result<bool, ApiError> {
    // An absent description is compared as an empty one.
    let empty = Value::String(String::new());
    let found = match found {
        None => return Ok(false),
        Some(Value::Null) => &empty,
        Some(found) => found,
    };
    if is_date(name)
        && let Some(have) = found.as_i64()
    {
        return match (operator, wanted) {
            // The digits of an instant are searched like any text.
            (Operator::Contains | Operator::StartsWith, Literal::Text(wanted)) => {
                text(&have.to_string(), operator, wanted, by)
            }
            _ => Ok(instant(wanted).is_some_and(|wanted| operator.accepts(have.cmp(&wanted)))),
        };
    }
    let Literal::Text(wanted) = wanted else {
        return Ok(false);
    };
    match found {
        Value::Array(items) => items.iter().try_fold(false, |any, item| {
            Ok(any || text(item.as_str().unwrap_or_default(), operator, wanted, by)?)
        }),
        Value::Object(members) => members.iter().try_fold(false, |any, (name, value)| {
            Ok(any || text(&format!("{name}={value}"), operator, wanted, by)?)
        }),
        Value::String(have) => text(have, operator, wanted, by),
        Value::Bool(have) => text(&have.to_string(), operator, wanted, by),
        _ => Ok(false),
    }
}

fn text(have: &str, operator: &Operator, wanted: &str, by: &Comparison) -> Result<bool, ApiError> {
    match operator {
        // AM: no pattern, no condition.
        Operator::Equal if wanted.is_empty() => Ok(true),
        Operator::Equal => {
            let covered =
                Pattern::parse(wanted).and_then(|pattern| pattern.covers(have, &by.steps));
            covered.map_err(|error| match error {
                PatternError::Malformed => ApiError::bad_request("Invalid Query Filter"),
                PatternError::TooLong => {
                    ApiError::bad_request("The pattern takes too long to compare")
                }
            })
        }
        Operator::Contains if by.case == Case::Matters => Ok(have.contains(wanted)),
        Operator::Contains => Ok(have.to_lowercase().contains(&wanted.to_lowercase())),
        Operator::StartsWith => Ok(have.starts_with(wanted)),
        _ => Ok(false),
    }
}

fn is_date(name: &str) -> bool {
    matches!(name, "creationDate" | "lastModifiedDate")
}

/// Milliseconds, written as a number or as the text of one.
fn instant(value: &Literal) -> Option<i64> {
    match value {
        Literal::Integer(n) => Some(*n),
        // The fraction of a millisecond cannot matter to an instant in whole ones.
        Literal::Real(n) => Some(*n as i64),
        Literal::Text(text) => text.parse().ok(),
        Literal::Boolean(_) => None,
    }
}
