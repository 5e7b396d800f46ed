//! Bundles of chosen policy sets, for enforcement points.
//!
//! A scoped bundle is linked when somebody asks for it, out of the compiled policies that are there anyway, and again
//! only when the content of one of its policy sets has changed.
//!
//! **Its revision** is the revision of the store at which its content (the digest) or its definition last became another
//! one. It stays the same while the store moves on for other reasons: a change of another policy set, of a user, of a
//! description. It is kept in the store, so that every node says the same of the same content, also after a restart. A
//! rollback is a change like any other: older content, higher revision. Where holders have seen a higher revision than
//! the store has (it was restored from a backup), writing the definition again publishes the bundle under a new one.
//!
//! INVARIANT: a revision stands for one content and one definition, on all nodes. It is read together with the policies,
//! and written only while the store is still at the revision that they were read at, so that no node can name a state
//! that another one has passed over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use assize_engine::Bundle;
use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::compiled::CompiledRealm;
use super::{CommitError, Publisher, Scope};
use crate::clock;
use crate::documents::bundle::BundleDefinition;
use crate::documents::members;
use crate::outside::source::{self, Source};
use crate::realm::RealmPath;
use crate::store::{Kind, Object, View};

/// How often another node's change may come in between before this one gives up.
const ATTEMPTS: u32 = 8;

/// A bundle as its holders get it, before it is signed.
pub(crate) struct PublishedBundle {
    pub(crate) realm: RealmPath,
    pub(crate) definition: BundleDefinition,
    pub(crate) revision: u64,
    /// Hex SHA-256 of the content, as the bundle's header has it.
    pub(crate) digest: String,
    pub(crate) bytes: Bytes,
    /// Hex SHA-256 of all bytes.
    pub(crate) bytes_sha256: String,
}

/// Realm and name, both as keys.
type Id = (String, String);

/// What this node has linked.
#[derive(Default)]
pub(super) struct ScopedBundles(Mutex<HashMap<Id, Linked>>);

#[derive(Clone)]
struct Linked {
    /// The live revision at which it was last found to be current.
    as_of: u64,
    /// The policy sets and the marks of their content.
    sets: Vec<(String, u64)>,
    /// The scripts that may be in it and their revisions.
    scripts: Vec<(String, u64)>,
    bundle: Arc<PublishedBundle>,
}

/// What the store keeps of a published bundle.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Published {
    definition: u64,
    digest: String,
    revision: u64,
}

impl ScopedBundles {
    fn get(&self, id: &Id) -> Option<Linked> {
        let linked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        linked.get(id).cloned()
    }

    fn put(&self, id: &Id, now: Option<Linked>) {
        let mut linked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match now {
            Some(now) => drop(linked.insert(id.clone(), now)),
            None => drop(linked.remove(id)),
        }
    }
}

impl Publisher {
    /// The bundle of a definition, of what is live; `None` where there is no such definition.
    ///
    /// # Errors
    /// The store did not answer, or other nodes change it faster than this one can follow.
    pub(crate) async fn bundle(
        &self,
        realm_key: &str,
        name: &str,
    ) -> Result<Option<Arc<PublishedBundle>>, CommitError> {
        let id: Id = (realm_key.to_owned(), name.to_lowercase());
        let current = |linked: &Linked| linked.as_of == self.live.load().revision;
        if let Some(linked) = self.scoped.get(&id).filter(current) {
            return Ok(Some(linked.bundle));
        }
        let mut compiled = Arc::clone(&self.compiled).lock_owned().await;
        if let Some(linked) = self.scoped.get(&id).filter(current) {
            return Ok(Some(linked.bundle));
        }
        for _ in 0..ATTEMPTS {
            let asked = clock::moment();
            let mut view = self.store.view().await?;
            let revision = view.revision();
            if revision != self.live.load().revision {
                drop(view);
                let latest = self.live.load().revision;
                self.refresh(&mut compiled, Scope::Everything, latest)
                    .await?;
                continue;
            }
            let Some(object) = view.object(Kind::BundleDefinition, &id.0, &id.1).await? else {
                self.scoped.put(&id, None);
                return Ok(None);
            };
            let setting = setting_of(&id);
            let published = published(view.as_mut(), &setting).await?;
            let scripts = view.objects(Kind::Script, &id.0).await?;
            drop(view);
            let Some(realm) = self
                .live
                .load()
                .by_key(&id.0)
                .map(|realm| realm.path.clone())
            else {
                self.scoped.put(&id, None);
                return Ok(None);
            };
            let before = self.scoped.get(&id);
            let linking = tokio::task::spawn_blocking(move || {
                let linked = match compiled.get(realm.key().as_str()) {
                    Some(state) => link(state, realm, &object, &scripts, before),
                    None => Err(CommitError::Publish(format!(
                        "realm {realm} is not compiled"
                    ))),
                };
                (compiled, linked)
            });
            let (lock, linked) = linking
                .await
                .map_err(|error| CommitError::Publish(error.to_string()))?;
            compiled = lock;
            let (definition, sets, scripts, content) = linked?;
            let known = published
                .filter(|known| known.definition == definition && known.digest == content.digest);
            let since = match known {
                Some(known) => known.revision,
                None => {
                    let published = Published {
                        definition,
                        digest: content.digest.clone(),
                        revision,
                    };
                    let text = serde_json::to_string(&published)
                        .map_err(|error| CommitError::Publish(error.to_string()))?;
                    if !self.store.put_setting_at(revision, &setting, &text).await? {
                        continue;
                    }
                    tracing::info!(realm = id.0, bundle = id.1, revision, "bundle published");
                    revision
                }
            };
            let bundle = Arc::new(PublishedBundle {
                revision: since,
                ..content
            });
            let linked = Linked {
                as_of: revision,
                sets,
                scripts,
                bundle: Arc::clone(&bundle),
            };
            self.scoped.put(&id, Some(linked));
            self.freshness.confirm_changes(asked);
            return Ok(Some(bundle));
        }
        Err(CommitError::Publish(format!(
            "other nodes changed the store {ATTEMPTS} times while bundle {name} was linked"
        )))
    }
}

/// What the settings begin with that keep what was published.
///
/// INVARIANT: they belong to this store's own revisions and must not come back with an older content: a restored store
/// publishes anew, under a revision that is higher than any that a holder has seen.
pub(crate) const PUBLICATION: &str = "bundle ";

/// The setting that keeps what was published. A name holds no slash, so no two bundles share one.
fn setting_of((realm, name): &Id) -> String {
    format!("{PUBLICATION}{}/{name}", realm.trim_end_matches('/'))
}

async fn published(view: &mut dyn View, setting: &str) -> Result<Option<Published>, CommitError> {
    let text = view.setting(setting).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// The definition's revision, what the bundle was made of (policy sets, scripts), and its content; the revision of that is
/// still to be found.
type Content = (u64, Vec<(String, u64)>, Vec<(String, u64)>, PublishedBundle);

/// Links a bundle, or takes the one from before where nothing in it has changed.
fn link(
    state: &CompiledRealm,
    realm: RealmPath,
    object: &Object,
    scripts: &[Object],
    before: Option<Linked>,
) -> Result<Content, CommitError> {
    let definition = BundleDefinition::of(object).ok_or_else(|| {
        CommitError::Publish(format!("bundle definition {} cannot be read", object.name))
    })?;
    let sets = state.sets_named(&definition.policy_sets);
    let marked: Vec<(String, u64)> = scripts
        .iter()
        .map(|script| (script.key.clone(), script.revision))
        .collect();
    let same = before.filter(|before| {
        before.sets == sets && before.scripts == marked && before.bundle.realm == realm
    });
    let (digest, bytes, bytes_sha256) = match same {
        Some(Linked { bundle, .. }) => (
            bundle.digest.clone(),
            bundle.bytes.clone(),
            bundle.bytes_sha256.clone(),
        ),
        None => {
            let mut bytes = state.link_only(sets.iter().map(|(name, _)| name.as_str()));
            let load = |bytes: &[u8]| {
                let read = Bundle::load(bytes.to_vec());
                read.map_err(|error| CommitError::Publish(error.to_string()))
            };
            let mut read = load(&bytes)?;
            let scripts = scripts_of(&read, scripts);
            if !scripts.is_empty() {
                bytes = read.with_scripts(&scripts);
                read = load(&bytes)?;
            }
            let sha256 = hex::encode(Sha256::digest(&bytes));
            (read.digest().to_owned(), Bytes::from(bytes), sha256)
        }
    };
    let content = PublishedBundle {
        realm,
        definition,
        revision: 0,
        digest,
        bytes,
        bytes_sha256,
    };
    Ok((object.revision, sets, marked, content))
}

/// The scripts that the bundle's conditions run, and no others; those that cannot be run stay away.
fn scripts_of(bundle: &Bundle, scripts: &[Object]) -> String {
    let facts = bundle.required_facts();
    let used: Vec<(&str, Source)> = facts
        .scripts
        .iter()
        .filter_map(|id| {
            let key = id.to_lowercase();
            let object = scripts.iter().find(|script| script.key == key)?;
            Some((id.as_str(), Source::of(&members(object)).ok()?))
        })
        .collect();
    source::in_bundle(used.iter().map(|(id, source)| (*id, source)))
}
