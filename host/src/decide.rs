//! Decisions: the one door to the decision engine. Behind it is the module in its pool of instances; nothing else in the
//! server evaluates a policy.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use assize_engine::{AmCall, Bundle, RequiredFacts, answer_am};

/// A bundle that was loaded.
pub(crate) struct Published {
    pub(crate) digest: String,
    pub(crate) revision: u64,
    pub(crate) facts: Facts,
}

impl Facts {
    fn of(required: &RequiredFacts) -> Self {
        Facts {
            session: required.session_properties.iter().cloned().collect(),
            profile: required.profile_attributes.iter().map(|name| name.to_lowercase()).collect(),
            groups: !required.groups.is_empty(),
            client_ip: required.client_ip,
            memberships: required.memberships,
        }
    }
}

/// What the policies of a bundle can read of a subject: only that is fetched and handed over.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) session: BTreeSet<String>,
    /// Profile attributes in lower case: AM finds them without regard to case.
    pub(crate) profile: BTreeSet<String>,
    pub(crate) groups: bool,
    pub(crate) client_ip: bool,
    /// Whether a condition asks for the groups of an identity that the environment names.
    pub(crate) memberships: bool,
}

/// No decision could be made: nothing is loaded for the realm, or the module failed.
#[derive(Debug)]
pub(crate) enum DecideError {
    NotLoaded,
    Failed(String),
}

/// Loads bundles and answers requests with them.
pub(crate) trait Decider: Send + Sync {
    /// Loads a bundle for a realm in place of the one before.
    ///
    /// # Errors
    /// Why the bytes were refused; the bundle before stays.
    fn publish(&self, realm: &str, bundle: &Arc<[u8]>, revision: u64) -> Result<Published, String>;
    /// Forgets a realm.
    fn remove(&self, realm: &str);
    /// AM's body as it was sent, with the resolved context: AM's array, or an object.
    fn answer_am(&self, realm: &str, context: &[u8], body: &[u8], call: AmCall) -> Result<Vec<u8>, DecideError>;
}

/// The engine linked into the server.
#[derive(Default)]
pub(crate) struct Native {
    bundles: RwLock<HashMap<String, Arc<Bundle>>>,
}

impl Decider for Native {
    fn publish(&self, realm: &str, bundle: &Arc<[u8]>, revision: u64) -> Result<Published, String> {
        let mut loaded = Bundle::load(bundle.to_vec()).map_err(|e| e.to_string())?;
        loaded.set_revision(revision);
        let published = Published { digest: loaded.digest().to_owned(), revision, facts: Facts::of(&loaded.required_facts()) };
        self.bundles.write().unwrap_or_else(PoisonError::into_inner).insert(realm.to_owned(), Arc::new(loaded));
        Ok(published)
    }

    fn remove(&self, realm: &str) {
        self.bundles.write().unwrap_or_else(PoisonError::into_inner).remove(realm);
    }

    fn answer_am(&self, realm: &str, context: &[u8], body: &[u8], call: AmCall) -> Result<Vec<u8>, DecideError> {
        let bundle = self.bundles.read().unwrap_or_else(PoisonError::into_inner).get(realm).cloned();
        Ok(answer_am(&*bundle.ok_or(DecideError::NotLoaded)?, context, body, call))
    }
}

/// Starts what decides.
///
/// # Errors
/// Why it cannot run here.
pub(crate) fn start(_config: &crate::config::Config) -> Result<Arc<dyn Decider>, String> {
    Ok(Arc::new(Native::default()))
}
