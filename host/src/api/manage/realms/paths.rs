//! The older endpoint of realms, `…/realms`, which knows them as paths (`management-rest.md` §1.4).

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::collection::Collection;
use super::super::{Wanted, guard, single};
use super::creation::{forbidden_name, make};
use super::shown::revision_of;
use super::{Realms, aliases as alias_rules, beneath};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::endpoint::Endpoint;
use crate::documents::Members;
use crate::documents::realm_settings::RealmSettings;
use crate::publish::{LiveRealm, RealmBody};

/// Answers the collection of the older endpoint: realms as paths.
pub(in crate::api::manage) async fn handle_paths(
    app: &App,
    call: &Call,
    operation: Operation,
) -> Result<Answer, ApiError> {
    let caller = guard::check(app, call, &operation, Endpoint::Realms).await?;
    let served = call
        .requested
        .route(Realms::ROUTES)
        .map(|(_, served)| served)
        .ok_or_else(|| ApiError::no_such_resource(""))?;
    let told = |error: ApiError| error.served(served);
    match Wanted::of(operation, None).map_err(told)? {
        Wanted::Query => {
            let list = beneath(call, caller.caller().realm());
            if call.requested.is_protocol_one() {
                let paths: Vec<&str> = list.iter().map(|realm| realm.path.as_str()).collect();
                return Ok(Answer::value(served, envelope(paths.into())));
            }
            let row = |realm: &Arc<LiveRealm>| {
                let path = realm.path.as_str();
                json!({"_id": path, "_rev": revision_of(realm), "content": [path]})
            };
            Ok(Answer::value(
                served,
                envelope(list.iter().map(row).collect()),
            ))
        }
        Wanted::Create => {
            let body = call.members()?;
            let named = body
                .get("realm")
                .and_then(Value::as_str)
                .filter(|name| !name.trim().is_empty());
            let named =
                named.ok_or_else(|| told(ApiError::bad_request("No realm name provided.")))?;
            let path = call
                .realm
                .path
                .child(named.trim_start_matches('/'))
                .ok_or_else(|| told(forbidden_name("names")))?;
            let active =
                body.get("sunOrganizationStatus").and_then(Value::as_str) != Some("Inactive");
            let aliases = body
                .get("sunOrganizationAliases")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let aliases = aliases
                .filter_map(|alias| alias.as_str().map(str::to_owned))
                .collect::<Vec<_>>();
            alias_rules::check(caller.caller(), &call.live, &path, &[], &aliases).map_err(told)?;
            make(
                app,
                call,
                &path,
                RealmBody {
                    active,
                    aliases,
                    settings: RealmSettings::default(),
                },
                named,
                &guard::author(app, &caller),
            )
            .await
            .map_err(told)?;
            let live = Arc::clone(&app.publisher.live());
            let realm = live
                .realm(&path)
                .ok_or_else(|| told(ApiError::vanished()))?;
            let members = Members::from_iter([("realmCreated".to_owned(), path.as_str().into())]);
            let answer = single(call, served, named, Some(revision_of(&realm)), members);
            Ok(Answer {
                status: axum::http::StatusCode::CREATED,
                ..answer
            })
        }
        _ => Err(told(ApiError::not_implemented(
            "Operation is not supported.",
        ))),
    }
}

fn envelope(rows: Value) -> Value {
    json!({
        "resultCount": rows.as_array().map_or(0, Vec::len),
        "result": rows,
        "pagedResultsCookie": null,
        "totalPagedResultsPolicy": "NONE",
        "totalPagedResults": -1,
        "remainingPagedResults": -1,
    })
}
