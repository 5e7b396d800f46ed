//! What `…/clients`, `…/roles` and `…/rolemappings` share: nearly everything. Each says what is its own by implementing
//! [`Administered`].

use std::marker::PhantomData;

use super::super::collection::{Collection, Put, Route};
use super::super::rows::{self, Row};
use super::super::{created, deleted};
use super::{Asked, Form, ROUTES};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::documents::Members;
use crate::oauth::audit;
use crate::oauth::registered::{BeyondTheCaller, InUse, Registered};
use crate::oauth::registry::Registry;
use crate::publish::CommitError;
use crate::store::{Object, StoreError, Write};

/// The collection of one kind of registration.
pub(in crate::api::manage) struct Registrations<R>(PhantomData<R>);

/// What one kind of registration says of itself.
pub(in crate::api::manage) trait Administered: Registered {
    const ENDPOINT: Endpoint;
    const PATH: &'static str;
    /// What people call it.
    const NOUN: &'static str;

    /// What the body asks for: something new, or what was there `before`, changed.
    ///
    /// # Errors
    /// 400 with the member that is wrong.
    fn said(
        asked: &Asked<'_>,
        registry: &Registry,
        before: Option<Self>,
    ) -> Result<Said<Self>, ApiError>;

    /// As answers show it, without its id.
    fn written(&self) -> Members;

    async fn act(_: &Asked<'_>, _: &str, _: Option<&str>) -> Result<Answer, ApiError> {
        Err(ApiError::not_implemented("Operation is not supported."))
    }

    fn patch_refused() -> ApiError {
        ApiError::not_implemented("Operation is not supported.")
    }
}

/// What a body asks for.
pub(in crate::api::manage) struct Said<R> {
    pub(super) registered: R,
    /// Members that are shown in the answer to this request, and never again.
    pub(super) told: Members,
}

impl<R> Said<R> {
    /// Something that holds nothing secret.
    pub(super) fn all(registered: R) -> Self {
        Said {
            registered,
            told: Members::new(),
        }
    }
}

impl<R: Administered> Collection for Registrations<R> {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = R::ENDPOINT;
    const PATH: &'static str = R::PATH;
    const ROUTES: &'static [Route<Form>] = &ROUTES;

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(R::KIND, id).await
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        missing::<R>(id)
    }

    fn revision(found: &Object) -> String {
        found.revision.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        let mut rows = Vec::new();
        for object in asked.objects(R::KIND).await? {
            rows.push(Row {
                members: read::<R>(&object)?.written(),
                revision: Some(Self::revision(&object)),
                id: object.key,
            });
        }
        rows::listed(asked.call, asked.served, rows)
    }

    async fn read(asked: &Asked<'_>, _: &str, found: Object) -> Result<Answer, ApiError> {
        shown::<R>(asked, &found, Members::new())
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        if id.is_some() {
            return Err(ApiError::bad_request(
                "Ids are generated: create with POST and _action=create",
            ));
        }
        let registry = asked.registry().await?;
        let Said { registered, told } = R::said(asked, &registry, None)?;
        asked.administers(&registry, &registered)?;
        let id = registered.key();
        let summary = format!("{} created", R::NOUN);
        let writes = registered.creation(&registry);
        match asked
            .app
            .publisher
            .commit(&asked.author(), &summary, writes)
            .await
        {
            // Somebody else took the number that this one was to have, if not its name.
            Err(CommitError::Store(StoreError::Exists { key })) if key == id => {
                return Err(StoreError::Changed { key }.into());
            }
            done => drop(done?),
        }
        audited::<R>(asked, "created", &id);
        let answer = shown::<R>(asked, &there::<R>(asked, &id).await?, told)?;
        Ok(created(asked.app, asked.call, Self::PATH, &id, answer))
    }

    async fn update(asked: &Asked<'_>, _: &str, found: Object, _: Put) -> Result<Answer, ApiError> {
        let registry = asked.registry().await?;
        let before: R = read(&found)?;
        // Who changes it takes away what it was, and gives what it becomes.
        asked.administers(&registry, &before)?;
        let Said { registered, told } = R::said(asked, &registry, Some(before))?;
        asked.administers(&registry, &registered)?;
        replace(asked, &registry, &found, &registered, told).await
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        let registry = asked.registry().await?;
        let registered: R = read(&found)?;
        asked.administers(&registry, &registered)?;
        let writes = registered.deletion(&registry, found.revision)?;
        commit::<R>(asked, &found, "deleted", writes).await?;
        // The store revokes the tokens of a deleted client in the same transaction.
        asked.app.oauth.take_over_revocations().await?;
        Ok(deleted(asked.call, asked.served, id))
    }

    async fn act(asked: &Asked<'_>, action: &str, id: Option<&str>) -> Result<Answer, ApiError> {
        R::act(asked, action, id).await
    }

    fn patch_refused(_: &Asked<'_>) -> ApiError {
        R::patch_refused()
    }
}

impl Asked<'_> {
    /// Checks that the caller may make, change or take away a registration.
    ///
    /// # Errors
    /// 403
    pub(super) fn administers(
        &self,
        registry: &Registry,
        registered: &impl Registered,
    ) -> Result<(), ApiError> {
        Ok(registry.administers(self.caller.caller().held(), registered)?)
    }
}

/// Stores what has become of `found`, whose change is permitted. The operation is done again where somebody else was
/// faster.
///
/// # Errors
/// What the store says.
pub(super) async fn replace<R: Administered>(
    asked: &Asked<'_>,
    registry: &Registry,
    found: &Object,
    registered: &R,
    told: Members,
) -> Result<Answer, ApiError> {
    let writes = registered.change(registry, found.revision);
    commit::<R>(asked, found, "changed", writes).await?;
    shown::<R>(asked, &there::<R>(asked, &found.key).await?, told)
}

async fn commit<R: Administered>(
    asked: &Asked<'_>,
    found: &Object,
    deed: &str,
    writes: Vec<Write>,
) -> Result<(), ApiError> {
    let summary = format!("{} {deed}", R::NOUN);
    asked.commit(&summary, writes).await?;
    audited::<R>(asked, deed, &found.key);
    Ok(())
}

fn audited<R: Registered>(asked: &Asked<'_>, deed: &str, id: &str) {
    let what = format!("{}.{deed}", R::AUDITED);
    audit::administered(&what, &asked.author(), id);
}

async fn there<R: Administered>(asked: &Asked<'_>, id: &str) -> Result<Object, ApiError> {
    let found = asked.object(R::KIND, id).await?;
    found.ok_or_else(|| missing::<R>(id))
}

pub(super) fn missing<R: Administered>(id: &str) -> ApiError {
    ApiError::not_found(format!("There is no {} {id}", R::NOUN))
}

pub(super) fn read<R: Administered>(object: &Object) -> Result<R, ApiError> {
    R::read(object)
        .ok_or_else(|| ApiError::internal(format!("the {} {} cannot be read", R::NOUN, object.key)))
}

fn shown<R: Administered>(
    asked: &Asked<'_>,
    object: &Object,
    told: Members,
) -> Result<Answer, ApiError> {
    let mut members = read::<R>(object)?.written();
    members.extend(told);
    let revision = Some(object.revision.to_string());
    Ok(asked.single(&object.key, revision, members))
}

impl From<BeyondTheCaller> for ApiError {
    fn from(_: BeyondTheCaller) -> Self {
        ApiError::forbidden("A role that this is about permits more than the caller may")
    }
}

impl From<InUse> for ApiError {
    fn from(InUse(users): InUse) -> Self {
        ApiError::conflict(format!("The role is in use: {}", users.join(", ")))
    }
}
