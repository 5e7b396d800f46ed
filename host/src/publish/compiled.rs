//! A realm's policies in compiled form, kept so that a change compiles what changed and no more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use assize_engine::model::Policy;
use assize_engine::{CompiledPolicy, compile_policy, link};
use serde_json::Value;

use super::CommitError;
use crate::notifications::{PolicyChange, PolicyEvent};
use crate::realm::RealmPath;
use crate::store::{Kind, Object, PAGE, View};

/// The compiled policies of a realm and the bundle that they make.
pub(super) struct CompiledRealm {
    realm: RealmPath,
    sets: Vec<String>,
    policies: BTreeMap<String, Kept>,
    /// What the content of each policy set is known by; another one after every change of it.
    marks: HashMap<String, u64>,
    /// The mark of sets that have not changed since the realm was compiled for the first time.
    first_mark: u64,
    /// What happened to policies since it was last asked for.
    events: Vec<PolicyEvent>,
    /// Empty where nothing was linked yet.
    pub(super) bundle: Arc<[u8]>,
}

/// A policy of the realm.
struct Kept {
    revision: u64,
    name: String,
    /// Key of its policy set.
    set: String,
    compiled: CompiledPolicy,
}

/// A number that no other content of a policy set is known by in this process.
fn mark() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl CompiledRealm {
    pub(super) fn new(realm: &RealmPath) -> Self {
        CompiledRealm {
            realm: realm.clone(),
            sets: Vec::new(),
            policies: BTreeMap::new(),
            marks: HashMap::new(),
            first_mark: mark(),
            events: Vec::new(),
            bundle: Arc::from([]),
        }
    }

    /// The policy sets of the realm that have one of these names, as they are spelled, each with a mark that is another
    /// one whenever the set's content is.
    pub(super) fn sets_named(&self, names: &[String]) -> Vec<(String, u64)> {
        let wanted: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let keyed = self.sets.iter().map(|name| (name.to_lowercase(), name));
        keyed
            .filter(|(key, _)| wanted.contains(key))
            .map(|(key, name)| {
                let mark = self.marks.get(&key).copied().unwrap_or(self.first_mark);
                (name.clone(), mark)
            })
            .collect()
    }

    /// A bundle of these policy sets alone.
    pub(super) fn link_only<'a>(&'a self, sets: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
        let policies = self.policies.values().map(|kept| &kept.compiled);
        link(self.realm.as_str(), sets, policies)
    }

    /// What happened to policies since the last call. The first content of a realm is no event.
    pub(super) fn take_events(&mut self) -> Vec<PolicyEvent> {
        std::mem::take(&mut self.events)
    }

    /// Counts every policy as changed, where something may have been missed.
    pub(super) fn take_all_for_changed(&mut self) {
        self.events = self.all(PolicyChange::Updated);
    }

    /// What the end of the realm does to its policies.
    pub(super) fn all_deleted(&self) -> Vec<PolicyEvent> {
        self.all(PolicyChange::Deleted)
    }

    fn all(&self, change: PolicyChange) -> Vec<PolicyEvent> {
        let all = self.policies.values();
        all.map(|kept| self.event(kept, change)).collect()
    }

    fn note(&mut self, kept: &Kept, change: PolicyChange) {
        if !self.bundle.is_empty() {
            let event = self.event(kept, change);
            self.events.push(event);
        }
    }

    fn event(&self, kept: &Kept, change: PolicyChange) -> PolicyEvent {
        let set = self.sets.iter().find(|set| set.to_lowercase() == kept.set);
        PolicyEvent {
            realm: self.realm.clone(),
            policy: kept.name.clone(),
            policy_set: set.unwrap_or(&kept.set).clone(),
            change,
        }
    }

    fn put(&mut self, object: &Object) -> Result<(), CommitError> {
        let kept = Kept {
            revision: object.revision,
            name: object.name.clone(),
            set: object.owner.clone(),
            compiled: compile(object)?,
        };
        let before = self.policies.get(&object.key);
        let change = match before {
            Some(_) => PolicyChange::Updated,
            None => PolicyChange::Created,
        };
        // A description that changed is no change of content.
        let differs = before.is_none_or(|b| b.set != kept.set || b.compiled != kept.compiled);
        if differs {
            let left = before.map(|before| before.set.clone());
            for set in left.into_iter().chain([kept.set.clone()]) {
                self.marks.insert(set, mark());
            }
        }
        self.note(&kept, change);
        self.policies.insert(object.key.clone(), kept);
        Ok(())
    }

    fn remove(&mut self, key: &str) {
        if let Some(gone) = self.policies.remove(key) {
            self.note(&gone, PolicyChange::Deleted);
            self.marks.insert(gone.set, mark());
        }
    }

    /// Brings the realm up to what the store holds: `changed` names the policies to look at, `None` means all.
    ///
    /// # Errors
    /// The store cannot be read, or holds a policy that is none.
    pub(super) async fn update(
        mut self,
        store: &mut dyn View,
        realm_key: &str,
        changed: Option<&[String]>,
    ) -> Result<Self, CommitError> {
        self.sets = store
            .objects(Kind::PolicySet, realm_key)
            .await?
            .into_iter()
            .map(|set| set.name)
            .collect();
        // What was never linked knows nothing of the policies that did not change.
        match changed.filter(|_| !self.bundle.is_empty()) {
            Some(keys) => {
                for keys in keys.chunks(PAGE) {
                    self = self.take_over(store, realm_key, keys).await?;
                }
            }
            None if self.policies.is_empty() => {
                let mut after = String::new();
                loop {
                    let page = store.page(Kind::Policy, realm_key, &after).await?;
                    let Some(last) = page.last() else { break };
                    after.clone_from(&last.key);
                    self = self.put_all(page).await?;
                }
            }
            None => {
                let present = store.revisions_of(Kind::Policy, realm_key).await?;
                let present: BTreeMap<String, u64> = present.into_iter().collect();
                let kept = |key: &String| self.policies.get(key).map(|kept| kept.revision);
                let newer = present
                    .iter()
                    .filter(|(key, revision)| kept(key) != Some(**revision));
                let gone = self
                    .policies
                    .keys()
                    .filter(|key| !present.contains_key(*key));
                let changed: Vec<String> = newer.map(|(key, _)| key).chain(gone).cloned().collect();
                for keys in changed.chunks(PAGE) {
                    self = self.take_over(store, realm_key, keys).await?;
                }
            }
        }
        blocking(move || {
            let bundle = self.link_only(self.sets.iter().map(String::as_str));
            self.bundle = Arc::from(bundle);
            Ok(self)
        })
        .await
    }

    /// Takes over what the store holds under these keys.
    async fn take_over(
        mut self,
        store: &mut dyn View,
        realm_key: &str,
        keys: &[String],
    ) -> Result<Self, CommitError> {
        let mut fresh = Vec::with_capacity(keys.len());
        for key in keys {
            match store.object(Kind::Policy, realm_key, key).await? {
                Some(object) => fresh.push(object),
                None => self.remove(key),
            }
        }
        self.put_all(fresh).await
    }

    async fn put_all(mut self, fresh: Vec<Object>) -> Result<Self, CommitError> {
        blocking(move || {
            fresh.iter().try_for_each(|object| self.put(object))?;
            Ok(self)
        })
        .await
    }
}

/// Runs what takes longer than an async thread may be kept.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CommitError> + Send + 'static,
) -> Result<T, CommitError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| CommitError::Publish(e.to_string()))?
}

fn compile(object: &Object) -> Result<CompiledPolicy, CommitError> {
    let broken =
        |why: String| CommitError::Publish(format!("policy {:?} in the store: {why}", object.name));
    let mut value: Value = serde_json::from_str(&object.body).map_err(|e| broken(e.to_string()))?;
    if let Some(condition) = value.get_mut("condition") {
        forget_labels(condition);
    }
    let policy = Policy::parse(&value).map_err(|faults| {
        broken(
            faults
                .first()
                .map(|fault| format!("{}: {}", fault.path, fault.message))
                .unwrap_or_default(),
        )
    })?;
    Ok(compile_policy(&policy))
}

/// Takes the names of conditions away, which decide nothing. Earlier versions stored any JSON as one, and a realm is not to
/// stand still for it.
fn forget_labels(condition: &mut Value) {
    match condition {
        Value::Object(members) => {
            let combined = matches!(
                members.get("type").and_then(Value::as_str),
                Some("AND" | "OR" | "NOT")
            );
            if combined && members.get("name").is_some_and(|name| !name.is_string()) {
                members.remove("name");
            }
            for name in ["condition", "conditions"] {
                members.get_mut(name).into_iter().for_each(forget_labels);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forget_labels),
        _ => {}
    }
}
