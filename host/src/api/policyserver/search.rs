//! Whom roles can be assigned to: users and groups of the root realm, by a part of their name (`?q=`).

use axum::body::Body;
use axum::extract::RawQuery;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::crest::parameters::Parameters;
use super::caller::Administrator;
use super::error::Refusal;
use super::page::page;
use crate::limits::HIERARCHY_SEARCH_RESULTS;
use crate::policyserver::entry::realm_key;
use crate::realm::{IdentityKind, RealmPath};
use crate::store::Kind;

type Answered = Result<Response<Body>, Refusal>;

/// `GET /management/search/users?q=…`: `{"sub", "name"}` of each; `sub` is what tokens for the user carry.
pub(super) async fn users(administrator: Administrator, RawQuery(query): RawQuery) -> Answered {
    let names = named(&administrator, Kind::User, query.as_deref()).await?;
    let directory = &administrator.app().subjects.directory;
    let root = RealmPath::root();
    let shown = names.into_iter().map(|name| {
        let sub = directory.universal_id(IdentityKind::User, &name, &root);
        json!({"sub": sub, "name": name})
    });
    Ok(page(
        StatusCode::OK,
        shown.collect::<Vec<Value>>().into(),
        Vec::new(),
    ))
}

/// `GET /management/search/roles?q=…`: `{"name"}` of each group.
pub(super) async fn roles(administrator: Administrator, RawQuery(query): RawQuery) -> Answered {
    let names = named(&administrator, Kind::Group, query.as_deref()).await?;
    let shown = names.into_iter().map(|name| json!({"name": name}));
    Ok(page(
        StatusCode::OK,
        shown.collect::<Vec<Value>>().into(),
        Vec::new(),
    ))
}

async fn named(
    administrator: &Administrator,
    kind: Kind,
    query: Option<&str>,
) -> Result<Vec<String>, Refusal> {
    administrator.check_sees_users()?;
    let unreadable = |_| Refusal::bad_request("The query string cannot be read");
    let parameters = Parameters::parse(query).map_err(unreadable)?;
    let wanted = parameters.single("q").map_err(unreadable)?;
    let wanted = wanted.unwrap_or_default().to_lowercase();
    let objects = administrator
        .app()
        .store
        .objects(kind, &realm_key())
        .await?;
    let names = objects.into_iter().map(|object| object.name);
    let mut found: Vec<String> = names
        .filter(|name| name.to_lowercase().contains(&wanted))
        .collect();
    found.sort();
    found.truncate(HIERARCHY_SEARCH_RESULTS);
    Ok(found)
}
