//! `…/bundles`: definitions of bundles. Holders fetch the bundles themselves from the same addresses
//! ([`crate::api::bundles`]).

use std::collections::BTreeSet;

use assize_engine::{Fault, FaultCode};
use serde_json::Value;

use super::collection::{self, Collection, Put, Route};
use super::policy_sets::catalogue_filter::{self, Case, Comparison};
use super::rows::{self, Remaining, Row};
use super::{created, deleted};
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::documents::bundle::{self, BundleDefinition};
use crate::limits::BUNDLE_DEFINITIONS;
use crate::store::{Expect, Kind, Object, Write};

/// The only form there is.
#[derive(Clone, Copy)]
pub(super) struct Form;

/// A request whose caller and version are settled.
type Asked<'a> = collection::Asked<'a, Form>;

pub(super) struct Bundles;

impl Collection for Bundles {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = Endpoint::Bundles;
    const PATH: &'static str = "bundles";
    const ROUTES: &'static [Route<Form>] = &[(Version(1, 0), (Form, "resource=1.0"))];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::BundleDefinition, id).await
    }

    fn missing(_: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!("Bundle {id} does not exist"))
    }

    fn revision(found: &Object) -> String {
        found.revision.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        let filter = rows::filter(asked.call)?;
        catalogue_filter::check_policy_sets(&filter)?;
        let comparison = Comparison::new(Case::Ignored);
        let mut found = Vec::new();
        for object in asked.objects(Kind::BundleDefinition).await? {
            let row = Row {
                id: object.name.clone(),
                revision: Some(Self::revision(&object)),
                members: bundle::shown(&object),
            };
            if comparison.holds(&filter, &row)? {
                found.push(row);
            }
        }
        rows::answer(asked.call, asked.served, found, Remaining::Counted)
    }

    async fn read(asked: &Asked<'_>, _: &str, found: Object) -> Result<Answer, ApiError> {
        Ok(asked.shown(&found))
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        let definition = asked.checked(id).await?;
        let draft = definition.draft(&asked.call.realm.key);
        let there = asked.objects(Kind::BundleDefinition).await?;
        if there.iter().any(|other| other.key == draft.key) {
            return Err(ApiError::conflict("Bundle already exists"));
        }
        if there.len() >= BUNDLE_DEFINITIONS {
            return Err(ApiError::conflict(format!(
                "A realm may have {BUNDLE_DEFINITIONS} bundles"
            )));
        }
        let write = Write::Put(Expect::Absent, draft);
        asked.commit("bundle created", vec![write]).await?;
        let answer = asked.written(&definition.name).await?;
        Ok(created(
            asked.app,
            asked.call,
            Self::PATH,
            &definition.name,
            answer,
        ))
    }

    async fn update(asked: &Asked<'_>, _: &str, found: Object, _: Put) -> Result<Answer, ApiError> {
        let definition = asked.checked(Some(&found.name)).await?;
        let write = Write::Put(Expect::Present, definition.draft(&asked.call.realm.key));
        asked
            .commit_to(
                Kind::BundleDefinition,
                &found,
                "bundle changed",
                vec![write],
            )
            .await?;
        asked.written(&found.name).await
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        let write = Write::Delete {
            kind: Kind::BundleDefinition,
            realm: asked.call.realm.key.clone(),
            key: found.key.clone(),
        };
        asked
            .commit_to(
                Kind::BundleDefinition,
                &found,
                "bundle deleted",
                vec![write],
            )
            .await?;
        Ok(deleted(asked.call, asked.served, id))
    }
}

impl Asked<'_> {
    fn shown(&self, object: &Object) -> Answer {
        let revision = Some(Bundles::revision(object));
        self.single(&object.name, revision, bundle::shown(object))
    }

    async fn written(&self, name: &str) -> Result<Answer, ApiError> {
        let object = self.object(Kind::BundleDefinition, name).await?;
        let object = object.ok_or_else(ApiError::vanished)?;
        Ok(self.shown(&object))
    }

    /// Checks what was sent; `id` is the name in the URL, which the definition has where it names none itself.
    ///
    /// # Errors
    /// 400 for the first thing wrong, with its path.
    async fn checked(&self, id: Option<&str>) -> Result<BundleDefinition, ApiError> {
        let mut body = self.call.members()?;
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
        let sets = self.objects(Kind::PolicySet).await?;
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
}

fn refused(faults: &[Fault]) -> ApiError {
    match faults.first() {
        Some(fault) => ApiError::bad_request(format!("{} (at {})", fault.message, fault.path)),
        None => ApiError::bad_request("Bad Request"),
    }
}
