//! What a publication does to one instance.

use std::sync::Arc;

use crate::LoadError;
use crate::pool::{Published, Realms};
use crate::slot::{Held, Loaded};

/// One realm's step from what was published before to what is wanted now.
pub(crate) struct Change<'a> {
    pub(crate) realm: &'a str,
    pub(crate) before: Option<&'a Published>,
    pub(crate) wanted: Option<&'a Published>,
}

impl Change<'_> {
    /// Brings an instance that holds all that was published before to the wanted state.
    ///
    /// # Errors
    /// The bundle is refused, or the instance broke; it is gone either way.
    pub(crate) fn apply(&self, mut loaded: Loaded) -> Result<Loaded, LoadError> {
        let place = loaded.place(self.realm);
        let held = place.ok().and_then(|at| loaded.bundles.get_mut(at));
        if let (Some(held), Some(before), Some(wanted)) = (held, self.before, self.wanted)
            && before.bundle == wanted.bundle
        {
            held.bundle = Arc::clone(&wanted.bundle);
            let handle = held.handle;
            loaded.instance.set_revision(handle, wanted.revision)?;
            return Ok(loaded);
        }
        if let Ok(at) = place {
            // The old one goes first, so that the new one can have its memory.
            let old = loaded.bundles.remove(at);
            loaded.instance.unload(old.handle)?;
        }
        if let Some(wanted) = self.wanted {
            let held = Held {
                realm: self.realm.into(),
                handle: loaded.instance.load(&wanted.bundle, wanted.revision)?,
                bundle: Arc::clone(&wanted.bundle),
            };
            let at = place.unwrap_or_else(|at| at);
            loaded.bundles.insert(at, held);
        }
        Ok(loaded)
    }
}

/// Whether an instance has taken much more memory than its bundles account for. A module's memory never shrinks:
/// holes where former bundles were, or one huge answer, stay for good. A fresh instance takes its place at the next change.
///
/// Loading takes twice a bundle's size: its bytes, and the tables that are made of them.
pub(crate) fn is_worn(loaded: &Loaded, realms: &Realms) -> bool {
    let bundles: usize = realms
        .values()
        .map(|published| published.bundle.len())
        .sum();
    loaded.instance.memory_size() > bundles.saturating_mul(3) + (8 << 20)
}
