//! Session properties over REST: those on the configured list, by anybody for their own session; the administrator may
//! read any.

use serde_json::{Map, Value, json};

use super::{Asked, Target};
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::session::Properties;

/// `getSessionProperties`: every listed property, unset ones as empty text.
pub(super) fn all(app: &App, asked: &Asked) -> Result<Value, ApiError> {
    let Target::Live(session) = &asked.target else {
        return Err(ApiError::bad_request("Bad Request"));
    };
    Ok(listed(app, &session.properties()))
}

/// `updateSessionProperties`: the whole list at once.
pub(super) async fn update(app: &App, asked: &Asked) -> Result<Value, ApiError> {
    let Target::Live(session) = &asked.target else {
        return Err(ApiError::bad_request("Bad Request"));
    };
    let wanted = texts(&asked.body)?;
    let list = &app.config.session_properties;
    if wanted.len() != list.len() || !list.iter().all(|name| wanted.contains_key(name)) {
        return Err(ApiError::forbidden("Forbidden"));
    }
    let change = move |properties: &mut Properties| properties.extend(wanted.clone());
    match app.sessions.change_properties(session, change).await? {
        Some(properties) => Ok(listed(app, &properties)),
        // It has ended meanwhile.
        None => Err(ApiError::bad_request("Bad Request")),
    }
}

/// `getProperty`: the properties that the body names, or all listed ones.
pub(super) fn named(app: &App, asked: &Asked) -> Result<Value, ApiError> {
    let names = match asked.body.get("properties") {
        None | Some(Value::Null) => app.config.session_properties.clone(),
        Some(names) => strings(names)?,
    };
    let free = asked.caller.is_administrator();
    if !free
        && !names
            .iter()
            .all(|name| app.config.session_properties.contains(name))
    {
        return Err(ApiError::forbidden("Forbidden"));
    }
    let Target::Live(session) = &asked.target else {
        return Ok(json!({}));
    };
    let properties = session.properties();
    let value = |name: &String| properties.get(name).cloned().unwrap_or_default();
    Ok(names
        .iter()
        .map(|name| (name.clone(), Value::from(value(name))))
        .collect::<Map<_, _>>()
        .into())
}

/// `setProperty`: the members of the body.
pub(super) async fn set(app: &App, asked: &Asked) -> Result<Value, ApiError> {
    if matches!(asked.target, Target::Dead) {
        return Ok(json!({"success": false}));
    }
    let wanted = texts(&asked.body)?;
    let names = wanted.keys().cloned().collect();
    let set = move |properties: &mut Properties| properties.extend(wanted.clone());
    change(app, asked, names, set).await
}

/// `deleteProperty`: those that the body names.
pub(super) async fn delete(app: &App, asked: &Asked) -> Result<Value, ApiError> {
    if matches!(asked.target, Target::Dead) {
        return Ok(json!({"success": false}));
    }
    let names = asked
        .body
        .get("properties")
        .ok_or_else(|| ApiError::bad_request("Bad Request"))?;
    let names = strings(names)?;
    let deleted = names.clone();
    let delete =
        move |properties: &mut Properties| properties.retain(|name, _| !deleted.contains(name));
    change(app, asked, names, delete).await
}

async fn change(
    app: &App,
    asked: &Asked,
    names: Vec<String>,
    apply: impl Fn(&mut Properties) + Send + Sync + 'static,
) -> Result<Value, ApiError> {
    if !names
        .iter()
        .all(|name| app.config.session_properties.contains(name))
    {
        return Err(ApiError::forbidden("Forbidden"));
    }
    let Target::Live(session) = &asked.target else {
        return Ok(json!({"success": false}));
    };
    let done = app.sessions.change_properties(session, apply).await?;
    Ok(json!({"success": done.is_some()}))
}

fn listed(app: &App, properties: &Properties) -> Value {
    let names = app.config.session_properties.iter();
    let rows = names.map(|name| {
        (
            name.clone(),
            Value::from(properties.get(name).cloned().unwrap_or_default()),
        )
    });
    Value::Object(rows.collect())
}

/// A body of texts that is not empty.
fn texts(body: &Value) -> Result<Properties, ApiError> {
    let refused = || ApiError::bad_request("Bad Request");
    let members = body
        .as_object()
        .filter(|members| !members.is_empty())
        .ok_or_else(refused)?;
    let mut texts = Properties::new();
    for (name, value) in members {
        texts.insert(name.clone(), value.as_str().ok_or_else(refused)?.to_owned());
    }
    Ok(texts)
}

fn strings(value: &Value) -> Result<Vec<String>, ApiError> {
    let refused = || ApiError::bad_request("/properties must be an array of strings");
    let items = value.as_array().ok_or_else(refused)?;
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned).ok_or_else(refused))
        .collect()
}
