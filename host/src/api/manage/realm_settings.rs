//! `…/realm-config/services/policyconfiguration`: how decisions of a realm are made, where AM has its Policy
//! Configuration service. One document in each realm, there from the beginning; DELETE makes it as it was then.

use super::{Wanted, guard, policies, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::privilege::Endpoint;
use crate::documents::realm;
use crate::documents::realm_settings::RealmSettings;
use crate::publish::RealmBody;
use crate::store::{Expect, Kind, Write};

const ROUTES: [(Version, &str); 1] = [(Version(1, 0), "resource=1.0")];

/// Answers any request of the endpoint.
pub(super) async fn handle(
    app: &App,
    call: &Call,
    operation: Operation,
) -> Result<Answer, ApiError> {
    let caller = guard::check(app, call, &operation, Endpoint::RealmSettings).await?;
    let served = call
        .requested
        .route(&ROUTES)
        .ok_or_else(|| ApiError::no_such_resource(""))?;
    let author = guard::author(app, &caller);
    let settings = match Wanted::of(operation, Some(""))? {
        Wanted::Read(_) => Ok((*call.realm.settings).clone()),
        Wanted::Upsert(_) | Wanted::Update(_) => {
            let body = call.members()?;
            let parsed = RealmSettings::parse(&body);
            put(
                app,
                call,
                &author,
                parsed.map_err(|faults| policies::refused(&faults)),
            )
            .await
        }
        Wanted::Delete(_) => put(app, call, &author, Ok(RealmSettings::default())).await,
        _ => Err(ApiError::not_implemented("Operation is not supported.")),
    };
    let settings = settings.map_err(|error| error.served(served))?;
    let revision = revision(app, call).await?.0;
    let answer = single(call, served, "", Some(revision), settings.shown());
    call.check_if_none_match(answer)
}

/// The revision of the realm's document, as `_rev` shows it; the root realm is there before anybody writes its document.
async fn revision(app: &App, call: &Call) -> Result<(String, Option<u64>), ApiError> {
    let found = app.store.object(Kind::Realm, "", &call.realm.key).await?;
    let revision = found.map(|object| object.revision);
    let text = revision.map_or("initial".to_owned(), |revision| revision.to_string());
    Ok((text, revision))
}

async fn put(
    app: &App,
    call: &Call,
    author: &str,
    settings: Result<RealmSettings, ApiError>,
) -> Result<RealmSettings, ApiError> {
    let settings = settings?;
    let (shown, revision) = revision(app, call).await?;
    call.check_if_match(&shown)?;
    let live = app.publisher.live().realm(&call.realm.path);
    let live = live.ok_or_else(|| ApiError::not_found("Not Found"))?;
    let body = RealmBody {
        active: live.active,
        aliases: live.aliases.clone(),
        settings: settings.clone(),
    };
    let draft = realm::draft(&live.path, &body);
    let writes = match revision {
        // What else the document holds must not go back to what it was.
        Some(revision) => vec![
            Write::Require {
                kind: Kind::Realm,
                realm: String::new(),
                key: live.key.clone(),
                revision,
            },
            Write::Put(Expect::Present, draft),
        ],
        None => vec![Write::Put(Expect::Absent, draft)],
    };
    app.publisher
        .commit(author, "realm settings changed", writes)
        .await?;
    Ok(settings)
}
