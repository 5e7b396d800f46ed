//! What is read from the store, kept in memory, and read again when the store has moved on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;

use super::{Kind, Result, Store, View};
use crate::realm::RealmPath;

/// Documents of some kinds of the root realm, as they are meant.
#[async_trait]
pub(crate) trait Snapshot: Default + Send + Sync + 'static {
    /// What it is made of.
    const KINDS: &'static [Kind];

    /// What the view shows: as before, but for the documents of the kinds that changed.
    ///
    /// # Errors
    /// The store did not answer.
    async fn read(view: &mut dyn View, before: &Self, changed: &[Kind]) -> Result<Self>;
}

/// A snapshot, kept up with the store.
pub(crate) struct Snapshots<T> {
    store: Arc<dyn Store>,
    current: ArcSwap<Current<T>>,
    reading: tokio::sync::Mutex<()>,
}

/// A snapshot and what it was read from.
struct Current<T> {
    revision: u64,
    snapshot: Arc<T>,
    /// Keys and revisions of the documents, by kind in the order of [`Snapshot::KINDS`].
    documents: Vec<Vec<(String, u64)>>,
}

impl<T: Snapshot> Snapshots<T> {
    /// Reads the first one.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn open(store: Arc<dyn Store>) -> Result<Self> {
        let nothing = Current {
            revision: 0,
            snapshot: Arc::new(T::default()),
            documents: vec![Vec::new(); T::KINDS.len()],
        };
        let first = nothing.next(store.as_ref()).await?;
        Ok(Snapshots {
            store,
            current: ArcSwap::from_pointee(first),
            reading: tokio::sync::Mutex::default(),
        })
    }

    /// The snapshot at `revision`, the store's that is live on this node, or at a later one.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn at(&self, revision: u64) -> Result<Arc<T>> {
        let known = self.current.load();
        if known.revision >= revision {
            return Ok(Arc::clone(&known.snapshot));
        }
        drop(known);
        let _turn = self.reading.lock().await;
        let known = self.current.load_full();
        if known.revision >= revision {
            return Ok(Arc::clone(&known.snapshot));
        }
        let next = known.next(self.store.as_ref()).await?;
        let snapshot = Arc::clone(&next.snapshot);
        self.current.store(Arc::new(next));
        Ok(snapshot)
    }
}

impl<T: Snapshot> Current<T> {
    async fn next(&self, store: &dyn Store) -> Result<Current<T>> {
        let mut view = store.view().await?;
        let mut documents = Vec::with_capacity(T::KINDS.len());
        let mut changed = Vec::new();
        for (kind, known) in T::KINDS.iter().zip(&self.documents) {
            let mut found = view.revisions_of(*kind, &RealmPath::root().key()).await?;
            found.sort();
            if found != *known {
                changed.push(*kind);
            }
            documents.push(found);
        }
        let snapshot = if changed.is_empty() {
            Arc::clone(&self.snapshot)
        } else {
            Arc::new(T::read(view.as_mut(), &self.snapshot, &changed).await?)
        };
        Ok(Current {
            revision: view.revision(),
            snapshot,
            documents,
        })
    }
}
