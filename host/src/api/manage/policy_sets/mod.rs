//! `…/applications`: policy sets (`management-rest.md` §4).

pub(super) mod catalogue_filter;
mod version_one;

use serde_json::Value;

use super::collection::{self, Collection, Put, Route};
use super::rows::{self, Remaining, Row};
use super::{created, deleted};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::documents::{Members, catalogue, members};
use crate::store::{Expect, Kind, Object, Unreferred, Write};
use catalogue_filter::{Case, Comparison};

/// Which form policy sets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    One,
    Two,
}

/// A request whose caller and version are settled.
type Asked<'a> = collection::Asked<'a, Form>;

pub(super) struct PolicySets;

impl Collection for PolicySets {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = Endpoint::Applications;
    const PATH: &'static str = "applications";
    const ROUTES: &'static [Route<Form>] = &[
        (Version(1, 0), (Form::One, "resource=1.0")),
        (Version(2, 1), (Form::Two, "resource=2.1")),
    ];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::PolicySet, id).await
    }

    fn missing(asked: &Asked<'_>, id: &str, wanted: &Operation) -> ApiError {
        ApiError::not_found(match (wanted, asked.form) {
            (Operation::Update, Form::One) => format!("Unable to find application {id}"),
            (Operation::Update, Form::Two) => format!("{id} not found."),
            (Operation::Delete, _) => format!("{id} application not found in realm."),
            _ => format!(
                "Unable to retrieve application under realm {}.",
                asked.call.realm.path
            ),
        })
    }

    fn revision(found: &Object) -> String {
        found.stamp.modified_at.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        asked.query().await
    }

    async fn read(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        asked.shown(id, &found).await
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        asked.create(id).await
    }

    async fn check_update(asked: &Asked<'_>, id: &str) -> Result<(), ApiError> {
        match asked.form {
            Form::One => version_one::check(asked),
            Form::Two => {
                let body = asked.call.members()?;
                check_type_and_combiner(&body)?;
                match given_name(&body)? {
                    Some(name) if name.to_lowercase() != id.to_lowercase() => Err(mismatch()),
                    _ => Ok(()),
                }
            }
        }
    }

    async fn update(asked: &Asked<'_>, _: &str, found: Object, _: Put) -> Result<Answer, ApiError> {
        asked.update(found).await
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        asked.delete(id, found).await
    }
}

impl Asked<'_> {
    async fn shown(&self, id: &str, object: &Object) -> Result<Answer, ApiError> {
        let revision = Some(PolicySets::revision(object));
        Ok(self.single(id, revision, self.members(object).await?))
    }

    async fn members(&self, object: &Object) -> Result<Members, ApiError> {
        let shown = catalogue::policy_set_shown(object);
        match self.form {
            Form::Two => Ok(shown),
            Form::One => version_one::shown(self.app, &self.call.realm, shown).await,
        }
    }

    async fn create(&self, id: Option<&str>) -> Result<Answer, ApiError> {
        let mut body = self.call.members()?;
        let mut writes = Vec::new();
        if self.form == Form::One {
            let uuid = version_one::type_for_new_set(self, id, &body, &mut writes).await?;
            body.insert("resourceTypeUuids".into(), vec![uuid].into());
        }
        check_type_and_combiner(&body)?;
        match (id, given_name(&body)?) {
            (Some(id), Some(name)) if id != name => return Err(mismatch()),
            (Some(id), _) => drop(body.insert("name".into(), id.into())),
            (None, None) => {
                return Err(ApiError::bad_request("Application name must be specified."));
            }
            (None, Some(name)) if name.is_empty() => {
                return Err(ApiError::bad_request("Application name must be specified."));
            }
            (None, Some(_)) => {}
        }
        let (parsed, kept) = catalogue::policy_set(&Value::Object(body))
            .map_err(|f| super::policies::refused(&f))?;
        if self.object(Kind::PolicySet, &parsed.name).await?.is_some() {
            return Err(ApiError::conflict("Application already exists"));
        }
        let types = self.types_exist(&kept, &writes).await?;
        self.caller.check_administers_policies()?;
        writes.extend(types);
        let name = parsed.name.clone();
        writes.push(Write::Put(
            Expect::Absent,
            catalogue::policy_set_draft(&self.call.realm.key, &parsed, kept),
        ));
        self.commit("policy set created", writes).await?;
        let answer = self.after(&name).await?;
        Ok(created(
            self.app,
            self.call,
            PolicySets::PATH,
            &name,
            answer,
        ))
    }

    async fn update(&self, there: Object) -> Result<Answer, ApiError> {
        let mut body = self.call.members()?;
        if given_name(&body)?.is_some_and(|name| name.to_lowercase() != there.key) {
            return Err(mismatch());
        }
        body.insert("name".into(), there.name.as_str().into());
        check_type_and_combiner(&body)?;
        let mut writes = Vec::new();
        if self.form == Form::One {
            let uuid = version_one::type_for_changed_set(self, &body, &there, &mut writes).await?;
            body.insert("resourceTypeUuids".into(), vec![uuid].into());
            let before = members(&there);
            body.entry("displayName")
                .or_insert_with(|| before.get("displayName").cloned().unwrap_or_default());
        }
        let (parsed, kept) = catalogue::policy_set(&Value::Object(body))
            .map_err(|f| super::policies::refused(&f))?;
        let types = self.types_exist(&kept, &writes).await?;
        self.caller.check_administers_policies()?;
        let unused = self
            .policies_keep_their_types(&there, &parsed.resource_types, &writes)
            .await?;
        writes.extend(types);
        writes.extend(unused);
        // Its policies were looked at as those of the set that was there, and version 1.0 keeps what it does not know.
        writes.push(self.unchanged(Kind::PolicySet, &there));
        writes.push(Write::Put(
            Expect::Present,
            catalogue::policy_set_draft(&self.call.realm.key, &parsed, kept),
        ));
        self.commit("policy set changed", writes).await?;
        self.after(&there.name).await
    }

    async fn delete(&self, id: &str, there: Object) -> Result<Answer, ApiError> {
        self.caller.check_administers_policies()?;
        let policies = self.objects(Kind::Policy).await?;
        if policies.iter().any(|policy| policy.owner == there.key) {
            return Err(ApiError::conflict(
                "Application cannot be altered because policies exist within the Application. Remove all policies from \
                 the Application before attempting to delete the Application.",
            ));
        }
        let realm = &self.call.realm.key;
        let writes = vec![
            Write::RequireEmpty {
                kind: Kind::Policy,
                realm: realm.clone(),
                owner: there.key.clone(),
            },
            Write::Delete {
                kind: Kind::PolicySet,
                realm: realm.clone(),
                key: there.key.clone(),
            },
        ];
        self.commit_to(Kind::PolicySet, &there, "policy set deleted", writes)
            .await?;
        Ok(deleted(self.call, self.served, id))
    }

    async fn after(&self, name: &str) -> Result<Answer, ApiError> {
        let object = self.object(Kind::PolicySet, name).await?;
        let object = object.ok_or_else(ApiError::vanished)?;
        self.shown(&object.name, &object).await
    }

    /// Requires the set's resource types, but for those that this change makes.
    ///
    /// # Errors
    /// 400 for one that the realm does not have.
    async fn types_exist(&self, kept: &Members, writes: &[Write]) -> Result<Vec<Write>, ApiError> {
        let mut unchanged = Vec::new();
        for uuid in kept
            .get("resourceTypeUuids")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let uuid = uuid.as_str().unwrap_or_default();
            let made = writes.iter().any(
                |w| matches!(w, Write::Put(_, d) if d.kind == Kind::ResourceType && d.name == uuid),
            );
            if made {
                continue;
            }
            let found = self.object(Kind::ResourceType, uuid).await?;
            let found = found
                .ok_or_else(|| ApiError::bad_request(format!("Invalid resource type {uuid}.")))?;
            unchanged.push(self.unchanged(Kind::ResourceType, &found));
        }
        Ok(unchanged)
    }

    /// Requires that no policy comes to be of a type that the set would not have any more.
    ///
    /// # Errors
    /// 409 where a policy of the set is of a type that the set would not have any more.
    async fn policies_keep_their_types(
        &self,
        there: &Object,
        types: &[String],
        writes: &[Write],
    ) -> Result<Vec<Write>, ApiError> {
        let before = members(there);
        let before = before
            .get("resourceTypeUuids")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let removed = |uuid: &Value| !types.iter().any(|kept| uuid == kept);
        if !before.iter().any(removed) || !writes.is_empty() {
            return Ok(Vec::new());
        }
        let since = self.app.store.revision().await?;
        for policy in self.objects(Kind::Policy).await? {
            let uses = |uuid: &Value| uuid.as_str().is_some_and(|uuid| is_of_type(&policy, uuid));
            if policy.owner == there.key && before.iter().filter(|uuid| removed(uuid)).any(uses) {
                return Err(ApiError::conflict(format!(
                    "The resource types of the application cannot be replaced because its policy {} is of one of them.",
                    policy.name
                )));
            }
        }
        let lost = before.iter().filter(|uuid| removed(uuid));
        let unused = lost.filter_map(Value::as_str).map(|uuid| Unreferred {
            kind: Kind::Policy,
            realm: self.call.realm.key.clone(),
            since,
            to: uuid.to_owned(),
            refers: is_of_type,
        });
        Ok(unused.map(Write::RequireUnreferred).collect())
    }

    async fn query(&self) -> Result<Answer, ApiError> {
        let filter = rows::filter(self.call)?;
        catalogue_filter::check_policy_sets(&filter)?;
        let comparison = Comparison::new(Case::Ignored);
        let mut rows = Vec::new();
        for object in self.objects(Kind::PolicySet).await? {
            let row = Row {
                id: object.name.clone(),
                revision: None,
                members: catalogue::policy_set_shown(&object),
            };
            if comparison.holds(&filter, &row)? {
                rows.push(Row {
                    members: self.members(&object).await?,
                    ..row
                });
            }
        }
        rows::answer(self.call, self.served, rows, Remaining::Counted)
    }
}

/// Whether a policy is of a resource type.
pub(super) fn is_of_type(policy: &Object, uuid: &str) -> bool {
    members(policy)
        .get("resourceTypeUuid")
        .is_some_and(|own| own == uuid)
}

/// Whether a policy set lists a resource type.
pub(super) fn lists_type(set: &Object, uuid: &str) -> bool {
    let members = members(set);
    let listed = members.get("resourceTypeUuids").and_then(Value::as_array);
    listed.is_some_and(|list| list.iter().any(|item| item == uuid))
}

fn given_name(body: &Members) -> Result<Option<String>, ApiError> {
    match body.get("name") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(_) => Err(ApiError::bad_request(
            "Invalid value name: must be a string",
        )),
    }
}

/// The two checks that come before all others: a combiner of null, and the application type.
fn check_type_and_combiner(body: &Members) -> Result<(), ApiError> {
    match body.get("entitlementCombiner") {
        Some(Value::Null) => {
            return Err(ApiError::bad_request("Unable to instantiate class null."));
        }
        None | Some(Value::String(_)) => {}
        Some(_) => {
            return Err(ApiError::bad_request(
                "Invalid value entitlementCombiner: must be a string",
            ));
        }
    }
    match body.get("applicationType") {
        Some(Value::String(kind)) if catalogue::APPLICATION_TYPES.contains(&kind.as_str()) => {}
        _ => {
            return Err(ApiError::bad_request(
                "Invalid application type defined in request.",
            ));
        }
    }
    if body.get("resourceTypeUuids").is_some_and(Value::is_null) {
        return Err(ApiError::bad_request(
            "Invalid value resourceTypeUuids: must be an array of strings",
        ));
    }
    Ok(())
}

fn mismatch() -> ApiError {
    ApiError::bad_request(
        "Application name specified in URL does not match application name specified in JSON.",
    )
}
