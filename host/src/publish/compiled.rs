//! A realm's policies in compiled form, kept so that a change compiles what changed and no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use assize_engine::model::Policy;
use assize_engine::{CompiledPolicy, compile_policy, link};
use sha2::{Digest, Sha256};

use super::CommitError;
use crate::store::{Kind, Object, View};

/// The compiled policies of a realm and the bundle that they make.
pub(super) struct CompiledRealm {
    realm: String,
    sets: Vec<String>,
    policies: BTreeMap<String, (u64, CompiledPolicy)>,
    pub(super) bundle: Arc<[u8]>,
    /// Of the bundle's bytes; empty where nothing was linked yet.
    pub(super) digest: String,
}

impl CompiledRealm {
    pub(super) fn new(realm: &str) -> Self {
        CompiledRealm {
            realm: realm.to_owned(),
            sets: Vec::new(),
            policies: BTreeMap::new(),
            bundle: Arc::from([]),
            digest: String::new(),
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
        let mut fresh = Vec::new();
        match changed {
            Some(keys) => {
                for key in keys {
                    match store.object(Kind::Policy, realm_key, key).await? {
                        Some(object) => fresh.push(object),
                        None => drop(self.policies.remove(key)),
                    }
                }
            }
            None if self.policies.is_empty() => {
                fresh = store.objects(Kind::Policy, realm_key).await?
            }
            None => {
                let present: BTreeMap<String, u64> = store
                    .revisions_of(Kind::Policy, realm_key)
                    .await?
                    .into_iter()
                    .collect();
                self.policies
                    .retain(|key, (revision, _)| present.get(key) == Some(revision));
                for key in present
                    .keys()
                    .filter(|key| !self.policies.contains_key(*key))
                {
                    fresh.extend(store.object(Kind::Policy, realm_key, key).await?);
                }
            }
        }
        let linked = tokio::task::spawn_blocking(move || self.link(&fresh)).await;
        linked.map_err(|e| CommitError::Publish(e.to_string()))?
    }

    fn link(mut self, fresh: &[Object]) -> Result<Self, CommitError> {
        for object in fresh {
            self.policies
                .insert(object.key.clone(), (object.revision, compile(object)?));
        }
        let sets = self.sets.iter().map(String::as_str);
        let bundle = link(
            &self.realm,
            sets,
            self.policies.values().map(|(_, policy)| policy),
        );
        self.digest = Sha256::digest(&bundle)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.bundle = Arc::from(bundle);
        Ok(self)
    }
}

fn compile(object: &Object) -> Result<CompiledPolicy, CommitError> {
    let broken =
        |why: String| CommitError::Publish(format!("policy {:?} in the store: {why}", object.name));
    let value = serde_json::from_str(&object.body).map_err(|e| broken(e.to_string()))?;
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
