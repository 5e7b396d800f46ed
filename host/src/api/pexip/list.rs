//! Lists: a page of objects with what Pexip's clients need to get the next one. Fields can be asked for
//! (`?name=…`, `?name__icontains=…`), and order (`?order_by=-name`).

use axum::body::Body;
use axum::extract::RawQuery;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::crest::parameters::{Parameters, Plus, decode};
use super::super::oauth::error::answer;
use super::caller::ApiUser;
use super::error::Refusal;
use crate::limits::PEXIP_PAGE;

/// Objects of a page where nothing else is asked for.
const DEFAULT_PAGE: usize = 20;

/// `GET /api/admin/status/v1/worker_vm/`: there are none, and Pexip's own client asks whether there are.
pub(super) async fn worker_vms(
    _: ApiUser,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, Refusal> {
    page(
        "/api/admin/status/v1/worker_vm/",
        Vec::new(),
        query.as_deref(),
    )
}

/// The page of `objects` that a query asks for.
///
/// # Errors
/// 400 for a query that cannot be read.
pub(super) fn page(
    path: &str,
    objects: Vec<Value>,
    query: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    let unreadable = |_| Refusal::bad_request("The query string cannot be read");
    let parameters = Parameters::parse(query).map_err(unreadable)?;
    let number = |name: &'static str, default: usize| match parameters.first(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refusal::bad_request(format!("{name}: a number is needed"))),
    };
    // 0 means as many as there may be.
    let limit = match number("limit", DEFAULT_PAGE)? {
        0 => PEXIP_PAGE,
        limit => limit.min(PEXIP_PAGE),
    };
    let offset = number("offset", 0)?;
    let mut found = objects;
    for name in parameters.names() {
        if !["limit", "offset", "order_by", "format"].contains(&name) {
            let wanted = parameters.first(name).unwrap_or_default();
            found = filtered(found, name, wanted)?;
        }
    }
    if let Some(order) = parameters.first("order_by") {
        let field = order.trim_start_matches('-');
        found.sort_by_cached_key(|object| sort_key(object.get(field)));
        if order.starts_with('-') {
            found.reverse();
        }
    }
    let total = found.len();
    let more = beside_the_page(query);
    let beside = |offset: usize| format!("{path}?limit={limit}&offset={offset}{more}");
    let end = offset.saturating_add(limit);
    let next = (end < total).then(|| beside(end));
    let previous = (offset > 0).then(|| beside(offset.saturating_sub(limit)));
    let objects: Vec<Value> = found.into_iter().skip(offset).take(limit).collect();
    let body = json!({
        "meta": {"limit": limit, "next": next, "offset": offset, "previous": previous, "total_count": total},
        "objects": objects,
    });
    Ok(answer(StatusCode::OK, &body))
}

/// What a query says beside the page, as it is written there: the next page is one of the same objects in the same order.
fn beside_the_page(query: Option<&str>) -> String {
    let pairs = query.unwrap_or_default().split('&');
    let kept = pairs.filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = decode(name, Plus::IsBlank).unwrap_or_default();
        !pair.is_empty()
            && !["limit", "offset"]
                .iter()
                .any(|page| name.eq_ignore_ascii_case(page))
    });
    kept.map(|pair| format!("&{pair}")).collect()
}

fn filtered(objects: Vec<Value>, name: &str, wanted: &str) -> Result<Vec<Value>, Refusal> {
    let (field, how) = name.split_once("__").unwrap_or((name, "exact"));
    let known = objects
        .first()
        .is_none_or(|object| object.get(field).is_some());
    if !known {
        return Err(Refusal::bad_request(format!(
            "{field}: there is no such field"
        )));
    }
    let folded = wanted.to_lowercase();
    let fits: Box<dyn Fn(&str) -> bool> = match how {
        "exact" => Box::new(|text| text == wanted),
        "iexact" => Box::new(|text| text.to_lowercase() == folded),
        "contains" => Box::new(|text| text.contains(wanted)),
        "icontains" => Box::new(|text| text.to_lowercase().contains(&folded)),
        "startswith" => Box::new(|text| text.starts_with(wanted)),
        "istartswith" => Box::new(|text| text.to_lowercase().starts_with(&folded)),
        "endswith" => Box::new(|text| text.ends_with(wanted)),
        "iendswith" => Box::new(|text| text.to_lowercase().ends_with(&folded)),
        "in" => Box::new(|text| wanted.split(',').any(|one| one == text)),
        other => {
            return Err(Refusal::bad_request(format!(
                "{name}: {other} is no known comparison"
            )));
        }
    };
    let text = |object: &Value| match object.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Ok(objects
        .into_iter()
        .filter(|object| fits(&text(object)))
        .collect())
}

/// Numbers by size, then texts without regard to case.
fn sort_key(value: Option<&Value>) -> (u64, String) {
    match value {
        Some(Value::Number(number)) => (number.as_u64().unwrap_or(0), String::new()),
        Some(Value::String(text)) => (u64::MAX, text.to_lowercase()),
        other => (u64::MAX, other.map(Value::to_string).unwrap_or_default()),
    }
}
