//! `…/resourcetypes` (`management-rest.md` §6).

use assize_engine::model::ResourceType;
use axum::http::StatusCode;
use serde_json::Value;

use super::collection::{self, Collection, Put, Route};
use super::policy_sets::catalogue_filter::{self, Case, Comparison};
use super::policy_sets::{is_of_type, lists_type};
use super::rows::{self, Remaining, Row};
use super::{created, deleted};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::auth::random_uuid;
use crate::documents::{Members, catalogue, members};
use crate::store::{Expect, Kind, Object, Unreferred, Write};

/// The only form there is.
#[derive(Clone, Copy)]
pub(super) struct Form;

/// A request whose caller and version are settled.
type Asked<'a> = collection::Asked<'a, Form>;

pub(super) struct ResourceTypes;

impl Collection for ResourceTypes {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = Endpoint::ResourceTypes;
    const PATH: &'static str = "resourcetypes";
    const ROUTES: &'static [Route<Form>] = &[(Version(1, 0), (Form, "resource=1.0"))];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::ResourceType, id).await
    }

    fn missing(asked: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!(
            "Resource Type {id} does not exist in realm {}",
            asked.call.realm.path
        ))
    }

    fn revision(found: &Object) -> String {
        found.stamp.modified_at.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        asked.query().await
    }

    async fn read(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        let mut shown = catalogue::resource_type_shown(&found);
        // AM says the id as it was asked for.
        shown.insert("uuid".into(), id.into());
        if shown.get("description").is_some_and(Value::is_null) {
            shown.insert("description".into(), "".into());
        }
        Ok(asked.single(id, Some(Self::revision(&found)), shown))
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        asked.create(id).await
    }

    async fn check_update(asked: &Asked<'_>, id: &str) -> Result<(), ApiError> {
        asked.checked(id, id).map(drop)
    }

    /// A name that another type has: there is nothing to update under this id.
    fn for_upsert(asked: &Asked<'_>, id: &str, error: ApiError) -> ApiError {
        if error.status() == StatusCode::PRECONDITION_FAILED {
            Self::missing(asked, id, &Operation::Update)
        } else {
            error
        }
    }

    async fn update(
        asked: &Asked<'_>,
        id: &str,
        found: Object,
        _: Put,
    ) -> Result<Answer, ApiError> {
        asked.update(id, found).await
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        let since = asked.app.store.revision().await?;
        if asked.is_used(&found.name).await? {
            return Err(ApiError::conflict(format!(
                "Unable to remove resource type {id} because it is referenced in the policy model."
            )));
        }
        let realm = &asked.call.realm.key;
        let unused = |kind, refers| {
            Write::RequireUnreferred(Unreferred {
                kind,
                realm: realm.clone(),
                since,
                to: found.name.clone(),
                refers,
            })
        };
        let writes = vec![
            unused(Kind::PolicySet, lists_type),
            unused(Kind::Policy, is_of_type),
            Write::Delete {
                kind: Kind::ResourceType,
                realm: realm.clone(),
                key: found.key.clone(),
            },
        ];
        asked
            .commit_to(Kind::ResourceType, &found, "resource type deleted", writes)
            .await?;
        Ok(deleted(asked.call, asked.served, id))
    }
}

impl Asked<'_> {
    async fn create(&self, id: Option<&str>) -> Result<Answer, ApiError> {
        let body = Value::Object(self.call.members()?);
        let uuid = match (id, uuid_of(&body)?) {
            (Some(id), Some(uuid)) if id != uuid => return Err(mismatch()),
            (Some(id), _) => id.to_owned(),
            (None, Some(uuid)) if !uuid.trim().is_empty() => uuid,
            (None, _) => random_uuid().map_err(ApiError::internal)?,
        };
        let (parsed, kept) =
            catalogue::resource_type(&body, &uuid).map_err(|faults| refused(&faults))?;
        if self.object(Kind::ResourceType, &uuid).await?.is_some() {
            return Err(ApiError::conflict(format!(
                "Resource Type {uuid} already exists"
            )));
        }
        self.name_is_free(&parsed.name, &uuid).await?;
        let shown = kept.clone();
        let draft = catalogue::resource_type_draft(&self.call.realm.key, &parsed, kept);
        let write = Write::Put(Expect::Absent, draft);
        self.commit("resource type created", vec![write]).await?;
        let answer = self.written(&uuid, shown).await?;
        Ok(created(
            self.app,
            self.call,
            ResourceTypes::PATH,
            &uuid,
            answer,
        ))
    }

    /// The body of an update, for the type of this name.
    fn checked(&self, id: &str, name: &str) -> Result<(ResourceType, Members), ApiError> {
        let body = Value::Object(self.call.members()?);
        let (parsed, kept) =
            catalogue::resource_type(&body, name).map_err(|faults| refused(&faults))?;
        if uuid_of(&body)?.is_some_and(|uuid| !uuid.eq_ignore_ascii_case(id)) {
            return Err(mismatch());
        }
        Ok((parsed, kept))
    }

    async fn update(&self, id: &str, there: Object) -> Result<Answer, ApiError> {
        let (parsed, kept) = self.checked(id, &there.name)?;
        self.name_is_free(&parsed.name, &there.name).await?;
        let shown = kept.clone();
        let draft = catalogue::resource_type_draft(&self.call.realm.key, &parsed, kept);
        let write = Write::Put(Expect::Present, draft);
        self.commit_to(
            Kind::ResourceType,
            &there,
            "resource type changed",
            vec![write],
        )
        .await?;
        self.written(id, shown).await
    }

    /// What a write answers: the object as stored, without a revision, under the id as it was asked for.
    async fn written(&self, uuid: &str, shown: Members) -> Result<Answer, ApiError> {
        let mut shown = shown;
        shown.insert("uuid".into(), uuid.into());
        if let Some(object) = self.object(Kind::ResourceType, uuid).await? {
            crate::documents::add_stamp(&mut shown, &object.stamp);
        }
        Ok(self.single(uuid, None, shown))
    }

    async fn query(&self) -> Result<Answer, ApiError> {
        let filter = rows::filter(self.call)?;
        catalogue_filter::check_resource_types(&filter)?;
        let comparison = Comparison::new(Case::Matters);
        let mut rows = Vec::new();
        for object in self.objects(Kind::ResourceType).await? {
            let row = Row {
                id: object.name.clone(),
                revision: None,
                members: catalogue::resource_type_shown(&object),
            };
            if comparison.holds(&filter, &row)? {
                rows.push(row);
            }
        }
        rows::answer(self.call, self.served, rows, Remaining::Counted)
    }

    async fn name_is_free(&self, name: &str, uuid: &str) -> Result<(), ApiError> {
        let name_key = name.to_lowercase();
        let types = self.objects(Kind::ResourceType).await?;
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
    async fn is_used(&self, uuid: &str) -> Result<bool, ApiError> {
        let sets = self.objects(Kind::PolicySet).await?;
        if sets.iter().any(|set| lists_type(set, uuid)) {
            return Ok(true);
        }
        let policies = self.objects(Kind::Policy).await?;
        Ok(policies.iter().any(|policy| is_of_type(policy, uuid)))
    }
}

fn uuid_of(body: &Value) -> Result<Option<String>, ApiError> {
    match body.get("uuid") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(uuid)) => Ok(Some(uuid.clone())),
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
