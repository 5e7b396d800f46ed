//! `…/realm-config/authentication/modules/datastore` and `…/realm-config/authentication/chains`: what a log-in can go
//! through. The module `DataStore`, of level 0, and the chain `ldapService` are in every realm, and stay as they are.

use serde_json::{Value, json};

use super::collection::{Asked, Collection, Put, Route};
use super::rows::{self, Remaining, Row};
use super::{created, deleted, policies};
use crate::api::answer::Answer;
use crate::api::crest::filter::Filter;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::auth::plan::Configured;
use crate::documents::authentication::{self, CHAIN, MODULE};
use crate::documents::{Members, members};
use crate::store::{Expect, Kind, Object, Unreferred, Write};

/// Modules that check a name and a password against the users of the realm.
#[derive(Clone, Copy)]
pub(super) struct Modules;

/// Chains of such modules.
#[derive(Clone, Copy)]
pub(super) struct Chains;

/// What modules and chains differ in.
pub(super) trait Configuration: Copy + 'static {
    const ROUTES_OF: &'static [Route<Self>];
    const KIND: Kind;
    const PATH_OF: &'static str;
    /// The one that is in every realm.
    const BUILT_IN: &'static str;
    /// Singular, for messages.
    const NOUN: &'static str;
    const TYPE: (&'static str, &'static str);

    fn built_in() -> Members;

    /// What is kept of a body, and what that requires of others.
    ///
    /// # Errors
    /// 400 for what is wrong with it.
    async fn check(
        asked: &Asked<'_, Self>,
        body: &Members,
    ) -> Result<(Members, Vec<Write>), ApiError>;

    /// Requires that nothing comes to need it.
    ///
    /// # Errors
    /// 409 where something does.
    async fn removable(asked: &Asked<'_, Self>, found: &Object) -> Result<Vec<Write>, ApiError>;
}

impl Configuration for Modules {
    const ROUTES_OF: &'static [Route<Self>] = &[(Version(1, 0), (Modules, "resource=1.0"))];
    const KIND: Kind = Kind::AuthModule;
    const PATH_OF: &'static str = "realm-config/authentication/modules/datastore";
    const BUILT_IN: &'static str = MODULE;
    const NOUN: &'static str = "module";
    const TYPE: (&'static str, &'static str) = ("datastore", "Data Store");

    fn built_in() -> Members {
        Members::from_iter([("authenticationLevel".to_owned(), 0.into())])
    }

    async fn check(_: &Asked<'_, Self>, body: &Members) -> Result<(Members, Vec<Write>), ApiError> {
        let level = authentication::module(body).map_err(|f| policies::refused(&f))?;
        let kept = Members::from_iter([("authenticationLevel".to_owned(), level.into())]);
        Ok((kept, Vec::new()))
    }

    async fn removable(asked: &Asked<'_, Self>, found: &Object) -> Result<Vec<Write>, ApiError> {
        let since = asked.app.store.revision().await?;
        for chain in asked.objects(Kind::AuthChain).await? {
            if lists(&chain, &found.key) {
                return Err(ApiError::conflict(format!(
                    "The module {} cannot be deleted because the chain {} lists it.",
                    found.name, chain.name
                )));
            }
        }
        Ok(vec![Write::RequireUnreferred(Unreferred {
            kind: Kind::AuthChain,
            realm: asked.call.realm.key.clone(),
            since,
            to: found.key.clone(),
            refers: lists,
        })])
    }
}

/// Whether a chain lists a module.
fn lists(chain: &Object, module: &str) -> bool {
    let (links, _) = authentication::chain(&members(chain)).unwrap_or_default();
    let mut modules = links.iter().map(|link| link.module.to_lowercase());
    modules.any(|listed| listed == module)
}

impl Configuration for Chains {
    const ROUTES_OF: &'static [Route<Self>] = &[(Version(1, 0), (Chains, "resource=1.0"))];
    const KIND: Kind = Kind::AuthChain;
    const PATH_OF: &'static str = "realm-config/authentication/chains";
    const BUILT_IN: &'static str = CHAIN;
    const NOUN: &'static str = "chain";
    const TYPE: (&'static str, &'static str) = ("EMPTY", "Authentication Chain");

    fn built_in() -> Members {
        let only = json!([{"module": MODULE, "criteria": "REQUIRED", "options": {}}]);
        let body = Members::from_iter([("authChainConfiguration".to_owned(), only)]);
        authentication::chain(&body).map_or(body, |(_, kept)| kept)
    }

    async fn check(
        asked: &Asked<'_, Self>,
        body: &Members,
    ) -> Result<(Members, Vec<Write>), ApiError> {
        let (links, kept) = authentication::chain(body).map_err(|f| policies::refused(&f))?;
        let configured = Configured {
            store: &asked.app.store,
            realm_key: &asked.call.realm.key,
        };
        let mut unchanged = Vec::new();
        for (n, link) in links.iter().enumerate() {
            if let Some(module) = asked.object(Kind::AuthModule, &link.module).await? {
                unchanged.push(asked.unchanged(Kind::AuthModule, &module));
            } else if configured.module(&link.module).await?.is_none() {
                return Err(ApiError::bad_request(format!(
                    "Invalid value: /authChainConfiguration/{n}/module names {}, and the realm has no such module",
                    link.module
                )));
            }
        }
        Ok((kept, unchanged))
    }

    async fn removable(_: &Asked<'_, Self>, _: &Object) -> Result<Vec<Write>, ApiError> {
        Ok(Vec::new())
    }
}

/// A module or chain that is there.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one answer, and nearly every one is stored"
)]
pub(super) enum Found {
    BuiltIn,
    Stored(Object),
}

impl<C: Configuration> Collection for C {
    type Form = C;
    type Found = Found;

    const ENDPOINT: Endpoint = Endpoint::Authentication;
    const PATH: &'static str = C::PATH_OF;
    const ROUTES: &'static [Route<C>] = C::ROUTES_OF;

    async fn find(asked: &Asked<'_, C>, id: &str) -> Result<Option<Found>, ApiError> {
        if id.eq_ignore_ascii_case(C::BUILT_IN) {
            return Ok(Some(Found::BuiltIn));
        }
        Ok(asked.object(C::KIND, id).await?.map(Found::Stored))
    }

    fn missing(_: &Asked<'_, C>, _: &str, _: &Operation) -> ApiError {
        ApiError::not_found("Not Found")
    }

    fn revision(found: &Found) -> String {
        match found {
            Found::BuiltIn => BUILT_IN_REVISION.to_owned(),
            Found::Stored(object) => object.revision.to_string(),
        }
    }

    async fn query(asked: &Asked<'_, C>) -> Result<Answer, ApiError> {
        if rows::filter(asked.call)? != Filter::Literal(true) {
            return Err(ApiError::not_implemented(
                "Only _queryFilter=true is supported here",
            ));
        }
        let stored = asked.objects(C::KIND).await?.into_iter().map(Found::Stored);
        let rows = [Found::BuiltIn].into_iter().chain(stored);
        let rows = rows.map(|found| Row {
            id: name::<C>(&found).to_owned(),
            revision: Some(Self::revision(&found)),
            members: shown::<C>(&found),
        });
        rows::answer(asked.call, asked.served, rows.collect(), Remaining::Counted)
    }

    async fn read(asked: &Asked<'_, C>, _: &str, found: Found) -> Result<Answer, ApiError> {
        Ok(answer(asked, &found))
    }

    async fn create(asked: &Asked<'_, C>, id: Option<&str>) -> Result<Answer, ApiError> {
        let body = asked.call.members()?;
        let written = body.get("_id").and_then(Value::as_str);
        let name = match (id, written) {
            (Some(id), Some(written)) if id != written => return Err(mismatch()),
            (Some(id), _) => id.to_owned(),
            (None, Some(written)) if !written.is_empty() => written.to_owned(),
            (None, _) => {
                return Err(ApiError::bad_request("Invalid value: /_id must be a name"));
            }
        };
        if Self::find(asked, &name).await?.is_some() {
            return Err(ApiError::conflict(format!(
                "There is a {} {name} already.",
                C::NOUN
            )));
        }
        let (kept, mut writes) = C::check(asked, &body).await?;
        let draft = authentication::draft(C::KIND, &asked.call.realm.key, &name, kept);
        let draft = draft.map_err(|faults| policies::refused(&faults))?;
        let summary = format!("authentication {} created", C::NOUN);
        writes.push(Write::Put(Expect::Absent, draft));
        asked.commit(&summary, writes).await?;
        let found = there(asked, &name).await?;
        let answer = answer(asked, &found);
        Ok(created(asked.app, asked.call, C::PATH_OF, &name, answer))
    }

    async fn update(
        asked: &Asked<'_, C>,
        id: &str,
        found: Found,
        _: Put,
    ) -> Result<Answer, ApiError> {
        let Found::Stored(object) = found else {
            return Err(built_in::<C>());
        };
        let body = asked.call.members()?;
        let written = body.get("_id").and_then(Value::as_str);
        if written.is_some_and(|written| !written.eq_ignore_ascii_case(id)) {
            return Err(mismatch());
        }
        let (kept, mut writes) = C::check(asked, &body).await?;
        let draft = authentication::draft(C::KIND, &asked.call.realm.key, &object.name, kept);
        let draft = draft.map_err(|faults| policies::refused(&faults))?;
        let summary = format!("authentication {} changed", C::NOUN);
        writes.push(Write::Put(Expect::Present, draft));
        asked.commit_to(C::KIND, &object, &summary, writes).await?;
        Ok(answer(asked, &there(asked, &object.name).await?))
    }

    async fn delete(asked: &Asked<'_, C>, id: &str, found: Found) -> Result<Answer, ApiError> {
        let Found::Stored(object) = found else {
            return Err(built_in::<C>());
        };
        let mut writes = C::removable(asked, &object).await?;
        writes.push(Write::Delete {
            kind: C::KIND,
            realm: asked.call.realm.key.clone(),
            key: object.key.clone(),
        });
        let summary = format!("authentication {} deleted", C::NOUN);
        asked.commit_to(C::KIND, &object, &summary, writes).await?;
        Ok(deleted(asked.call, asked.served, id))
    }
}

/// A revision that no stored document has.
const BUILT_IN_REVISION: &str = "built-in";

fn name<C: Configuration>(found: &Found) -> &str {
    match found {
        Found::BuiltIn => C::BUILT_IN,
        Found::Stored(object) => &object.name,
    }
}

fn shown<C: Configuration>(found: &Found) -> Members {
    let mut shown = match found {
        Found::BuiltIn => C::built_in(),
        Found::Stored(object) => members(object),
    };
    let (id, name) = C::TYPE;
    authentication::add_type(&mut shown, id, name);
    shown
}

fn answer<C: Configuration>(asked: &Asked<'_, C>, found: &Found) -> Answer {
    let revision = Some(C::revision(found));
    asked.single(name::<C>(found), revision, shown::<C>(found))
}

async fn there<C: Configuration>(asked: &Asked<'_, C>, name: &str) -> Result<Found, ApiError> {
    let found = C::find(asked, name).await?;
    found.ok_or_else(ApiError::vanished)
}

fn built_in<C: Configuration>() -> ApiError {
    ApiError::forbidden(format!(
        "The {} {} is built in, and stays as it is.",
        C::NOUN,
        C::BUILT_IN
    ))
}

fn mismatch() -> ApiError {
    ApiError::bad_request("id in path does not match id in request body")
}
