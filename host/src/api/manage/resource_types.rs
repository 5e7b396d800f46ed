//! `…/resourcetypes` (`management-rest.md` §6).

use serde_json::Value;

use super::rows::{self, Remaining, Row};
use super::{Wanted, created, deleted, guard, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::{self, Operation};
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Authorized;
use crate::auth::privilege::Endpoint;
use crate::documents::{Members, catalogue, members};
use crate::store::{Expect, Kind, Object, Write};

const ROUTES: [(Version, &str); 1] = [(Version(1, 0), "resource=1.0")];
const ENDPOINT: &str = "resourcetypes";

/// Answers any request of the endpoint.
pub(super) async fn handle(
    app: &App,
    call: &Call,
    id: Option<&str>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    let caller = guard::check(app, call, &operation, Endpoint::ResourceTypes).await?;
    let served = call
        .requested
        .route(&ROUTES)
        .ok_or_else(|| ApiError::no_such_resource(id.unwrap_or_default()))?;
    let wanted = Wanted::of(operation, id)?;
    perform(app, call, served, wanted, &caller)
        .await
        .map_err(|error| error.served(served))
}

async fn perform(
    app: &App,
    call: &Call,
    served: &'static str,
    wanted: Wanted<'_>,
    caller: &Authorized,
) -> Result<Answer, ApiError> {
    match wanted {
        Wanted::Query => query(app, call, served).await,
        Wanted::Read(id) => {
            let object = find(app, call, id)
                .await?
                .ok_or_else(|| missing(call, id))?;
            let revision = object.stamp.modified_at.to_string();
            let mut shown = catalogue::resource_type_shown(&object);
            if shown.get("description").is_some_and(Value::is_null) {
                shown.insert("description".into(), "".into());
            }
            Ok(single(call, served, &object.name, Some(revision), shown))
        }
        Wanted::Create => create(app, call, served, None, caller).await,
        Wanted::CreateWithId(id) => create(app, call, served, Some(id), caller)
            .await
            .map_err(ApiError::for_put),
        Wanted::Upsert(id) => match find(app, call, id).await? {
            Some(there) => update(app, call, served, id, there, caller).await,
            None => create(app, call, served, Some(id), caller)
                .await
                .map_err(ApiError::for_put),
        },
        Wanted::Update(id) => {
            let there = find(app, call, id)
                .await?
                .ok_or_else(|| missing(call, id))?;
            update(app, call, served, id, there, caller).await
        }
        Wanted::Delete(id) => {
            let there = find(app, call, id)
                .await?
                .ok_or_else(|| missing(call, id))?;
            if is_used(app, call, &there.name).await? {
                return Err(ApiError::conflict(format!(
                    "Unable to remove resource type {id} because it is referenced in the policy model."
                )));
            }
            let write = Write::Delete {
                kind: Kind::ResourceType,
                realm: call.realm.key.clone(),
                key: there.key,
            };
            app.publisher
                .commit(
                    &guard::author(app, caller),
                    "resource type deleted",
                    vec![write],
                )
                .await?;
            Ok(deleted(call, served, id))
        }
        Wanted::Patch | Wanted::Action(_) => {
            Err(ApiError::not_implemented("Operation is not supported."))
        }
    }
}

async fn find(app: &App, call: &Call, uuid: &str) -> Result<Option<Object>, ApiError> {
    Ok(app
        .store
        .object(Kind::ResourceType, &call.realm.key, &uuid.to_lowercase())
        .await?)
}

fn missing(call: &Call, id: &str) -> ApiError {
    ApiError::not_found(format!(
        "Resource Type {id} does not exist in realm {}",
        call.realm.path
    ))
}

async fn create(
    app: &App,
    call: &Call,
    served: &'static str,
    id: Option<&str>,
    caller: &Authorized,
) -> Result<Answer, ApiError> {
    let body = Value::Object(operation::json_object(&call.body)?);
    let uuid = match (id, uuid_of(&body)?) {
        (Some(id), Some(uuid)) if id != uuid => return Err(mismatch()),
        (Some(id), _) => id.to_owned(),
        (None, Some(uuid)) => uuid,
        (None, None) => random_uuid()?,
    };
    let (parsed, kept) =
        catalogue::resource_type(&body, &uuid).map_err(|faults| refused(&faults))?;
    if find(app, call, &uuid).await?.is_some() {
        return Err(ApiError::conflict(format!(
            "Resource Type {uuid} already exists"
        )));
    }
    name_is_free(app, call, &parsed.name, &uuid).await?;
    let shown = kept.clone();
    let draft = catalogue::resource_type_draft(&call.realm.key, &parsed, kept);
    let write = Write::Put(Expect::Absent, draft);
    app.publisher
        .commit(
            &guard::author(app, caller),
            "resource type created",
            vec![write],
        )
        .await?;
    let answer = written(app, call, served, &uuid, shown).await?;
    Ok(created(app, call, ENDPOINT, &uuid, answer))
}

async fn update(
    app: &App,
    call: &Call,
    served: &'static str,
    id: &str,
    there: Object,
    caller: &Authorized,
) -> Result<Answer, ApiError> {
    let body = Value::Object(operation::json_object(&call.body)?);
    if uuid_of(&body)?.is_some_and(|uuid| !uuid.eq_ignore_ascii_case(id)) {
        return Err(mismatch());
    }
    let (parsed, kept) =
        catalogue::resource_type(&body, &there.name).map_err(|faults| refused(&faults))?;
    name_is_free(app, call, &parsed.name, &there.name).await?;
    let shown = kept.clone();
    let draft = catalogue::resource_type_draft(&call.realm.key, &parsed, kept);
    let write = Write::Put(Expect::Present, draft);
    app.publisher
        .commit(
            &guard::author(app, caller),
            "resource type changed",
            vec![write],
        )
        .await?;
    written(app, call, served, &there.name, shown).await
}

/// What a write answers: the object as stored, without a revision.
async fn written(
    app: &App,
    call: &Call,
    served: &'static str,
    uuid: &str,
    shown: Members,
) -> Result<Answer, ApiError> {
    let mut shown = shown;
    if let Some(object) = find(app, call, uuid).await? {
        crate::documents::add_stamp(&mut shown, &object.stamp);
    }
    Ok(single(call, served, uuid, None, shown))
}

fn uuid_of(body: &Value) -> Result<Option<String>, ApiError> {
    match body.get("uuid") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(uuid)) => Ok(Some(uuid.clone()).filter(|uuid| !uuid.is_empty())),
        Some(_) => Err(ApiError::bad_request(
            "Invalid value uuid: must be a string",
        )),
    }
}

fn mismatch() -> ApiError {
    ApiError::bad_request(
        "Resource Type UUID specified in URL does not match UUID specified in JSON.",
    )
}

fn refused(faults: &[assize_engine::Fault]) -> ApiError {
    super::policies::refused(faults)
}

async fn name_is_free(app: &App, call: &Call, name: &str, uuid: &str) -> Result<(), ApiError> {
    let name_key = name.to_lowercase();
    let types = app
        .store
        .objects(Kind::ResourceType, &call.realm.key)
        .await?;
    let taken = types.iter().any(|other| {
        let other_name = members(other)
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase();
        other_name == name_key && !other.name.eq_ignore_ascii_case(uuid)
    });
    if taken {
        Err(ApiError::conflict(format!(
            "Resource Type {name} already exists"
        )))
    } else {
        Ok(())
    }
}

/// Whether a policy set or a policy of the realm refers to a resource type.
async fn is_used(app: &App, call: &Call, uuid: &str) -> Result<bool, ApiError> {
    for set in app.store.objects(Kind::PolicySet, &call.realm.key).await? {
        let members = members(&set);
        let listed = members.get("resourceTypeUuids").and_then(Value::as_array);
        if listed.is_some_and(|list| list.iter().any(|item| item == uuid)) {
            return Ok(true);
        }
    }
    let policies = app.store.objects(Kind::Policy, &call.realm.key).await?;
    Ok(policies.iter().any(|policy| {
        members(policy)
            .get("resourceTypeUuid")
            .is_some_and(|item| item == uuid)
    }))
}

/// A random UUID (RFC 9562, version 4).
pub(super) fn random_uuid() -> Result<String, ApiError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(error.to_string()))?;
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok(format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    ))
}

async fn query(app: &App, call: &Call, served: &'static str) -> Result<Answer, ApiError> {
    let filter = rows::filter(call)?;
    super::policy_sets::catalogue_filter::check_resource_types(&filter)?;
    let mut rows = Vec::new();
    for object in app
        .store
        .objects(Kind::ResourceType, &call.realm.key)
        .await?
    {
        let row = Row {
            id: object.name.clone(),
            revision: None,
            members: catalogue::resource_type_shown(&object),
        };
        if super::policy_sets::catalogue_filter::holds(
            &filter,
            &row,
            super::policy_sets::catalogue_filter::Case::Matters,
        )? {
            rows.push(row);
        }
    }
    rows::answer(call, served, rows, Remaining::Counted)
}
