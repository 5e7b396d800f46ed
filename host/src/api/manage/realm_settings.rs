//! `…/realm-config/services/policyconfiguration`: how decisions of a realm are made, where AM has its Policy
//! Configuration service. One document in each realm, there from the beginning; DELETE makes it as it was then.

use super::realms::document;
use super::{Wanted, guard, policies, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::endpoint::Endpoint;
use crate::documents::realm_settings::RealmSettings;
use crate::oauth::published::Loopback;
use crate::publish::RealmBody;

const PATH: &str = "realm-config/services/policyconfiguration";
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
        .ok_or_else(|| ApiError::no_such_version(PATH, None, &operation))?;
    let author = guard::author(app, &caller);
    let settings = match Wanted::of(operation, Some(""))? {
        Wanted::Read(_) => Ok((*call.realm.settings).clone()),
        Wanted::Upsert(_) | Wanted::Update(_) => {
            let body = call.members()?;
            let parsed = RealmSettings::parse(&body, Loopback::of(&app.config));
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
    let revision = document::Stored::read(app, &call.realm.path)
        .await?
        .revision();
    let answer = single(call, served, "", Some(revision), settings.shown());
    call.check_if_none_match(answer)
}

async fn put(
    app: &App,
    call: &Call,
    author: &str,
    settings: Result<RealmSettings, ApiError>,
) -> Result<RealmSettings, ApiError> {
    let settings = settings?;
    let change = |stored: &document::Stored| {
        call.check_if_match(&stored.revision())?;
        Ok(RealmBody {
            settings: settings.clone(),
            ..stored.body.clone()
        })
    };
    let what = (author, "realm settings changed");
    document::rewrite(app, what, &call.realm.path, change).await?;
    Ok(settings)
}
