//! Queries on users and groups: filters on their attributes.

use serde_json::{Value, json};

use super::{Asked, Deed, Form};
use crate::api::answer::Answer;
use crate::api::crest::filter::{Filter, Literal, Operator};
use crate::api::error::ApiError;
use crate::api::manage::rows::{self, Remaining, Row};
use crate::documents::Members;

/// # Errors
/// 403 for whoever does not administer the realm; 400 for a malformed filter.
pub(super) async fn answer(asked: &Asked<'_>) -> Result<Answer, ApiError> {
    asked.permitted(Deed::Read, None)?;
    let by_id = asked.call.parameters.single("_queryId")?;
    let filter = match by_id {
        Some(_) => Filter::Literal(true),
        None => rows::filter(asked.call)?,
    };
    let named = |name: &str| by_id.is_none_or(|id| is_named(id, name, asked.form));
    let mut rows = Vec::new();
    for object in asked
        .app
        .store
        .objects(asked.store_kind(), &asked.call.realm.key)
        .await?
    {
        let members = asked.members(&object.name, &object);
        let row = Row {
            id: object.name.clone(),
            revision: Some(object.revision.to_string()),
            members,
        };
        let matcher = |row: &Row, name: &str, operator: &Operator, value: &Literal| {
            Ok(compare(&row.members, name, operator, value))
        };
        if named(&row.id) && rows::holds(&filter, &row, &matcher)? {
            rows.push(row);
        }
    }
    if asked.form != Form::Names {
        return rows::answer(asked.call, asked.served, rows, Remaining::Unknown);
    }
    let names = rows.into_iter().map(|row| {
        if asked.call.requested.is_protocol_one() {
            Value::from(row.id)
        } else {
            json!({"_id": row.id, "_rev": row.revision, "content": [row.id]})
        }
    });
    let names: Vec<Value> = names.collect();
    Ok(Answer::value(
        asked.served,
        json!({
            "resultCount": names.len(),
            "result": names,
            "pagedResultsCookie": null,
            "totalPagedResultsPolicy": "NONE",
            "totalPagedResults": -1,
            "remainingPagedResults": -1,
        }),
    ))
}

/// Whether a query by id means an identity: before version 3 `*` stands for anything, and an empty id for all; from
/// then on an id is a name.
fn is_named(id: &str, name: &str, form: Form) -> bool {
    match form {
        Form::Names => id.is_empty() || rows::wildcard(&id.to_lowercase(), &name.to_lowercase()),
        Form::Objects | Form::Later => id.eq_ignore_ascii_case(name),
    }
}

/// Attributes are lists of texts; `username` and `realm` are members of the answer and no attributes.
fn compare(members: &Members, name: &str, operator: &Operator, wanted: &Literal) -> bool {
    let found = members
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    let Some((_, Value::Array(values))) = found else {
        return false;
    };
    let wanted = match wanted {
        Literal::Text(text) => text.to_lowercase(),
        other => other.to_string(),
    };
    values
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_lowercase)
        .any(|have| match operator {
            Operator::Equal => have == wanted || wanted == "*",
            Operator::Contains => have.contains(&wanted),
            Operator::StartsWith => have.starts_with(&wanted),
            Operator::Less => have < wanted,
            Operator::LessOrEqual => have <= wanted,
            Operator::Greater => have > wanted,
            Operator::GreaterOrEqual => have >= wanted,
            Operator::Extended(_) => false,
        })
}
