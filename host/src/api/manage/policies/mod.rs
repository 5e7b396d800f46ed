//! `…/policies`: their administration (`management-rest.md` §5). Decisions are in [`crate::api::evaluate`].

mod copy;
mod query;

use assize_engine::model::{PolicySet, ResourceType};
use assize_engine::resource::canonical;
use assize_engine::{Fault, FaultCode};
use serde_json::Value;

use super::collection::{self, Collection, Put, Route};
use super::{created, deleted};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::documents::policy::Checked;
use crate::documents::{Members, catalogue, policy};
use crate::publish::LiveRealm;
use crate::store::{Draft, Expect, Kind, Object, Stamp, Write};

/// Which form policies have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    One,
    Two,
}

/// A request whose caller and version are settled.
type Asked<'a> = collection::Asked<'a, Form>;

pub(super) struct Policies;

impl Collection for Policies {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = Endpoint::Policies;
    const PATH: &'static str = "policies";
    const ROUTES: &'static [Route<Form>] = &[
        (Version(1, 0), (Form::One, "resource=1.0")),
        (Version(2, 0), (Form::Two, "resource=2.0")),
        (Version(2, 1), (Form::Two, "resource=2.1")),
    ];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::Policy, id).await
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!("Policy {id} does not exist."))
    }

    fn revision(found: &Object) -> String {
        found.stamp.modified_at.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        query::answer(asked).await
    }

    async fn read(asked: &Asked<'_>, _: &str, found: Object) -> Result<Answer, ApiError> {
        Ok(asked.shown(&found.name, &found, policy::shown(&found)))
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        asked.create(id).await
    }

    async fn check_update(asked: &Asked<'_>, id: &str) -> Result<(), ApiError> {
        asked.check_update(id).await
    }

    async fn update(
        asked: &Asked<'_>,
        id: &str,
        found: Object,
        put: Put,
    ) -> Result<Answer, ApiError> {
        asked.update(id, found, put).await
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        let write = Write::Delete {
            kind: Kind::Policy,
            realm: asked.call.realm.key.clone(),
            key: found.key.clone(),
        };
        asked
            .commit_to(Kind::Policy, &found, "policy deleted", vec![write])
            .await?;
        Ok(deleted(asked.call, asked.served, id))
    }

    async fn act(asked: &Asked<'_>, action: &str, id: Option<&str>) -> Result<Answer, ApiError> {
        match (asked.form, action, id) {
            (Form::Two, "copy" | "move", Some(name)) => copy::one(asked, action, name).await,
            (Form::Two, "copy" | "move", None) => copy::many(asked, action).await,
            (Form::Two, ..) => Err(ApiError::not_implemented(format!("{action}not supported"))),
            (Form::One, _, None) => Err(ApiError::not_implemented(format!(
                "Action '{action}' not implemented for this resource"
            ))),
            (Form::One, ..) => Err(ApiError::not_implemented("Operation is not supported.")),
        }
    }

    fn patch_refused(asked: &Asked<'_>) -> ApiError {
        ApiError::not_implemented(match asked.form {
            Form::One => "Operation is not supported.",
            Form::Two => "Patch not supported",
        })
    }
}

/// The error that a fault of what somebody wrote becomes: AM's words, and where it is for what lies deeper.
pub(in crate::api::manage) fn refused(faults: &[Fault]) -> ApiError {
    let Some(fault) = faults.first() else {
        return ApiError::bad_request("Bad Request");
    };
    let deep = ["/subject", "/condition", "/resourceAttributes"]
        .iter()
        .any(|part| fault.path.starts_with(part));
    if deep || fault.code == FaultCode::WrongType {
        ApiError::bad_request(format!("{} (at {})", fault.message, fault.path))
    } else {
        ApiError::bad_request(fault.message.clone())
    }
}

/// A fault of a resource, with the resource as it was sent instead of its normal form.
fn as_sent(fault: Fault, sent: &Value) -> Fault {
    let mut texts = sent
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let told = |text: &str| format!("Invalid value {text} for property resources");
    let found = texts.find(|text| canonical(text).is_ok_and(|form| told(&form) == fault.message));
    match found {
        Some(text) => Fault {
            message: told(text),
            ..fault
        },
        None => fault,
    }
}

impl Asked<'_> {
    async fn there(&self, name: &str) -> Result<Object, ApiError> {
        let found = self.object(Kind::Policy, name).await?;
        found.ok_or_else(|| Policies::missing(self, name, &Operation::Read))
    }

    fn shown(&self, id: &str, object: &Object, mut members: Members) -> Answer {
        if self.form == Form::One {
            members.remove("resourceTypeUuid");
        }
        self.single(id, Some(Policies::revision(object)), members)
    }

    async fn create(&self, id: Option<&str>) -> Result<Answer, ApiError> {
        let mut body = self.call.members()?;
        if self.form == Form::One {
            self.fill_in_type(&mut body, &self.call.realm).await?;
        }
        match (id, body.get("name")) {
            (Some(id), Some(Value::String(name))) if id != name => return Err(mismatch()),
            (Some(id), None) => drop(body.insert("name".into(), id.into())),
            (None, None) => return Err(ApiError::bad_request("Policy name cannot be empty.")),
            _ => {}
        }
        let realm = &self.call.realm;
        let (checked, fit) = self.checked(body, realm, Purpose::Create).await?;
        if self
            .object(Kind::Policy, &checked.policy.name)
            .await?
            .is_some()
        {
            return Err(ApiError::conflict("Policy already exists"));
        }
        let name = checked.policy.name.clone();
        let write = Write::Put(Expect::Absent, checked.draft(&realm.key, &fit.set));
        self.commit("policy created", fit.then([write])).await?;
        let answer = self.written(&name).await?;
        Ok(created(self.app, self.call, Policies::PATH, &name, answer))
    }

    /// # Errors
    /// 400 for a policy that its set does not take, 404 for an unknown policy set.
    async fn check_update(&self, id: &str) -> Result<(), ApiError> {
        let mut body = self.call.members()?;
        body.entry("name").or_insert_with(|| id.into());
        self.checked(body, &self.call.realm, Purpose::Update)
            .await
            .map(drop)
    }

    /// A policy may get another name, but not by a PUT that could have created one.
    async fn update(&self, id: &str, there: Object, put: Put) -> Result<Answer, ApiError> {
        let mut body = self.call.members()?;
        match body.get("name") {
            None => drop(body.insert("name".into(), id.into())),
            Some(Value::String(name)) if name != id && put == Put::Upsert => {
                return Err(mismatch());
            }
            Some(_) => {}
        }
        let realm = &self.call.realm;
        let (checked, fit) = self.checked(body, realm, Purpose::Update).await?;
        let name = checked.policy.name.clone();
        let draft = checked.draft(&realm.key, &fit.set);
        let writes = if draft.key == there.key {
            fit.then([Write::Put(Expect::Present, draft)])
        } else {
            // A policy of that name must not be lost, nor this one: both steps are one change.
            if self.object(Kind::Policy, &name).await?.is_some() {
                return Err(ApiError::conflict("Policy already exists"));
            }
            let stamp = Stamp {
                modified_by: self.author(),
                modified_at: self.call.now,
                ..there.stamp.clone()
            };
            let delete = Write::Delete {
                kind: Kind::Policy,
                realm: realm.key.clone(),
                key: there.key.clone(),
            };
            let renamed = Draft {
                stamp: Some(stamp),
                ..draft
            };
            let unchanged = self.unchanged(Kind::Policy, &there);
            fit.then([unchanged, delete, Write::Put(Expect::Absent, renamed)])
        };
        self.commit_to(Kind::Policy, &there, "policy changed", writes)
            .await?;
        self.written(&name).await
    }

    /// What a write answers: the policy as stored, without what a read would fill in.
    async fn written(&self, name: &str) -> Result<Answer, ApiError> {
        let object = self.there(name).await?;
        Ok(self.shown(&object.name, &object, policy::written(&object)))
    }

    /// Checks a policy against its realm; with it comes what it fits.
    ///
    /// # Errors
    /// 400 for the first thing wrong; 404 for an unknown set where AM says so.
    async fn checked(
        &self,
        mut body: Members,
        realm: &LiveRealm,
        purpose: Purpose,
    ) -> Result<(Checked, Fit), ApiError> {
        if self.form == Form::One {
            self.fill_in_type(&mut body, realm).await?;
        }
        if body.get("applicationName").is_some_and(|name| name == "") {
            // No set is called so.
            self.policy_set("", realm, purpose).await?;
        }
        let sent = body.get("resources").cloned().unwrap_or_default();
        let checked = policy::check(&Value::Object(body)).map_err(|faults| refused(&faults))?;
        let wanted = &checked.policy.policy_set;
        let (set, mut unchanged) = self.policy_set(wanted, realm, purpose).await?;
        let own = checked.policy.resource_type.as_ref();
        let own = own.map(|uuid| uuid.to_lowercase());
        let mut types = Vec::new();
        for (object, parsed) in self.types(&set, realm).await? {
            if own.as_ref() == Some(&object.key) {
                unchanged.push(Write::require(Kind::ResourceType, &realm.key, &object));
            }
            types.push(parsed);
        }
        let mut faults = checked.policy.check_against(&set, &types);
        faults.extend(checked.policy.check_legacy());
        if faults.is_empty() {
            let set = set.name;
            Ok((checked, Fit { set, unchanged }))
        } else {
            let faults = faults.into_iter().map(|fault| as_sent(fault, &sent));
            Err(refused(&faults.collect::<Vec<Fault>>()))
        }
    }

    /// # Errors
    /// What an unknown policy set is answered with: 400 where a policy is created, else 404.
    async fn policy_set(
        &self,
        name: &str,
        realm: &LiveRealm,
        purpose: Purpose,
    ) -> Result<(PolicySet, Vec<Write>), ApiError> {
        let set = self.stored_policy_set(name, realm).await?;
        let unchanged = |(object, set)| {
            let unchanged = Write::require(Kind::PolicySet, &realm.key, &object);
            (set, vec![unchanged])
        };
        set.map(unchanged).ok_or_else(|| {
            let message = format!("Unable to retrieve application under realm {}.", realm.path);
            match purpose {
                Purpose::Create => ApiError::bad_request(message),
                Purpose::Update => ApiError::not_found(message),
            }
        })
    }

    /// A policy set of the realm, whatever the case of its name.
    async fn stored_policy_set(
        &self,
        name: &str,
        realm: &LiveRealm,
    ) -> Result<Option<(Object, PolicySet)>, ApiError> {
        let key = name.to_lowercase();
        let kind = Kind::PolicySet;
        let stored = self.app.store.object(kind, &realm.key, &key).await?;
        let parsed = |object: Object| catalogue::policy_set_of(&object).map(|set| (object, set));
        Ok(stored.and_then(parsed))
    }

    async fn types(
        &self,
        set: &PolicySet,
        realm: &LiveRealm,
    ) -> Result<Vec<(Object, ResourceType)>, ApiError> {
        let mut types = Vec::new();
        for uuid in &set.resource_types {
            let object = self
                .app
                .store
                .object(Kind::ResourceType, &realm.key, &uuid.to_lowercase())
                .await?;
            let parsed =
                |object: Object| catalogue::resource_type_of(&object).map(|found| (object, found));
            types.extend(object.and_then(parsed));
        }
        Ok(types)
    }

    /// Version 1.0 names no resource type: it is the only one of the policy set.
    async fn fill_in_type(&self, body: &mut Members, realm: &LiveRealm) -> Result<(), ApiError> {
        let name = match body.get("applicationName") {
            Some(Value::String(name)) if !name.is_empty() => name.clone(),
            _ => {
                return Err(ApiError::bad_request(
                    "Invalid application name defined in request",
                ));
            }
        };
        let set = self.stored_policy_set(&name, realm).await?;
        let unknown = || ApiError::not_found(format!("Unable to find application {name}"));
        let (_, set) = set.ok_or_else(unknown)?;
        let [only] = set.resource_types.as_slice() else {
            return Err(ApiError::bad_request(
                "Cannot create policy under an application with more than one resource type using version 1.0 of this endpoint",
            ));
        };
        body.insert("resourceTypeUuid".into(), only.as_str().into());
        Ok(())
    }
}

/// What a policy was checked against, which must be the same when it is written: policies of one set do not get into each
/// other's way by that, as none of them changes the set.
struct Fit {
    /// The policy set's own name.
    set: String,
    /// Requires the policy set and the policy's resource type.
    unchanged: Vec<Write>,
}

impl Fit {
    /// Steps that are made only where all of it is unchanged.
    fn then(self, steps: impl IntoIterator<Item = Write>) -> Vec<Write> {
        self.unchanged.into_iter().chain(steps).collect()
    }
}

/// What a policy is checked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Create,
    Update,
}

fn mismatch() -> ApiError {
    ApiError::bad_request(
        "Policy name specified in URL does not match policy name specified in JSON.",
    )
}
