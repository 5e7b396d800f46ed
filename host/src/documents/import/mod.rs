//! Import documents (contract §2) as one change of the store: all of it or nothing.

mod identities;

use std::collections::BTreeMap;

use assize_engine::document::Document;
use assize_engine::model::{PolicySet, ResourceType};
use assize_engine::{Fault, FaultCode};
use serde_json::Value;

use super::{catalogue, policy, realm};
use crate::auth::password::Passwords;
use crate::auth::random_text;
use crate::publish::RealmBody;
use crate::realm::{Directory, RealmPath};
use crate::store::{Draft, Expect, Kind, Store, StoreError, Write};

/// Something wrong with an object of a document.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Name of the file.
    pub(crate) file: String,
    /// JSON pointer into it.
    pub(crate) path: String,
    pub(crate) message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {}: {}",
            self.file,
            if self.path.is_empty() {
                "/"
            } else {
                &self.path
            },
            self.message
        )
    }
}

/// What an import would write, and what is to be said about it.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) writes: Vec<Write>,
    /// Objects written, by realm and kind.
    pub(crate) counts: BTreeMap<(String, &'static str), usize>,
    /// What keeps objects from being imported.
    pub(crate) errors: Vec<Problem>,
    /// What is imported though it will not do what it says.
    pub(crate) warnings: Vec<Problem>,
}

/// What an import works with.
pub(crate) struct Importer<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) passwords: &'a Passwords,
    pub(crate) directory: &'a Directory,
}

/// One document while it is being planned.
struct Context<'p> {
    file: &'p str,
    realm: RealmPath,
    key: String,
    plan: &'p mut Plan,
}

impl Context<'_> {
    fn put(&mut self, draft: Draft) {
        *self
            .plan
            .counts
            .entry((self.realm.as_str().to_owned(), draft.kind.name()))
            .or_default() += 1;
        self.plan.writes.push(Write::Put(Expect::Anything, draft));
    }

    fn error(&mut self, path: String, message: impl Into<String>) {
        self.plan.errors.push(Problem {
            file: self.file.to_owned(),
            path,
            message: message.into(),
        });
    }

    fn faults(&mut self, prefix: &str, faults: Vec<Fault>) {
        for fault in faults {
            self.error(format!("{prefix}{}", fault.path), fault.message);
        }
    }

    fn warn(&mut self, prefix: &str, faults: Vec<Fault>) {
        for fault in faults {
            let path = format!("{prefix}{}", fault.path);
            self.plan.warnings.push(Problem {
                file: self.file.to_owned(),
                path,
                message: fault.message,
            });
        }
    }
}

impl Importer<'_> {
    /// Plans the import of a file's text. Nothing is written; what is wrong is in the plan.
    ///
    /// # Errors
    /// The store could not be read.
    pub(crate) async fn plan(
        &self,
        file: &str,
        text: &[u8],
        plan: &mut Plan,
    ) -> Result<(), StoreError> {
        let (document, warnings) = match Document::parse(text) {
            Ok(parsed) => parsed,
            Err(faults) => {
                let problem = |fault: Fault| Problem {
                    file: file.to_owned(),
                    path: fault.path,
                    message: fault.message,
                };
                plan.errors.extend(faults.into_iter().map(problem));
                return Ok(());
            }
        };
        let Some(path) = RealmPath::parse(&document.realm) else {
            plan.errors.push(Problem {
                file: file.to_owned(),
                path: "/realm".into(),
                message: format!(
                    "{:?} is no realm path such as \"/\" or \"/alpha\"",
                    document.realm
                ),
            });
            return Ok(());
        };
        let key = path.key();
        let mut context = Context {
            file,
            realm: path,
            key,
            plan,
        };
        context.warn("", warnings);
        self.realms(&mut context).await?;
        let types = self
            .resource_types(
                &mut context,
                document.resource_types.as_deref().unwrap_or_default(),
            )
            .await?;
        let sets = self
            .policy_sets(&mut context, &document.applications)
            .await?;
        self.policies(&mut context, &document.policies, &types, &sets);
        self.scripts(&mut context, &document.scripts);
        self.users(&mut context, &document.users).await?;
        self.groups(&mut context, &document.groups);
        Ok(())
    }

    /// The realm and those above it, where they are missing.
    async fn realms(&self, context: &mut Context<'_>) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        let mut at = Some(context.realm.clone());
        while let Some(path) = at.filter(|path| !path.is_root()) {
            let planned = context.plan.writes.iter().any(
                |write| matches!(write, Write::Put(_, draft) if draft.kind == Kind::Realm && draft.key == path.key()),
            );
            if !planned
                && self
                    .store
                    .object(Kind::Realm, "", &path.key())
                    .await?
                    .is_none()
            {
                missing.push(path.clone());
            }
            at = path.parent();
        }
        for path in missing.iter().rev() {
            context.plan.writes.extend(realm::creation(
                path,
                &RealmBody {
                    active: true,
                    aliases: Vec::new(),
                },
            ));
        }
        Ok(())
    }

    async fn resource_types(
        &self,
        context: &mut Context<'_>,
        list: &[Value],
    ) -> Result<Vec<ResourceType>, StoreError> {
        let mut types = Vec::new();
        for (n, json) in list.iter().enumerate() {
            let prefix = format!("/resourceTypes/{n}");
            let id = |name: &str| {
                json.get(name)
                    .and_then(Value::as_str)
                    .filter(|id| !id.is_empty())
            };
            let uuid = match id("uuid").or_else(|| id("_id")) {
                Some(uuid) => uuid.to_owned(),
                None => random_text(16).unwrap_or_default(),
            };
            match catalogue::resource_type(json, &uuid) {
                Ok((parsed, kept)) => {
                    context.put(catalogue::resource_type_draft(
                        &context.key.clone(),
                        &parsed,
                        kept,
                    ));
                    types.push(parsed);
                }
                Err(faults) => context.faults(&prefix, faults),
            }
        }
        let stored = self.store.objects(Kind::ResourceType, &context.key).await?;
        let built_in = planned(context, Kind::ResourceType);
        for parsed in stored.iter().filter_map(catalogue::resource_type_of).chain(
            built_in
                .iter()
                .filter_map(|json| ResourceType::parse(json).ok()),
        ) {
            if !types
                .iter()
                .any(|known: &ResourceType| known.uuid == parsed.uuid)
            {
                types.push(parsed);
            }
        }
        Ok(types)
    }

    async fn policy_sets(
        &self,
        context: &mut Context<'_>,
        list: &[Value],
    ) -> Result<Vec<PolicySet>, StoreError> {
        let mut sets = Vec::new();
        for (n, json) in list.iter().enumerate() {
            match catalogue::policy_set(&with_application_type(json)) {
                Ok((parsed, kept)) => {
                    context.put(catalogue::policy_set_draft(
                        &context.key.clone(),
                        &parsed,
                        kept,
                    ));
                    sets.push(parsed);
                }
                Err(faults) => context.faults(&format!("/applications/{n}"), faults),
            }
        }
        let stored = self.store.objects(Kind::PolicySet, &context.key).await?;
        let built_in = planned(context, Kind::PolicySet);
        for parsed in stored.iter().filter_map(catalogue::policy_set_of).chain(
            built_in
                .iter()
                .filter_map(|json| PolicySet::parse(json).ok()),
        ) {
            if !sets
                .iter()
                .any(|known: &PolicySet| known.name.to_lowercase() == parsed.name.to_lowercase())
            {
                sets.push(parsed);
            }
        }
        Ok(sets)
    }

    fn policies(
        &self,
        context: &mut Context<'_>,
        list: &[Value],
        types: &[ResourceType],
        sets: &[PolicySet],
    ) {
        for (n, json) in list.iter().enumerate() {
            let prefix = format!("/policies/{n}");
            let checked = match policy::check(&with_only_type(json, sets)) {
                Ok(checked) => checked,
                Err(faults) => {
                    context.faults(&prefix, faults);
                    continue;
                }
            };
            let wanted = checked.policy.policy_set.to_lowercase();
            let Some(set) = sets.iter().find(|set| set.name.to_lowercase() == wanted) else {
                let message = format!(
                    "there is no policy set {:?} in realm {}",
                    checked.policy.policy_set, context.realm
                );
                context.error(format!("{prefix}/applicationName"), message);
                continue;
            };
            let (tolerated, refused): (Vec<Fault>, Vec<Fault>) = checked
                .policy
                .check_against(set, types)
                .into_iter()
                .partition(|fault| fault.code == FaultCode::NotAllowed);
            context.warn(&prefix, tolerated);
            context.warn(&prefix, checked.policy.check_legacy());
            if refused.is_empty() {
                context.put(checked.draft(&context.key.clone(), &set.name));
            } else {
                context.faults(&prefix, refused);
            }
        }
    }

    fn scripts(&self, context: &mut Context<'_>, list: &[Value]) {
        for (n, json) in list.iter().enumerate() {
            let text = |name: &str| {
                json.get(name)
                    .and_then(Value::as_str)
                    .filter(|text| !text.is_empty())
            };
            let (Some(id), Some(name)) = (text("_id"), text("name")) else {
                context.error(format!("/scripts/{n}"), "a script needs _id and name");
                continue;
            };
            context.put(Draft {
                kind: Kind::Script,
                realm: context.key.clone(),
                key: id.to_lowercase(),
                name_key: name.to_lowercase(),
                name: id.to_owned(),
                owner: String::new(),
                body: json.to_string(),
                secret: None,
                members: Vec::new(),
                stamp: None,
            });
        }
    }
}

/// A policy that names no resource type is of its policy set's, where that has only one (as under version 1.0).
fn with_only_type(json: &Value, sets: &[PolicySet]) -> Value {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut()
        && super::given(members, "resourceTypeUuid").is_none()
    {
        let name = super::given(members, "applicationName").and_then(Value::as_str);
        let name = name.unwrap_or(PolicySet::DEFAULT).to_lowercase();
        let set = sets.iter().find(|set| set.name.to_lowercase() == name);
        if let Some([only]) = set.map(|set| set.resource_types.as_slice()) {
            members.insert("resourceTypeUuid".into(), only.as_str().into());
        }
    }
    json
}

/// A policy set whose application type nobody wrote is of the ordinary one.
fn with_application_type(json: &Value) -> Value {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut()
        && super::given(members, "applicationType").is_none()
    {
        members.insert("applicationType".into(), PolicySet::DEFAULT.into());
    }
    json
}

/// Bodies of a kind that the plan writes into the realm already: what a new realm begins with.
fn planned(context: &Context<'_>, kind: Kind) -> Vec<Value> {
    let of_realm = |write: &Write| match write {
        Write::Put(_, draft) if draft.kind == kind && draft.realm == context.key => {
            serde_json::from_str(&draft.body).ok()
        }
        _ => None,
    };
    context.plan.writes.iter().filter_map(of_realm).collect()
}
