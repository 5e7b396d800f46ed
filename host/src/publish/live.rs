//! What decides now: an immutable picture that requests read without waiting for anybody.

use std::collections::HashMap;
use std::sync::Arc;

use super::RealmBody;
use crate::decide::{Facts, Published};
use crate::documents::realm_settings::RealmSettings;
use crate::realm::RealmPath;

/// All realms and their bundles at one revision of the store.
pub(crate) struct Live {
    /// The store's revision that this is a picture of; it moves with every change, of users too.
    pub(crate) revision: u64,
    root: Arc<LiveRealm>,
    realms: HashMap<String, Arc<LiveRealm>>,
    /// Aliases and last names in lower case, in the order in which realms were made: an earlier realm wins.
    aliases: HashMap<String, String>,
    names: HashMap<String, String>,
}

/// One realm and the bundle that decides for it.
#[derive(Clone)]
pub(crate) struct LiveRealm {
    pub(crate) path: RealmPath,
    pub(crate) key: String,
    pub(crate) active: bool,
    pub(crate) aliases: Vec<String>,
    pub(crate) settings: Arc<RealmSettings>,
    /// Digest of the bundle; empty before the first was loaded.
    pub(crate) digest: String,
    /// The bundles that may be deciding: one, or two while the last takes the place of the first.
    pub(crate) bundles: Vec<Arc<[u8]>>,
    /// What the policies of these bundles can read of a subject.
    ///
    /// INVARIANT: a decision is made with a subject that was resolved for the bundle that decides. What was not looked up
    /// is missing to the policies, and what is missing can allow: it makes the condition within a NOT false.
    pub(crate) facts: Arc<Facts>,
}

impl LiveRealm {
    pub(super) fn new(path: RealmPath) -> Self {
        LiveRealm {
            key: path.key(),
            path,
            active: true,
            aliases: Vec::new(),
            settings: Arc::default(),
            digest: String::new(),
            bundles: Vec::new(),
            facts: Arc::default(),
        }
    }

    pub(super) fn set_body(&mut self, body: RealmBody) {
        self.active = body.active;
        self.aliases = body.aliases;
        self.settings = Arc::new(body.settings);
    }

    /// With a bundle that decides alone.
    pub(super) fn with_bundle(self, bundle: Arc<[u8]>, published: Published) -> Self {
        LiveRealm {
            digest: published.digest,
            facts: kept(&self.facts, published.facts),
            bundles: vec![bundle],
            ..self
        }
    }

    /// With a bundle that is about to take the place of the one that decides.
    pub(super) fn awaiting(&self, bundle: Arc<[u8]>, published: &Published) -> Self {
        let deciding = self.bundles.last().cloned();
        LiveRealm {
            facts: kept(&self.facts, self.facts.or(&published.facts)),
            bundles: deciding.into_iter().chain([bundle]).collect(),
            ..self.clone()
        }
    }

    /// The bundle that decides alone, if there is one.
    pub(super) fn bundle(&self) -> Option<&Arc<[u8]>> {
        match self.bundles.as_slice() {
            [bundle] => Some(bundle),
            _ => None,
        }
    }

    /// The digest of the bundle that decides; nothing while it may be either of two.
    pub(crate) fn deciding(&self) -> Option<&str> {
        let alone = self.bundle().filter(|_| self.is_decided());
        alone.map(|_| self.digest.as_str())
    }

    /// Whether a bundle was loaded for it.
    pub(super) fn is_decided(&self) -> bool {
        !self.digest.is_empty()
    }
}

/// The facts of before where nothing changed: subjects that were resolved for them are as good as ever.
fn kept(before: &Arc<Facts>, facts: Facts) -> Arc<Facts> {
    if **before == facts {
        Arc::clone(before)
    } else {
        Arc::new(facts)
    }
}

impl Live {
    pub(super) fn empty() -> Self {
        Self::new(0, vec![Arc::new(LiveRealm::new(RealmPath::root()))])
    }

    pub(super) fn new(revision: u64, list: Vec<Arc<LiveRealm>>) -> Self {
        let root = list.iter().find(|realm| realm.path.is_root()).cloned();
        let root = root.unwrap_or_else(|| Arc::new(LiveRealm::new(RealmPath::root())));
        let (mut aliases, mut names) = (HashMap::new(), HashMap::new());
        for realm in &list {
            for alias in &realm.aliases {
                aliases
                    .entry(alias.to_lowercase())
                    .or_insert_with(|| realm.key.clone());
            }
            names
                .entry(realm.path.name().to_lowercase())
                .or_insert_with(|| realm.key.clone());
        }
        let realms = list
            .into_iter()
            .map(|realm| (realm.key.clone(), realm))
            .collect();
        Live {
            revision,
            root,
            realms,
            aliases,
            names,
        }
    }

    /// The same picture with another state of one of its realms.
    pub(super) fn with_realm(&self, realm: LiveRealm) -> Self {
        let mut realms = self.realms.clone();
        let realm = Arc::new(realm);
        realms.insert(realm.key.clone(), Arc::clone(&realm));
        Live {
            revision: self.revision,
            root: if realm.path.is_root() {
                realm
            } else {
                self.root()
            },
            realms,
            aliases: self.aliases.clone(),
            names: self.names.clone(),
        }
    }

    /// Whether every realm has a bundle: decisions can be made.
    pub(crate) fn is_published(&self) -> bool {
        self.realms.values().all(|realm| realm.is_decided())
    }

    pub(crate) fn root(&self) -> Arc<LiveRealm> {
        Arc::clone(&self.root)
    }

    pub(crate) fn realms(&self) -> impl Iterator<Item = &Arc<LiveRealm>> {
        self.realms.values()
    }

    pub(super) fn by_key(&self, key: &str) -> Option<&Arc<LiveRealm>> {
        self.realms.get(key)
    }

    /// The realm of a path, whatever its case.
    pub(crate) fn realm(&self, path: &RealmPath) -> Option<Arc<LiveRealm>> {
        self.realms.get(&path.key()).cloned()
    }

    pub(crate) fn by_alias(&self, alias: &str) -> Option<Arc<LiveRealm>> {
        if self.aliases.is_empty() {
            return None;
        }
        self.realms
            .get(self.aliases.get(&alias.to_lowercase())?)
            .cloned()
    }

    /// The realm with that last name, at any level, or else the one with that alias: no alias takes a name over.
    pub(crate) fn by_name_or_alias(&self, name: &str) -> Option<Arc<LiveRealm>> {
        let by_name = || {
            self.realms
                .get(self.names.get(&name.to_lowercase())?)
                .cloned()
        };
        by_name().or_else(|| self.by_alias(name))
    }
}
