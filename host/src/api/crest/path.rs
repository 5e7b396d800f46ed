//! From a path below `/json/` to the realm and the endpoint that it names (AM's two styles of routing).
//!
//! New style: `realms/root/realms/a/realms/b/policies`, or `realms/ALIAS/…`. Old style: `policies`, `a/b/policies`, or
//! `policies?realm=/a/b`; a realm whose alias is the host's name is the one of a path that names none.

use std::sync::Arc;

use super::parameters::{Parameters, Plus, decode};
use crate::api::error::ApiError;
use crate::publish::{Live, LiveRealm};
use crate::realm::RealmPath;

/// What a path stands for.
pub(crate) struct Target {
    pub(crate) realm: Arc<LiveRealm>,
    /// The elements after the realm, decoded; never empty ones.
    pub(crate) endpoint: Vec<String>,
    pub(crate) style: Style,
}

/// How the realm was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    New,
    Old,
}

/// Resolves a whole path by its part after `/json/`.
///
/// # Errors
/// 400 for empty elements and a bad `realm` parameter, 404 for a realm of a new-style path that is not there. An unknown
/// first element of an old-style path is no error here: it is taken for an endpoint.
pub(crate) fn resolve(
    live: &Live,
    (whole, path): (&str, &str),
    parameters: &Parameters,
    host: Option<&str>,
) -> Result<Target, ApiError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut elements = Vec::new();
    for element in path.split('/') {
        if element.is_empty() {
            return Err(ApiError::bad_request(format!(
                "Resource path '{whole}' contains empty path elements"
            )));
        }
        let decoded = decode(element, Plus::IsPlus);
        elements.push(decoded.ok_or_else(|| {
            ApiError::bad_request(format!("Resource path '{whole}' is not valid UTF-8"))
        })?);
    }
    if elements.len() >= 2 && elements.first().is_some_and(|first| first == "realms") {
        new_style(live, elements)
    } else {
        old_style(live, elements, parameters, host)
    }
}

fn new_style(live: &Live, elements: Vec<String>) -> Result<Target, ApiError> {
    let mut rest = elements.into_iter().skip(1).peekable();
    let first = rest.next().unwrap_or_default();
    let unknown = |realm: &str| ApiError::not_found(format!("Realm \"{realm}\" not found"));
    let mut realm = if first.eq_ignore_ascii_case("root") {
        live.root()
    } else {
        live.by_name_or_alias(&first)
            .ok_or_else(|| unknown(&first))?
    };
    while rest.peek().is_some_and(|element| element == "realms") {
        rest.next();
        let Some(name) = rest.next() else {
            return Ok(Target {
                realm,
                endpoint: vec!["realms".into()],
                style: Style::New,
            });
        };
        let below = format!("{}/{name}", realm.path.as_str().trim_end_matches('/'));
        realm = realm
            .path
            .child(&name)
            .and_then(|path| live.realm(&path))
            .ok_or_else(|| unknown(&below))?;
    }
    Ok(Target {
        realm,
        endpoint: rest.collect(),
        style: Style::New,
    })
}

fn old_style(
    live: &Live,
    elements: Vec<String>,
    parameters: &Parameters,
    host: Option<&str>,
) -> Result<Target, ApiError> {
    let by_host =
        host.and_then(|host| live.by_alias(host.rsplit_once(':').map_or(host, |(name, _)| name)));
    let mut realm = by_host.unwrap_or_else(|| live.root());
    let mut consumed = 0;
    for name in elements.iter().take(elements.len().saturating_sub(1)) {
        let below = realm.path.child(name).and_then(|path| live.realm(&path));
        let below = below.or_else(|| realm.path.is_root().then(|| live.by_alias(name)).flatten());
        let Some(below) = below else { break };
        realm = below;
        consumed += 1;
    }
    if let Some(named) = parameters.first("realm") {
        realm = by_parameter(live, named)?;
    }
    Ok(Target {
        realm,
        endpoint: elements.into_iter().skip(consumed).collect(),
        style: Style::Old,
    })
}

/// The realm of a `realm` parameter: a path with a leading slash, or a name or alias; empty means the root. Slashes at
/// the end or beside each other say nothing, nor do spaces around it.
///
/// # Errors
/// 400 where there is no such realm.
pub(crate) fn by_parameter(live: &Live, named: &str) -> Result<Arc<LiveRealm>, ApiError> {
    let text = named.trim();
    let names: Vec<&str> = text.split('/').filter(|name| !name.is_empty()).collect();
    let found = match names[..] {
        [] => Some(live.root()),
        _ if text.starts_with('/') => {
            RealmPath::parse(&format!("/{}", names.join("/"))).and_then(|path| live.realm(&path))
        }
        [name] => live.by_name_or_alias(name),
        _ => None,
    };
    found.ok_or_else(|| ApiError::bad_request(format!("Invalid realm, {named}")))
}
