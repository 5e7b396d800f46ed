//! Realms: `…/global-config/realms` (`management-rest.md` §1.3), and the older `…/realms` (§1.4).

mod aliases;
mod creation;
pub(super) mod document;
mod paths;
mod shown;

use std::sync::Arc;

use serde_json::{Value, json};

use super::collection::{self, Collection, Put, Route};
use super::created;
use super::rows::{self, Remaining, Row};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::filter::Filter;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::documents::realm_settings::RealmSettings;
use crate::publish::{LiveRealm, RealmBody};
use crate::realm::{RealmPath, forbidden};
use crate::store::Write;

use creation::{forbidden_name, make};
use shown::{answer, members, revision, revision_of, schema};

pub(super) use paths::handle_paths;

/// The only form there is.
#[derive(Clone, Copy)]
pub(super) struct Form;

/// A request whose caller and version are settled.
type Asked<'a> = collection::Asked<'a, Form>;

pub(super) struct Realms;

impl Collection for Realms {
    type Form = Form;
    type Found = Found;

    const ENDPOINT: Endpoint = Endpoint::Realms;
    const PATH: &'static str = "global-config/realms";
    const ROUTES: &'static [Route<Form>] = &[(Version(1, 0), (Form, "resource=1.0"))];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Found>, ApiError> {
        let found = RealmPath::from_id(id).and_then(|path| {
            let live = asked.app.publisher.live().realm(&path);
            live.map(|live| Found { path, live })
        });
        if let Some(found) = &found {
            asked.reaches(&found.path)?;
        }
        Ok(found)
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        let path = RealmPath::from_id(id);
        let named = path.as_ref().map_or(id, RealmPath::as_str);
        ApiError::not_found(format!("Realm cannot be read: {named}"))
    }

    fn revision(found: &Found) -> String {
        revision_of(&found.live)
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        asked.query()
    }

    async fn read(asked: &Asked<'_>, _: &str, found: Found) -> Result<Answer, ApiError> {
        Ok(answer(asked.call, asked.served, &found.live))
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        match id {
            None => asked.create().await,
            Some(_) => Err(ApiError::not_implemented(
                "Cannot provide ID for Realm resource",
            )),
        }
    }

    // AM 7 takes a bare PUT as an update.
    async fn update(asked: &Asked<'_>, _: &str, found: Found, _: Put) -> Result<Answer, ApiError> {
        asked.update(found).await
    }

    async fn delete(asked: &Asked<'_>, _: &str, found: Found) -> Result<Answer, ApiError> {
        asked.delete(found).await
    }

    async fn act(asked: &Asked<'_>, action: &str, id: Option<&str>) -> Result<Answer, ApiError> {
        match action {
            _ if id.is_some() => Err(ApiError::not_implemented(format!("{action}not supported"))),
            "template" => Ok(Answer::value(
                asked.served,
                json!({"parentPath": "/", "active": true}),
            )),
            "schema" => Ok(Answer::value(asked.served, schema())),
            "getAllTypes" | "getCreatableTypes" | "nextdescendents" => {
                Err(ApiError::not_implemented("Not Implemented"))
            }
            _ => Err(ApiError::not_implemented("Operation is not supported.")),
        }
    }

    fn patch_refused(_: &Asked<'_>) -> ApiError {
        ApiError::not_implemented("Patch not supported")
    }
}

/// A realm that a request names, in the spelling of the request.
pub(super) struct Found {
    path: RealmPath,
    live: Arc<LiveRealm>,
}

impl Asked<'_> {
    /// The realm of the caller: no other than it and those beneath it are shown or changed.
    fn within(&self) -> &RealmPath {
        self.caller.caller().realm()
    }

    /// # Errors
    /// 403 for a realm that is not the caller's nor beneath it, though the path of the request is.
    fn reaches(&self, path: &RealmPath) -> Result<(), ApiError> {
        if self.within().contains(path) {
            Ok(())
        } else {
            Err(ApiError::insufficient_privileges())
        }
    }

    fn query(&self) -> Result<Answer, ApiError> {
        let Asked { call, served, .. } = *self;
        if call.parameters.first("_queryFilter").is_none() {
            return Err(ApiError::bad_request(
                "Realms are queried by _queryFilter=true",
            ));
        }
        let filter = rows::filter(call)?;
        if filter != Filter::Literal(true) {
            return Err(ApiError::not_implemented(format!(
                "Query not supported: {filter}"
            )));
        }
        for name in ["_pageSize", "_pagedResultsOffset", "_pagedResultsCookie"] {
            if call
                .parameters
                .first(name)
                .is_some_and(|value| !value.is_empty() && value != "0")
            {
                return Err(ApiError::not_implemented(
                    "Query paging not currently supported",
                ));
            }
        }
        let row = |realm: &Arc<LiveRealm>| Row {
            id: realm.path.id(),
            revision: Some(revision_of(realm)),
            members: members(&realm.path, realm.active, &realm.aliases),
        };
        let rows = beneath(call, self.within()).iter().map(row).collect();
        rows::answer(call, served, rows, Remaining::Unknown)
    }

    async fn create(&self) -> Result<Answer, ApiError> {
        let Asked {
            app, call, served, ..
        } = *self;
        let body = call.members()?;
        let text = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                Ok(Some(text.clone()).filter(|text| !text.trim().is_empty()))
            }
            Some(_) => Err(ApiError::bad_request(format!(
                "Wrong parameter type provided in {name}. Expected string"
            ))),
        };
        let name =
            text("name")?.ok_or_else(|| ApiError::bad_request("No name parameter provided"))?;
        if forbidden(&name) {
            return Err(forbidden_name("names"));
        }
        let parent = text("parentPath")?
            .ok_or_else(|| ApiError::bad_request("No parentPath parameter provided"))?;
        let active = match body.get("active") {
            None | Some(Value::Null) => {
                return Err(ApiError::bad_request("No active parameter provided"));
            }
            Some(Value::Bool(active)) => *active,
            Some(_) => {
                return Err(ApiError::bad_request(
                    "Wrong parameter type provided in active. Expected boolean",
                ));
            }
        };
        let aliases = match body.get("aliases") {
            None | Some(Value::Null) => {
                return Err(ApiError::bad_request("No aliases parameter provided"));
            }
            Some(aliases) => aliases::read(aliases)?,
        };
        let live = Arc::clone(&app.publisher.live());
        let above = Some(&parent).filter(|parent| parent.starts_with('/'));
        let above = above.and_then(|parent| live.realm(&RealmPath::parse(parent)?));
        let above =
            above.ok_or_else(|| ApiError::not_found(format!("Realm cannot be read: {parent}")))?;
        self.reaches(&above.path)?;
        let path = above.path.child(&name).ok_or_else(|| {
            ApiError::bad_request(format!(
                "Realms can be {} levels deep at most",
                crate::limits::REALM_DEPTH
            ))
        })?;
        aliases::check(self.caller.caller(), &call.live, &path, &[], &aliases)?;
        make(
            app,
            call,
            &path,
            RealmBody {
                active,
                aliases,
                settings: RealmSettings::default(),
            },
            &name,
            &self.author(),
        )
        .await?;
        let live = Arc::clone(&app.publisher.live());
        let realm = live.realm(&path).ok_or_else(ApiError::vanished)?;
        Ok(created(
            app,
            call,
            Realms::PATH,
            &path.id(),
            answer(call, served, &realm),
        ))
    }

    async fn update(&self, found: Found) -> Result<Answer, ApiError> {
        let Asked {
            app, call, served, ..
        } = *self;
        let Found { path, live: there } = found;
        let body = call.members()?;
        let says = |member: &str, known: &str| match body.get(member) {
            None => true,
            Some(given) => given
                .as_str()
                .is_some_and(|given| given.eq_ignore_ascii_case(known)),
        };
        let parent = path.parent();
        let same_parent = parent.is_none_or(|own| says("parentPath", own.as_str()));
        if !says("name", path.name()) || !same_parent {
            return Err(ApiError::bad_request(
                "Realm name specified in URL does not match realm name specified in JSON",
            ));
        }
        let active = match body.get("active") {
            None => None,
            Some(Value::Bool(active)) => Some(*active),
            Some(_) => return Err(ApiError::bad_request("Invalid attribute values")),
        };
        let aliases = body.get("aliases").map(aliases::read).transpose()?;
        let change = |stored: &document::Stored| {
            let before = &stored.body;
            call.check_if_match(&revision(&there.path, before.active, &before.aliases))?;
            let aliases = aliases.clone().unwrap_or_else(|| before.aliases.clone());
            let caller = self.caller.caller();
            aliases::check(caller, &call.live, &there.path, &before.aliases, &aliases)?;
            Ok(RealmBody {
                active: active.unwrap_or(before.active),
                aliases,
                settings: before.settings.clone(),
            })
        };
        document::rewrite(app, (&self.author(), "realm changed"), &path, change).await?;
        let live = Arc::clone(&app.publisher.live());
        let realm = live.realm(&path).ok_or_else(ApiError::vanished)?;
        Ok(answer(call, served, &realm))
    }

    async fn delete(&self, found: Found) -> Result<Answer, ApiError> {
        let Asked {
            app, call, served, ..
        } = *self;
        let Found { path, live: there } = found;
        if path.is_root() {
            return Err(ApiError::new(
                axum::http::StatusCode::UNAUTHORIZED,
                "Unauthorized-Cannot delete root suffix",
            ));
        }
        // What the store finds beneath it when it is deleted is live here by the time that this is done again.
        let beneath = |other: &Arc<LiveRealm>| {
            let parent = other.path.parent();
            parent.is_some_and(|parent| parent.key() == there.key)
        };
        if app.publisher.live().realms().any(beneath) {
            // AM says it twice, and clients compare texts.
            let why = "Sub Organization cannot be deleted. Sub entries exist.";
            return Err(ApiError::conflict(format!("{why}: {why}")));
        }
        let write = Write::DeleteRealm {
            realm: there.key.clone(),
        };
        app.publisher
            .commit(&self.author(), "realm deleted", vec![write])
            .await?;
        app.sessions
            .forget(|session| session.realm.key() == there.key);
        Ok(answer(call, served, &there))
    }
}

/// The realms that somebody of `within` sees, from the top down.
fn beneath(call: &Call, within: &RealmPath) -> Vec<Arc<LiveRealm>> {
    let mut list: Vec<_> = call
        .live
        .realms()
        .filter(|realm| within.contains(&realm.path))
        .cloned()
        .collect();
    list.sort_by(|a, b| a.path.cmp(&b.path));
    list
}
