//! From a change to a live decision: write → revision → compile → load → swap, and only then the answer.
//!
//! INVARIANT: a change is answered after its revision decides on this node (read your own writes), and one change at a
//! time passes through here, so revisions go live in order. Only changed policies are compiled; linking takes the rest
//! from memory. What another process wrote to the same store is found by its revision counter and taken over alike.

mod compiled;
mod live;
mod scoped;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

use crate::clock::{self, Millis, Moment};
use crate::decide::{Decider, Published};
use crate::documents::realm_settings::RealmSettings;
use crate::freshness::Freshness;
use crate::notifications::{Event, Notifications};
use crate::realm::RealmPath;
use crate::store::{Applied, Kind, Object, Store, StoreError, View, Write};

use compiled::CompiledRealm;
pub(crate) use live::{Live, LiveRealm};
use scoped::ScopedBundles;
pub(crate) use scoped::{PUBLICATION, PublishedBundle};

/// Why a change was not made, or not made live.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// Nothing was written.
    Store(StoreError),
    /// Written, but it does not decide here yet; the poll of the store tries again.
    Publish(String),
    /// Written, but the store did not answer when it was to be read again; the poll tries again.
    Unread(StoreError),
}

impl std::fmt::Display for CommitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CommitError::Store(error) => error.fmt(f),
            CommitError::Publish(why) => write!(f, "cannot publish: {why}"),
            CommitError::Unread(error) => write!(f, "written, but not live here yet: {error}"),
        }
    }
}

impl std::error::Error for CommitError {}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        CommitError::Store(error)
    }
}

/// What a realm's document holds beside its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RealmBody {
    pub(crate) active: bool,
    pub(crate) aliases: Vec<String>,
    #[serde(default)]
    pub(crate) settings: RealmSettings,
}

impl Default for RealmBody {
    /// The root realm's, until somebody writes its document.
    fn default() -> Self {
        RealmBody {
            active: true,
            aliases: Vec::new(),
            settings: RealmSettings::default(),
        }
    }
}

/// The one way in which the store is changed and decisions become current.
pub(crate) struct Publisher {
    store: Arc<dyn Store>,
    decider: Decider,
    live: Arc<ArcSwap<Live>>,
    /// Held while the store is changed: one change at a time passes. What other processes wrote is taken over meanwhile.
    changing: Mutex<()>,
    compiled: Arc<Mutex<HashMap<String, CompiledRealm>>>,
    scoped: ScopedBundles,
    freshness: Arc<Freshness>,
    notifications: Notifications,
    /// Revisions as they go live.
    revisions: watch::Sender<u64>,
}

impl Publisher {
    /// Publishes everything that the store holds.
    ///
    /// # Errors
    /// The store cannot be read, or a policy in it cannot be compiled.
    pub(crate) async fn start(
        store: Arc<dyn Store>,
        decider: Decider,
        freshness: Arc<Freshness>,
        notifications: Notifications,
    ) -> Result<Self, CommitError> {
        let publisher = Publisher {
            store,
            decider,
            live: Arc::new(ArcSwap::from_pointee(Live::empty())),
            freshness,
            changing: Mutex::default(),
            compiled: Arc::default(),
            scoped: ScopedBundles::default(),
            notifications,
            revisions: watch::Sender::new(0),
        };
        publisher.take_over().await?;
        Ok(publisher)
    }

    /// What decides at this moment.
    pub(crate) fn live(&self) -> arc_swap::Guard<Arc<Live>> {
        self.live.load()
    }

    /// The same, to be kept for longer.
    pub(crate) fn live_now(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// The latest instant at which what is live was known to be the store's latest revision: now, or shortly before,
    /// unless the node is cut off from the store.
    pub(crate) fn confirmed(&self) -> Millis {
        self.freshness.changes_as_of()
    }

    /// Tells of each revision that goes live.
    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.revisions.subscribe()
    }

    /// What answers.
    pub(crate) fn decider(&self) -> &Decider {
        &self.decider
    }

    /// Makes a change durable and live; gives its revision. Once begun it is made whole, also where nobody waits for it
    /// any more.
    ///
    /// # Errors
    /// [`CommitError::Store`] where nothing was written; the others where it was but does not decide yet.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        author: &str,
        summary: &str,
        writes: Vec<Write>,
    ) -> Result<u64, CommitError> {
        let (author, summary) = (author.to_owned(), summary.to_owned());
        let publisher = Arc::clone(self);
        whole(async move {
            let _turn = publisher.changing.lock().await;
            let asked = clock::moment();
            let applied = publisher
                .store
                .apply(&author, asked.wall, &summary, &writes)
                .await?;
            let scope = Scope::of(&writes);
            let live = publisher.go_live(&applied, scope, asked).await;
            live.map_err(written)?;
            let revision = applied.revision;
            tracing::info!(revision, author, summary, "change is live");
            Ok(revision)
        })
        .await
    }

    /// Makes policies, and what they are made of, as they were at a revision, and live; gives the new revision.
    ///
    /// # Errors
    /// As [`Publisher::commit`]; [`StoreError::Missing`] for a revision that never was.
    pub(crate) async fn roll_back(
        self: &Arc<Self>,
        author: &str,
        to: u64,
    ) -> Result<u64, CommitError> {
        let author = author.to_owned();
        let publisher = Arc::clone(self);
        whole(async move {
            let _turn = publisher.changing.lock().await;
            let asked = clock::moment();
            let applied = publisher.store.roll_back(&author, asked.wall, to).await?;
            let live = publisher.go_live(&applied, Scope::Everything, asked).await;
            live.map_err(written)?;
            tracing::info!(revision = applied.revision, author, to, "rolled back");
            Ok(applied.revision)
        })
        .await
    }

    /// Takes over what other processes wrote. True where there was something. Once begun it is carried through, also where
    /// nobody waits for it any more.
    ///
    /// # Errors
    /// As [`Publisher::start`]; what was live before goes on deciding.
    pub(crate) async fn catch_up(self: &Arc<Self>) -> Result<bool, CommitError> {
        let publisher = Arc::clone(self);
        whole(async move { publisher.take_over().await }).await
    }

    async fn take_over(&self) -> Result<bool, CommitError> {
        let asked = clock::moment();
        if self.is_latest(self.store.revision().await?) {
            self.freshness.confirm_changes(asked);
            return Ok(false);
        }
        let mut compiled = self.compiled.lock().await;
        // A change of this node may have gone live while this waited.
        let asked = clock::moment();
        let taken = !self.is_latest(self.store.revision().await?);
        if taken {
            let latest = self.live.load().revision;
            self.refresh(&mut compiled, Scope::Everything, latest)
                .await?;
        }
        self.freshness.confirm_changes(asked);
        Ok(taken)
    }

    fn is_latest(&self, revision: u64) -> bool {
        let live = self.live.load();
        live.revision == revision && live.is_published()
    }

    /// Makes a change live that this node asked for at that moment; `scope` is what it may have altered.
    async fn go_live(
        &self,
        applied: &Applied,
        scope: Scope,
        asked: Moment,
    ) -> Result<(), CommitError> {
        let mut compiled = self.compiled.lock().await;
        let live = self.live.load().revision;
        // Otherwise it was taken over already, as if it were somebody else's.
        if live < applied.revision {
            let scope = if applied.previous == live {
                scope
            } else {
                Scope::Everything
            };
            self.refresh(&mut compiled, scope, applied.revision).await?;
            self.freshness.confirm_changes(asked);
        }
        Ok(())
    }

    /// Makes the store's latest revision live. `scope` is what may differ from what is live up to the revision `known`;
    /// where the store is further on, anything may.
    async fn refresh(
        &self,
        compiled: &mut HashMap<String, CompiledRealm>,
        scope: Scope,
        known: u64,
    ) -> Result<(), CommitError> {
        // INVARIANT: all that goes live together is read at one revision, so that no half of a change is published.
        let mut view = self.store.view().await?;
        let revision = view.revision();
        let scope = if revision == known {
            scope
        } else {
            Scope::Everything
        };
        let before = self.live.load_full();
        let realms = match &scope {
            Scope::Realms {
                list_changed: false,
                ..
            } => before
                .realms()
                .map(|realm| realm.as_ref().clone())
                .collect(),
            _ => realms(view.as_mut(), &before).await?,
        };
        let mut next = Vec::with_capacity(realms.len());
        for realm in realms {
            let known = before.by_key(&realm.key);
            let changed = known.is_none() || scope.touches(&realm.key);
            if !changed {
                next.push(Arc::new(realm));
                continue;
            }
            let state = compiled.remove(&realm.key);
            // The state was lost with an earlier change that failed half-way, and with it what that change did.
            let missed = state.is_none() && known.is_some_and(|known| known.is_decided());
            let state = state.unwrap_or_else(|| CompiledRealm::new(&realm.path));
            let mut state = state
                .update(view.as_mut(), &realm.key, scope.policies(&realm.key))
                .await?;
            if missed {
                state.take_all_for_changed();
            }
            let key = realm.key.clone();
            let live = match realm.bundle() {
                Some(bundle) if *bundle == state.bundle => {
                    state.bundle = Arc::clone(bundle);
                    realm
                }
                _ => {
                    let published = self.load(&state, &realm, revision).await?;
                    realm.with_bundle(Arc::clone(&state.bundle), published)
                }
            };
            compiled.insert(key, state);
            next.push(Arc::new(live));
        }
        let mut events = Vec::new();
        let kept: BTreeSet<&str> = next.iter().map(|realm| realm.key.as_str()).collect();
        for gone in before
            .realms()
            .filter(|realm| !kept.contains(realm.key.as_str()))
        {
            if let Some(state) = compiled.remove(&gone.key) {
                events.extend(state.all_deleted());
            }
            self.decider.remove(gone.path.as_str());
        }
        self.live.store(Arc::new(Live::new(revision, next)));
        self.revisions.send_replace(revision);
        let changed = compiled.values_mut();
        events.extend(changed.flat_map(CompiledRealm::take_events));
        for event in events {
            self.notifications.tell(Event::Policy(event));
        }
        Ok(())
    }

    /// Loads a realm's bundle into the module, away from the async workers.
    async fn load(
        &self,
        state: &CompiledRealm,
        realm: &LiveRealm,
        revision: u64,
    ) -> Result<Published, CommitError> {
        let (decider, live) = (self.decider.clone(), Arc::clone(&self.live));
        let (bundle, path, key) = (
            Arc::clone(&state.bundle),
            realm.path.clone(),
            realm.key.clone(),
        );
        let loading = move || {
            decider.publish(path.as_str(), &bundle, revision, |published| {
                // INVARIANT: from before the first decision by this bundle, subjects are resolved for it, too.
                let now = live.load();
                if let Some(known) = now.by_key(&key) {
                    let awaiting = known.awaiting(Arc::clone(&bundle), published);
                    live.store(Arc::new(now.with_realm(awaiting)));
                }
            })
        };
        let loaded = tokio::task::spawn_blocking(loading).await;
        loaded
            .map_err(|e| CommitError::Publish(e.to_string()))?
            .map_err(CommitError::Publish)
    }
}

/// Work that goes on to its end when whoever waits for it is gone, as a client can be at any moment.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, CommitError>> + Send + 'static,
) -> Result<T, CommitError> {
    let done = tokio::spawn(work).await;
    done.map_err(|e| CommitError::Publish(e.to_string()))?
}

/// A failure after the change was written.
fn written(error: CommitError) -> CommitError {
    match error {
        CommitError::Store(error) => CommitError::Unread(error),
        other => other,
    }
}

/// All realms of the store, with what is live of each.
async fn realms(view: &mut dyn View, before: &Live) -> Result<Vec<LiveRealm>, CommitError> {
    let mut realms = vec![before.root().as_ref().clone()];
    for object in view.objects(Kind::Realm, "").await? {
        let (path, body) = realm_of(&object)?;
        if path.is_root() {
            if let Some(root) = realms.first_mut() {
                root.set_body(body);
            }
            continue;
        }
        let mut realm = match before.by_key(&object.key) {
            Some(known) => known.as_ref().clone(),
            None => LiveRealm::new(path),
        };
        realm.set_body(body);
        realms.push(realm);
    }
    Ok(realms)
}

/// A realm as its document in the store has it.
///
/// # Errors
/// [`CommitError::Publish`] for what is no such document.
pub(crate) fn realm_of(object: &Object) -> Result<(RealmPath, RealmBody), CommitError> {
    let path = RealmPath::parse(&object.name);
    let body = serde_json::from_str(&object.body).ok();
    path.zip(body).ok_or_else(|| {
        CommitError::Publish(format!(
            "realm {} cannot be read from the store",
            object.name
        ))
    })
}

/// How much of the store a change may have altered.
enum Scope {
    Everything,
    Realms {
        list_changed: bool,
        policies: HashMap<String, Vec<String>>,
    },
}

impl Scope {
    /// What these writes alter: the list of realms, and by realm the keys of policies.
    fn of(writes: &[Write]) -> Self {
        let mut list_changed = false;
        let mut policies: HashMap<String, Vec<String>> = HashMap::new();
        for write in writes {
            let (kind, realm, key) = match write {
                Write::Put(_, draft) => (draft.kind, &draft.realm, &draft.key),
                Write::Delete { kind, realm, key } => (*kind, realm, key),
                Write::Require { .. }
                | Write::RequireEmpty { .. }
                | Write::RequireUnreferred(_) => continue,
                Write::DeleteRealm { .. } => {
                    list_changed = true;
                    continue;
                }
                Write::PutSetting { .. } => continue,
            };
            match kind {
                Kind::Realm => list_changed = true,
                Kind::Policy => policies.entry(realm.clone()).or_default().push(key.clone()),
                Kind::PolicySet => {
                    policies.entry(realm.clone()).or_default();
                }
                // Everything else decides nothing by itself.
                _ => {}
            }
        }
        Scope::Realms {
            list_changed,
            policies,
        }
    }

    fn touches(&self, realm: &str) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Realms { policies, .. } => policies.contains_key(realm),
        }
    }

    /// The policies that changed, where that is known.
    fn policies(&self, realm: &str) -> Option<&[String]> {
        match self {
            Scope::Everything => None,
            Scope::Realms { policies, .. } => policies.get(realm).map(Vec::as_slice),
        }
    }
}
