//! What clients, roles and role mappings share: their lists, and how one is read, made, changed and deleted. Each says
//! what is its own by implementing [`Administered`].

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use serde_json::{Map, Value};

use super::super::oauth::error::answer;
use super::super::routes::Routes;
use super::caller::{Administrator, ApiUser, Planned};
use super::error::Refusal;
use super::fields::{Change, Fields};
use super::list::page;
use super::only;
use super::resource::{Resource, changed, created, gone};
use crate::oauth::permission::Permission;
use crate::oauth::registered::{BeyondTheCaller, InUse, Registered};
use crate::oauth::registry::Registry;
use crate::store::tokens::Revoke;

type Answered = Result<Response<Body>, Refusal>;

/// What one kind of registration says of itself.
pub(super) trait Administered: Registered + Clone + Send + Sync + 'static {
    const RESOURCE: Resource;
    const VIEW: Permission;
    const CHANGE: Permission;

    /// In the order of lists.
    fn all(registry: &Registry) -> Vec<&Self>;

    /// The one whose address ends with an id.
    fn find<'a>(registry: &'a Registry, id: &str) -> Option<&'a Self>;

    /// What a body asks for: something new, or what was there `before`, changed.
    ///
    /// # Errors
    /// 400 with all fields that are wrong.
    fn said(
        administrator: &Administrator,
        before: Option<Self>,
        fields: Fields,
        change: Change,
    ) -> Result<Said<Self>, Refusal>;

    /// As answers show it.
    fn object(&self) -> Value;

    /// Tokens that end with it.
    fn tokens(&self) -> Option<Revoke<'_>> {
        None
    }
}

/// What a body asks for.
pub(super) struct Said<R> {
    pub(super) registered: R,
    /// Members that are shown in the answer to this request, and never again.
    pub(super) told: Map<String, Value>,
}

impl<R> Said<R> {
    /// Something that holds nothing secret.
    pub(super) fn all(registered: R) -> Self {
        Said {
            registered,
            told: Map::new(),
        }
    }
}

/// The routes of one kind of registration.
pub(super) fn routes<R: Administered>() -> Routes {
    Routes::new()
        .route(&R::RESOURCE.list(), only(get(list::<R>).post(create::<R>)))
        .route(
            &R::RESOURCE.detail(),
            only(
                get(read::<R>)
                    .put(replace::<R>)
                    .patch(change::<R>)
                    .delete(delete::<R>),
            ),
        )
}

async fn list<R: Administered>(user: ApiUser, RawQuery(query): RawQuery) -> Answered {
    let administrator = user.with(R::VIEW).await?;
    let all = R::all(&administrator.registry);
    let objects = all.into_iter().map(R::object).collect();
    page(&R::RESOURCE.list(), objects, query.as_deref())
}

async fn read<R: Administered>(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(R::VIEW).await?;
    let found: &R = find(&administrator.registry, &id)?;
    Ok(answer(StatusCode::OK, &found.object()))
}

async fn create<R: Administered>(user: ApiUser, fields: Fields) -> Answered {
    let mut administrator = user.with(R::CHANGE).await?;
    let plan = |administrator: &Administrator| {
        let said = R::said(administrator, None, fields.clone(), Change::Whole)?;
        let Said { registered, told } = said;
        administrator.administers(&registered)?;
        Ok(Planned {
            writes: registered.creation(&administrator.registry),
            registered,
            told,
        })
    };
    let (registered, told) = administrator.change("created", plan).await?;
    let mut object = registered.object();
    if let Some(members) = object.as_object_mut() {
        members.extend(told);
    }
    Ok(created(object))
}

async fn replace<R: Administered>(
    user: ApiUser,
    Path(id): Path<String>,
    fields: Fields,
) -> Answered {
    update::<R>(user, &id, fields, Change::Whole).await
}

async fn change<R: Administered>(
    user: ApiUser,
    Path(id): Path<String>,
    fields: Fields,
) -> Answered {
    update::<R>(user, &id, fields, Change::Part).await
}

async fn update<R: Administered>(
    user: ApiUser,
    id: &str,
    fields: Fields,
    change: Change,
) -> Answered {
    let mut administrator = user.with(R::CHANGE).await?;
    let plan = |administrator: &Administrator| {
        let registry = &administrator.registry;
        let before: &R = find(registry, id)?;
        // Who changes it takes away what it was, and gives what it becomes.
        administrator.administers(before)?;
        let said = R::said(administrator, Some(before.clone()), fields.clone(), change)?;
        let registered = said.registered;
        administrator.administers(&registered)?;
        Ok(Planned {
            writes: registered.change(registry, registry.revision_of(before)),
            registered,
            told: (),
        })
    };
    let (registered, ()) = administrator.change("changed", plan).await?;
    Ok(answer(changed(change), &registered.object()))
}

async fn delete<R: Administered>(user: ApiUser, Path(id): Path<String>) -> Answered {
    let mut administrator = user.with(R::CHANGE).await?;
    let plan = |administrator: &Administrator| {
        let registry = &administrator.registry;
        let found: &R = find(registry, &id)?;
        administrator.administers(found)?;
        Ok(Planned {
            writes: found.deletion(registry, registry.revision_of(found))?,
            registered: found.clone(),
            told: (),
        })
    };
    let (found, ()) = administrator.change("deleted", plan).await?;
    if let Some(tokens) = found.tokens() {
        administrator.revoke(tokens).await?;
    }
    Ok(gone())
}

fn find<'a, R: Administered>(registry: &'a Registry, id: &str) -> Result<&'a R, Refusal> {
    R::find(registry, id).ok_or_else(|| Refusal::not_found(R::RESOURCE, id))
}

impl From<BeyondTheCaller> for Refusal {
    fn from(_: BeyondTheCaller) -> Self {
        Refusal::new(
            StatusCode::FORBIDDEN,
            "This would permit more than the caller may",
        )
    }
}

impl From<InUse> for Refusal {
    fn from(InUse(users): InUse) -> Self {
        Refusal::conflict(format!("The role is used by {}", users.join(", ")))
    }
}
