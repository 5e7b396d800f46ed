//! `…/bundles`: definitions of bundles. Holders fetch the bundles themselves from the same addresses
//! ([`crate::api::bundles`]).

use std::collections::BTreeSet;

use assize_engine::{Fault, FaultCode};
use serde_json::Value;

use super::policy_sets::catalogue_filter::{self, Case};
use super::rows::{self, Remaining, Row};
use super::{Wanted, created, deleted, guard, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::{self, Operation};
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::privilege::Endpoint;
use crate::documents::bundle::{self, BundleDefinition};
use crate::limits::BUNDLE_DEFINITIONS;
use crate::store::{Expect, Kind, Object, Write};

const ROUTES: [(Version, &str); 1] = [(Version(1, 0), "resource=1.0")];
const ENDPOINT: &str = "bundles";

/// A request whose caller and version are settled.
struct Asked<'a> {
    app: &'a App,
    call: &'a Call,
    served: &'static str,
    author: String,
}

/// Answers any request of the endpoint that administers definitions.
pub(super) async fn handle(
    app: &App,
    call: &Call,
    id: Option<&str>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    let caller = guard::check(app, call, &operation, Endpoint::Bundles).await?;
    let served = call
        .requested
        .route(&ROUTES)
        .ok_or_else(|| ApiError::no_such_resource(id.unwrap_or_default()))?;
    let asked = Asked {
        app,
        call,
        served,
        author: guard::author(app, &caller),
    };
    let wanted = Wanted::of(operation, id)?;
    let answered = asked.perform(wanted).await;
    answered.map_err(|error| error.served(served))
}

impl Asked<'_> {
    async fn perform(&self, wanted: Wanted<'_>) -> Result<Answer, ApiError> {
        match wanted {
            Wanted::Query => self.query().await,
            Wanted::Read(name) => Ok(self.shown(&self.there(name).await?)),
            Wanted::Create => self.create(None).await,
            Wanted::CreateWithId(name) => self.create(Some(name)).await.map_err(ApiError::for_put),
            Wanted::Upsert(name) => match self.find(name).await? {
                Some(there) => self.update(there).await,
                None => self.create(Some(name)).await.map_err(ApiError::for_put),
            },
            Wanted::Update(name) => self.update(self.there(name).await?).await,
            Wanted::Delete(name) => {
                let write = Write::Delete {
                    kind: Kind::BundleDefinition,
                    realm: self.call.realm.key.clone(),
                    key: self.there(name).await?.key,
                };
                self.commit("bundle deleted", write).await?;
                Ok(deleted(self.call, self.served, name))
            }
            Wanted::Patch | Wanted::Action(_) => {
                Err(ApiError::not_implemented("Operation is not supported."))
            }
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Object>, ApiError> {
        let (store, realm) = (&self.app.store, &self.call.realm.key);
        let key = name.to_lowercase();
        Ok(store.object(Kind::BundleDefinition, realm, &key).await?)
    }

    async fn there(&self, name: &str) -> Result<Object, ApiError> {
        let missing = || ApiError::not_found(format!("Bundle {name} does not exist"));
        self.find(name).await?.ok_or_else(missing)
    }

    fn shown(&self, object: &Object) -> Answer {
        let revision = Some(object.revision.to_string());
        let members = bundle::shown(object);
        single(self.call, self.served, &object.name, revision, members)
    }

    async fn commit(&self, summary: &str, write: Write) -> Result<(), ApiError> {
        let publisher = &self.app.publisher;
        publisher.commit(&self.author, summary, vec![write]).await?;
        Ok(())
    }

    async fn create(&self, id: Option<&str>) -> Result<Answer, ApiError> {
        let definition = self.checked(id).await?;
        let realm = &self.call.realm.key;
        let there = self
            .app
            .store
            .objects(Kind::BundleDefinition, realm)
            .await?;
        let draft = definition.draft(realm);
        if there.iter().any(|other| other.key == draft.key) {
            return Err(ApiError::conflict("Bundle already exists"));
        }
        if there.len() >= BUNDLE_DEFINITIONS {
            return Err(ApiError::conflict(format!(
                "A realm may have {BUNDLE_DEFINITIONS} bundles"
            )));
        }
        let name = definition.name;
        self.commit("bundle created", Write::Put(Expect::Absent, draft))
            .await?;
        let answer = self.shown(&self.there(&name).await?);
        Ok(created(self.app, self.call, ENDPOINT, &name, answer))
    }

    async fn update(&self, there: Object) -> Result<Answer, ApiError> {
        let definition = self.checked(Some(&there.name)).await?;
        let draft = definition.draft(&self.call.realm.key);
        self.commit("bundle changed", Write::Put(Expect::Present, draft))
            .await?;
        Ok(self.shown(&self.there(&there.name).await?))
    }

    /// Checks what was sent; `id` is the name in the URL, which the definition has where it names none itself.
    ///
    /// # Errors
    /// 400 for the first thing wrong, with its path.
    async fn checked(&self, id: Option<&str>) -> Result<BundleDefinition, ApiError> {
        let mut body = operation::json_object(&self.call.body)?;
        if let Some(id) = id {
            match body.get("name") {
                None | Some(Value::Null) => drop(body.insert("name".into(), id.into())),
                Some(Value::String(name)) if name.to_lowercase() != id.to_lowercase() => {
                    return Err(ApiError::bad_request(
                        "Bundle name specified in URL does not match bundle name specified in JSON. (at /name)",
                    ));
                }
                Some(_) => {}
            }
        }
        let definition = BundleDefinition::parse(&body).map_err(|faults| refused(&faults))?;
        let realm = &self.call.realm;
        let sets = self.app.store.objects(Kind::PolicySet, &realm.key).await?;
        let known: BTreeSet<&str> = sets.iter().map(|set| set.key.as_str()).collect();
        for (n, name) in definition.policy_sets.iter().enumerate() {
            if !known.contains(name.to_lowercase().as_str()) {
                return Err(refused(&[Fault {
                    code: FaultCode::UnknownReference,
                    path: format!("/policySets/{n}"),
                    message: format!("There is no policy set {name} in realm {}", realm.path),
                }]));
            }
        }
        Ok(definition)
    }

    async fn query(&self) -> Result<Answer, ApiError> {
        let filter = rows::filter(self.call)?;
        catalogue_filter::check_policy_sets(&filter)?;
        let realm = &self.call.realm.key;
        let mut found = Vec::new();
        for object in self
            .app
            .store
            .objects(Kind::BundleDefinition, realm)
            .await?
        {
            let row = Row {
                id: object.name.clone(),
                revision: Some(object.revision.to_string()),
                members: bundle::shown(&object),
            };
            if catalogue_filter::holds(&filter, &row, Case::Ignored)? {
                found.push(row);
            }
        }
        rows::answer(self.call, self.served, found, Remaining::Counted)
    }
}

fn refused(faults: &[Fault]) -> ApiError {
    match faults.first() {
        Some(fault) => ApiError::bad_request(format!("{} (at {})", fault.message, fault.path)),
        None => ApiError::bad_request("Bad Request"),
    }
}
