//! Queries on policies: conjunctions of comparisons, and policies by the identity that their subject names.

use serde_json::Value;

use super::{Asked, Form};
use crate::api::answer::Answer;
use crate::api::crest::filter::{Filter, Literal, Operator};
use crate::api::error::ApiError;
use crate::api::manage::rows::{self, Remaining, Row};
use crate::clock;
use crate::documents::policy;
use crate::store::Kind;

const TEXTS: [&str; 6] = [
    "name",
    "description",
    "applicationName",
    "createdBy",
    "lastModifiedBy",
    "resourceTypeUuid",
];
const DATES: [&str; 2] = ["creationDate", "lastModifiedDate"];

/// # Errors
/// 400 for what a query on policies does not take.
pub(super) async fn answer(asked: &Asked<'_>) -> Result<Answer, ApiError> {
    let parameters = &asked.call.parameters;
    let identity = match parameters.single("_queryId")? {
        None => None,
        // An empty id asks for nothing in particular.
        Some("") => None,
        Some("queryByIdentityUid") => {
            let uid = parameters.exact("uid").filter(|uid| !uid.trim().is_empty());
            Some(
                uid.ok_or_else(|| ApiError::bad_request("Query is missing uid property."))?
                    .to_owned(),
            )
        }
        Some(other) => return Err(ApiError::bad_request(format!("Invalid query Id {other}."))),
    };
    let filter = rows::filter(asked.call)?;
    check(&filter)?;
    let mut rows = Vec::new();
    for object in asked.objects(Kind::Policy).await? {
        let mut shown = policy::shown(&object);
        if identity.as_ref().is_some_and(|uid| {
            !shown
                .get("subject")
                .is_some_and(|subject| names(subject, uid))
        }) {
            continue;
        }
        // What has no description is found by none.
        if shown.get("description").and_then(Value::as_str) == Some("") {
            shown.shift_remove("description");
        }
        // Instants are compared as numbers; the row shows them as text.
        shown.insert("creationDate".into(), object.stamp.created_at.into());
        shown.insert("lastModifiedDate".into(), object.stamp.modified_at.into());
        let mut row = Row {
            id: object.name.clone(),
            revision: Some(object.stamp.modified_at.to_string()),
            members: shown,
        };
        if !rows::holds(&filter, &row, &|row, name, operator, value| {
            Ok(compare(row.members.get(name), operator, value))
        })? {
            continue;
        }
        row.members = policy::shown(&object);
        if asked.form == Form::One {
            row.members.remove("resourceTypeUuid");
        }
        rows.push(row);
    }
    rows::answer(asked.call, asked.served, rows, Remaining::Counted)
}

fn check(filter: &Filter) -> Result<(), ApiError> {
    let incorrect = |what: String| {
        Err(ApiError::bad_request(format!(
            "Incorrect search filter, {what}."
        )))
    };
    let unsupported = |what: &str| incorrect(format!("'{what}' not supported in policy queries"));
    match filter {
        Filter::Literal(true) => Ok(()),
        Filter::Literal(false) => unsupported("false"),
        Filter::And(parts) => parts.iter().try_for_each(check),
        Filter::Or(_) => unsupported("Or"),
        Filter::Not(_) => unsupported("Negation"),
        Filter::Present(_) => unsupported("Presence"),
        Filter::Compare(field, operator, value) => {
            match operator {
                Operator::Contains => return unsupported("Contains"),
                Operator::StartsWith => return unsupported("Starts with"),
                Operator::Extended(_) => return unsupported("Extended match"),
                _ => {}
            }
            let name = field.0.last().map(String::as_str).unwrap_or_default();
            if TEXTS.contains(&name) {
                if *operator == Operator::Equal {
                    Ok(())
                } else {
                    incorrect("Only equality supported for string attributes".into())
                }
            } else if DATES.contains(&name) {
                match instant(value) {
                    Some(_) => Ok(()),
                    None => Err(ApiError::bad_request(format!(
                        "Invalid value Expected number but got '{}'",
                        match value {
                            Literal::Text(text) => text.clone(),
                            other => other.to_string(),
                        }
                    ))),
                }
            } else {
                incorrect(format!("Unknown query field '{name}'"))
            }
        }
    }
}

fn compare(found: Option<&Value>, operator: &Operator, wanted: &Literal) -> bool {
    match found {
        Some(Value::String(have)) => match wanted {
            Literal::Text(wanted) => rows::wildcard(&wanted.to_lowercase(), &have.to_lowercase()),
            other => rows::wildcard(&other.to_string().to_lowercase(), &have.to_lowercase()),
        },
        Some(Value::Number(have)) => match (have.as_i64(), instant(wanted)) {
            (Some(have), Some(wanted)) => operator.accepts(have.cmp(&wanted)),
            _ => false,
        },
        _ => false,
    }
}

/// Milliseconds, or an ISO date-time.
fn instant(value: &Literal) -> Option<i64> {
    match value {
        Literal::Integer(n) => Some(*n),
        // The fraction of a millisecond cannot matter to an instant in whole ones.
        Literal::Real(n) => Some(*n as i64),
        Literal::Text(text) => clock::parse_loosely(text),
        Literal::Boolean(_) => None,
    }
}

/// Whether a subject names an identity anywhere in it.
fn names(subject: &Value, uid: &str) -> bool {
    let listed = |values: &Value| {
        values.as_array().is_some_and(|values| {
            values
                .iter()
                .any(|v| v.as_str().is_some_and(|v| v.eq_ignore_ascii_case(uid)))
        })
    };
    let is_identity = subject.get("type").and_then(Value::as_str) == Some("Identity");
    (is_identity && subject.get("subjectValues").is_some_and(listed))
        || subject
            .get("subject")
            .is_some_and(|inner| names(inner, uid))
        || subject
            .get("subjects")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|inner| names(inner, uid)))
}
