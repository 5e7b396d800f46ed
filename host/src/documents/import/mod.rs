//! Import documents (contract §2) as one change of the store: all of it or nothing.

mod identities;
mod plan;
mod references;
mod restore;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use assize_engine::document::Document;
use assize_engine::model::{PolicySet, ResourceType};
use assize_engine::{Fault, FaultCode};
use serde::Deserialize;
use serde_json::Value;

use super::export::{HEAD, Head};
use super::stored::am_stamp;
use super::{catalogue, defaults, policy, realm, script};
use crate::auth::password::Passwords;
use crate::auth::random_text;
use crate::naming::is_dot_segment;
use crate::publish::RealmBody;
use crate::realm::{Directory, RealmPath};
use crate::store::{Draft, Kind, Object, Stamp, Store, StoreError, Write};

use plan::Context;
pub(crate) use plan::{Plan, Problem};
use references::{types_exist, with_application_type, with_only_type};

/// The highest revision that an export may show: the largest whole number that every reader of JSON keeps (RFC 8259 §6).
const HIGHEST_REVISION: u64 = (1 << 53) - 1;

/// What becomes of what a document tells about the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Objects are written now and by whoever imports them.
    Add,
    /// Authors and dates are kept, and a whole export replaces all that its realm holds.
    Restore,
}

/// What an import works with.
pub(crate) struct Importer<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) passwords: &'a Passwords,
    pub(crate) directory: &'a Directory,
    pub(crate) mode: Mode,
}

/// An export that is restored: what it does not hold, its realm does not hold either.
struct Whole {
    /// Whether it tells who has which password; otherwise whoever has one keeps it.
    credentials: bool,
    /// The kinds that it tells about.
    kinds: Vec<Kind>,
}

impl Whole {
    fn holds(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }
}

impl Importer<'_> {
    fn restores(&self) -> bool {
        self.mode == Mode::Restore
    }

    /// Plans the import of files, given by name and text. Nothing of theirs is written; what is wrong is in the plan.
    ///
    /// # Errors
    /// The store could not be read.
    pub(crate) async fn plan(&self, files: &[(String, Vec<u8>)]) -> Result<Plan, StoreError> {
        let mut plan = Plan::default();
        let mut documents = Vec::new();
        for (file, text) in files {
            let problem = |path: String, message: String| Problem {
                file: file.clone(),
                path,
                message,
            };
            match Document::parse(text) {
                Err(faults) => {
                    let problems = faults
                        .into_iter()
                        .map(|fault| problem(fault.path, fault.message));
                    plan.errors.extend(problems);
                }
                Ok((document, _)) => match RealmPath::parse(&document.realm) {
                    Some(realm) => documents.push((file, realm, document)),
                    None => {
                        let message = format!(
                            "{:?} is no realm path such as \"/\" or \"/alpha\"",
                            document.realm
                        );
                        plan.errors.push(problem("/realm".into(), message));
                    }
                },
            }
        }
        // A store that is restored holds what its exports hold. Anything else goes into one that has its beginning.
        let export = |document: &Document| self.restores() && document.others.contains_key(HEAD);
        if !documents.iter().all(|(_, _, document)| export(document)) {
            defaults::ensure(self.store).await?;
        }
        // A realm comes before those beneath it, which else would have to make it up.
        documents.sort_by_key(|(_, realm, _)| realm.elements().count());
        for (file, realm, document) in documents {
            let key = realm.key();
            let mut context = Context {
                file,
                realm,
                stored_names: self.stored_names(&key).await?,
                key,
                plan: &mut plan,
                whole: None,
            };
            self.document(&mut context, &document).await?;
        }
        Ok(plan)
    }

    async fn document(
        &self,
        context: &mut Context<'_>,
        document: &Document,
    ) -> Result<(), StoreError> {
        self.unread(context, &document.others);
        context.whole = self.whole(context, document);
        self.realms(context).await?;
        let types = self.resource_types(context, document).await?;
        let sets = self.policy_sets(context, document, &types).await?;
        self.policies(context, document, &types, &sets);
        self.scripts(context, document);
        self.users(context, document).await?;
        self.groups(context, document);
        if self.restores() {
            self.carried(context, &document.others).await?;
            self.settings(context, &document.others);
        }
        if let Some(whole) = context.whole.take() {
            self.remove_others(context, &whole).await?;
        }
        Ok(())
    }

    /// What a document says about itself, where it is an export that is to be restored.
    fn whole(&self, context: &mut Context<'_>, document: &Document) -> Option<Whole> {
        let head = document.others.get(HEAD).filter(|_| self.restores())?;
        let head = match Head::deserialize(head) {
            Ok(head) => head,
            Err(error) => {
                context.error(format!("/{HEAD}"), error.to_string());
                return None;
            }
        };
        if head.revision > HIGHEST_REVISION {
            let message = format!("is higher than {HIGHEST_REVISION}");
            context.error(format!("/{HEAD}/revision"), message);
            return None;
        }
        context.plan.exported = context.plan.exported.max(head.revision);
        let told = |kind: &Kind| {
            document.holds(kind.array()) || document.others.contains_key(kind.array())
        };
        Some(Whole {
            credentials: head.credentials,
            kinds: Kind::ALL.iter().copied().filter(told).collect(),
        })
    }

    /// Who made an object and when, where that is to be kept.
    fn stamp(&self, json: &Value) -> Option<Stamp> {
        am_stamp(json).filter(|_| self.restores())
    }

    /// Second names of the stored documents of those kinds that have them.
    async fn stored_names(
        &self,
        realm: &str,
    ) -> Result<HashMap<(Kind, String), String>, StoreError> {
        let mut names = HashMap::new();
        for kind in [Kind::ResourceType, Kind::Script] {
            for object in self.store.objects(kind, realm).await? {
                names.insert((kind, object.name_key), object.key);
            }
        }
        Ok(names)
    }

    /// The realm and those above it, where they are missing. One whose whole export is restored brings its own document.
    async fn realms(&self, context: &mut Context<'_>) -> Result<(), StoreError> {
        let own = Some(context.realm.clone());
        let mut at = match &context.whole {
            Some(whole) if whole.holds(Kind::Realm) => context.realm.parent(),
            _ => own,
        };
        let mut missing = Vec::new();
        while let Some(path) = at.filter(|path| !path.is_root()) {
            let key = path.key();
            if !context.plan.puts(Kind::Realm, "", &key)
                && self.store.object(Kind::Realm, "", &key).await?.is_none()
            {
                missing.push(path.clone());
            }
            at = path.parent();
        }
        for path in missing.iter().rev() {
            if is_dot_segment(path.name()) {
                let why = format!("{path} cannot be made: clients take . and .. out of addresses");
                context.error(String::new(), why);
                continue;
            }
            let creation = realm::creation(path, &RealmBody::default());
            context.plan.begin(creation);
        }
        Ok(())
    }

    async fn resource_types(
        &self,
        context: &mut Context<'_>,
        document: &Document,
    ) -> Result<Vec<ResourceType>, StoreError> {
        let mut types = Vec::new();
        let list = document.resource_types.as_deref().unwrap_or_default();
        for (n, json) in list.iter().enumerate() {
            let place = document.place("resourceTypes", n);
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
                    let draft = catalogue::resource_type_draft(&context.key, &parsed, kept);
                    let stamp = self.stamp(json);
                    context.put(&place, Draft { stamp, ..draft });
                    types.push(parsed);
                }
                Err(faults) => context.faults(&place, faults),
            }
        }
        let stored = self.still_stored(context, Kind::ResourceType).await?;
        if !document.applications.is_empty() || !document.policies.is_empty() {
            context.require(Kind::ResourceType, &stored);
        }
        let written = planned(context, Kind::ResourceType);
        // What an earlier file writes takes the place of what is stored.
        let written = written.iter().map(ResourceType::parse);
        let stored = stored.iter().filter_map(catalogue::resource_type_of);
        for parsed in written.filter_map(Result::ok).chain(stored) {
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
        document: &Document,
        types: &[ResourceType],
    ) -> Result<Vec<PolicySet>, StoreError> {
        let mut sets = Vec::new();
        for (n, json) in document.applications.iter().enumerate() {
            let place = document.place("applications", n);
            let read = catalogue::policy_set(&with_application_type(json));
            match read.and_then(|read| types_exist(read, types)) {
                Ok((parsed, kept)) => {
                    let draft = catalogue::policy_set_draft(&context.key, &parsed, kept);
                    let stamp = self.stamp(json);
                    context.put(&place, Draft { stamp, ..draft });
                    sets.push(parsed);
                }
                Err(faults) => context.faults(&place, faults),
            }
        }
        let stored = self.still_stored(context, Kind::PolicySet).await?;
        if !document.policies.is_empty() {
            context.require(Kind::PolicySet, &stored);
        }
        let written = planned(context, Kind::PolicySet);
        let written = written.iter().map(PolicySet::parse);
        let stored = stored.iter().filter_map(catalogue::policy_set_of);
        for parsed in written.filter_map(Result::ok).chain(stored) {
            if !sets
                .iter()
                .any(|known: &PolicySet| known.name.to_lowercase() == parsed.name.to_lowercase())
            {
                sets.push(parsed);
            }
        }
        Ok(sets)
    }

    /// What the store holds of a kind and goes on holding: nothing, where a whole export replaces it.
    async fn still_stored(
        &self,
        context: &Context<'_>,
        kind: Kind,
    ) -> Result<Vec<Object>, StoreError> {
        match &context.whole {
            Some(whole) if whole.holds(kind) => Ok(Vec::new()),
            _ => self.store.objects(kind, &context.key).await,
        }
    }

    fn policies(
        &self,
        context: &mut Context<'_>,
        document: &Document,
        types: &[ResourceType],
        sets: &[PolicySet],
    ) {
        for (n, json) in document.policies.iter().enumerate() {
            let place = document.place("policies", n);
            let checked = match policy::check(&with_only_type(json, sets)) {
                Ok(checked) => checked,
                Err(faults) => {
                    context.faults(&place, faults);
                    continue;
                }
            };
            let wanted = checked.policy.policy_set.to_lowercase();
            let Some(set) = sets.iter().find(|set| set.name.to_lowercase() == wanted) else {
                let message = format!(
                    "there is no policy set {:?} in realm {}",
                    checked.policy.policy_set, context.realm
                );
                context.error(format!("{place}/applicationName"), message);
                continue;
            };
            let (tolerated, refused): (Vec<Fault>, Vec<Fault>) = checked
                .policy
                .check_against(set, types)
                .into_iter()
                .partition(|fault| fault.code == FaultCode::NotAllowed);
            context.tolerated(&place, tolerated);
            context.tolerated(&place, checked.policy.check_legacy());
            if refused.is_empty() {
                let draft = checked.draft(&context.key, &set.name);
                let stamp = self.stamp(json);
                context.put(&place, Draft { stamp, ..draft });
            } else {
                context.faults(&place, refused);
            }
        }
    }

    fn scripts(&self, context: &mut Context<'_>, document: &Document) {
        for (n, json) in document.scripts.iter().enumerate() {
            let place = document.place("scripts", n);
            let text = |name: &str| {
                json.get(name)
                    .and_then(Value::as_str)
                    .filter(|text| !text.is_empty())
            };
            let (Some(id), Some(members)) = (text("_id"), json.as_object()) else {
                context.error(place, "a script is an object with an _id");
                continue;
            };
            match script::check(members, id) {
                Ok(script) => {
                    let draft = script.draft(&context.key);
                    let stamp = self.stamp(json);
                    context.put(&place, Draft { stamp, ..draft });
                }
                Err(faults) => context.faults(&place, faults),
            }
        }
    }
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
