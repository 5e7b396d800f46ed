//! What all endpoints of a collection and its instances share: who may call, which version answers, which operation is
//! meant, whether the client's precondition holds. An endpoint says what is its own by implementing [`Collection`].
//!
//! INVARIANT: what an operation makes its change from, and what it checks of other documents, it requires of the store in
//! the same change. Where that is no longer so, nothing is written, and the whole operation is done again from what there
//! is by then: so its answer, too, is that of one after the other.

use super::{Place, Wanted, guard, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Authorized;
use crate::auth::endpoint::Endpoint;
use crate::documents::Members;
use crate::limits::REWRITE_ATTEMPTS;
use crate::store::{Kind, Object, Write};

/// One version of an endpoint: its form, and how answers name it.
pub(super) type Route<F> = (Version, (F, &'static str));

/// A request whose caller and version are settled.
pub(super) struct Asked<'a, F> {
    pub(super) app: &'a App,
    pub(super) call: &'a Call,
    pub(super) form: F,
    pub(super) served: &'static str,
    pub(super) caller: Authorized,
}

/// Which PUT an update came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// Without a precondition: it would have created.
    Upsert,
    /// With `If-Match`, or under protocol 1.
    Update,
}

/// What an endpoint with a collection and instances does, operation by operation.
pub(super) trait Collection {
    /// What its versions differ in.
    type Form: Copy + 'static;
    /// An instance that is there.
    type Found;

    const ENDPOINT: Endpoint;
    /// The endpoint's path, for `Location`.
    const PATH: &'static str;
    /// Its versions, ascending.
    const ROUTES: &'static [Route<Self::Form>];

    async fn find(asked: &Asked<'_, Self::Form>, id: &str)
    -> Result<Option<Self::Found>, ApiError>;

    /// The error for an instance that is not there.
    fn missing(asked: &Asked<'_, Self::Form>, id: &str, wanted: &Operation) -> ApiError;

    /// What `_rev` and `If-Match` are compared with.
    fn revision(found: &Self::Found) -> String;

    async fn query(asked: &Asked<'_, Self::Form>) -> Result<Answer, ApiError>;

    async fn read(
        asked: &Asked<'_, Self::Form>,
        id: &str,
        found: Self::Found,
    ) -> Result<Answer, ApiError>;

    /// `id` where the path names one.
    async fn create(asked: &Asked<'_, Self::Form>, id: Option<&str>) -> Result<Answer, ApiError>;

    /// What an update's body can be refused for before anybody looks whether there is such an instance.
    async fn check_update(_asked: &Asked<'_, Self::Form>, _id: &str) -> Result<(), ApiError> {
        Ok(())
    }

    async fn update(
        asked: &Asked<'_, Self::Form>,
        id: &str,
        found: Self::Found,
        put: Put,
    ) -> Result<Answer, ApiError>;

    async fn delete(
        asked: &Asked<'_, Self::Form>,
        id: &str,
        found: Self::Found,
    ) -> Result<Answer, ApiError>;

    /// What a creation by PUT makes of an error: 412 where a POST answers 409, from protocol 2 on.
    fn for_put(asked: &Asked<'_, Self::Form>, error: ApiError) -> ApiError {
        error.for_put(&asked.call.requested)
    }

    /// What an upsert that could not create makes of the error. AM tries an update then.
    fn for_upsert(_asked: &Asked<'_, Self::Form>, _id: &str, error: ApiError) -> ApiError {
        error
    }

    async fn act(
        _asked: &Asked<'_, Self::Form>,
        _action: &str,
        _id: Option<&str>,
    ) -> Result<Answer, ApiError> {
        Err(ApiError::not_implemented("Operation is not supported."))
    }

    fn patch_refused(_asked: &Asked<'_, Self::Form>) -> ApiError {
        ApiError::not_implemented("Operation is not supported.")
    }
}

/// Answers any request of an endpoint.
///
/// # Errors
/// In AM's order: the body, the caller, the privilege, the version, then whatever the operation says.
pub(super) async fn handle<C: Collection>(
    app: &App,
    call: &Call,
    place: Place<'_>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    if C::ENDPOINT != Endpoint::Realms {
        place.check_creation(&operation)?;
    }
    let caller = guard::check(app, call, &operation, C::ENDPOINT).await?;
    let route = call.requested.route(C::ROUTES);
    let (form, served) = route.ok_or_else(|| place.no_such_version(C::PATH, &operation))?;
    let told = |error: ApiError| error.served(served);
    let id = place.settled(&operation).map_err(told)?;
    let asked = Asked {
        app,
        call,
        form,
        served,
        caller,
    };
    for _ in 0..REWRITE_ATTEMPTS {
        let wanted = Wanted::of(operation.clone(), id).map_err(told)?;
        match perform::<C>(&asked, wanted, id, &operation).await {
            // What overtook it may have come from another node.
            Err(error) if error.is_overtaken() => drop(app.publisher.catch_up().await?),
            answered => return answered.map_err(told),
        }
    }
    Err(told(ApiError::contended()))
}

async fn perform<C: Collection>(
    asked: &Asked<'_, C::Form>,
    wanted: Wanted<'_>,
    id: Option<&str>,
    operation: &Operation,
) -> Result<Answer, ApiError> {
    let there = async |id: &str| {
        let found = C::find(asked, id).await?;
        let found = found.ok_or_else(|| C::missing(asked, id, operation))?;
        asked.call.check_if_match(&C::revision(&found))?;
        Ok::<C::Found, ApiError>(found)
    };
    let by_put = async |id: &str| {
        let created = C::create(asked, Some(id)).await;
        created.map_err(|error| C::for_put(asked, error))
    };
    match wanted {
        Wanted::Query => C::query(asked).await,
        Wanted::Read(id) => {
            let found = there(id).await?;
            let answer = C::read(asked, id, found).await?;
            asked.call.check_if_none_match(answer)
        }
        Wanted::Create => C::create(asked, None).await,
        Wanted::CreateWithId(id) => by_put(id).await,
        Wanted::Upsert(id) => match C::find(asked, id).await? {
            Some(found) => C::update(asked, id, found, Put::Upsert).await,
            None => by_put(id)
                .await
                .map_err(|error| C::for_upsert(asked, id, error)),
        },
        Wanted::Update(id) => {
            C::check_update(asked, id).await?;
            C::update(asked, id, there(id).await?, Put::Update).await
        }
        Wanted::Delete(id) => C::delete(asked, id, there(id).await?).await,
        Wanted::Patch => Err(C::patch_refused(asked)),
        Wanted::Action(action) => C::act(asked, &action, id).await,
    }
}

impl<F> Asked<'_, F> {
    /// Who changes are said to be made by.
    pub(super) fn author(&self) -> String {
        self.caller.caller().author(&self.app.subjects.directory)
    }

    /// A document of the realm, whatever the case of its key.
    pub(super) async fn object(&self, kind: Kind, key: &str) -> Result<Option<Object>, ApiError> {
        let key = key.to_lowercase();
        Ok(self
            .app
            .store
            .object(kind, &self.call.realm.key, &key)
            .await?)
    }

    /// All documents of a kind in the realm, in order of creation.
    pub(super) async fn objects(&self, kind: Kind) -> Result<Vec<Object>, ApiError> {
        Ok(self.app.store.objects(kind, &self.call.realm.key).await?)
    }

    /// Makes a change that is live when this returns.
    pub(super) async fn commit(&self, summary: &str, writes: Vec<Write>) -> Result<(), ApiError> {
        self.app
            .publisher
            .commit(&self.author(), summary, writes)
            .await?;
        Ok(())
    }

    /// That a document of the realm is as it was read.
    pub(super) fn unchanged(&self, kind: Kind, read: &Object) -> Write {
        Write::require(kind, &self.call.realm.key, read)
    }

    /// Replaces or deletes a document as a whole, whatever became of it since it was read; with `If-Match` nothing is
    /// written where somebody else has changed it meanwhile. What is made from the document requires it to be
    /// [`Asked::unchanged`].
    pub(super) async fn commit_to(
        &self,
        kind: Kind,
        there: &Object,
        summary: &str,
        mut writes: Vec<Write>,
    ) -> Result<(), ApiError> {
        if self.call.has_if_match() {
            writes.insert(0, self.unchanged(kind, there));
        }
        self.commit(summary, writes).await
    }

    /// One object as the answer of a read or a write.
    pub(super) fn single(&self, id: &str, revision: Option<String>, members: Members) -> Answer {
        single(self.call, self.served, id, revision, members)
    }
}
