//! Decisions: the one door to the decision module and its pool of instances. Nothing else in the server evaluates a
//! policy, and the engine that is linked in natively only compiles.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;

use assize_engine::{Bundle, RequiredFacts};
pub(crate) use assize_module::AmCall;
use assize_module::{CallError, Pool, Settings};

/// A bundle that was loaded.
pub(crate) struct Published {
    pub(crate) digest: String,
    pub(crate) facts: Facts,
}

impl Published {
    fn of(bundle: &Bundle) -> Self {
        Published {
            digest: bundle.digest().to_owned(),
            facts: Facts::of(&bundle.required_facts()),
        }
    }
}

/// What the policies of a bundle can read of a subject: only that is fetched and handed over.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) session: BTreeSet<String>,
    /// Profile attributes as policies write them; users' attributes are found without regard to case.
    pub(crate) profile: BTreeSet<String>,
    pub(crate) groups: bool,
    pub(crate) client_ip: bool,
    /// Whether a condition runs a script, which may read all of a session and a profile.
    pub(crate) scripts: bool,
    /// Whether a condition asks for the groups of an identity that the environment names.
    pub(crate) memberships: bool,
}

impl Facts {
    fn of(required: &RequiredFacts) -> Self {
        Facts {
            session: required.session_properties.clone(),
            profile: required.profile_attributes.clone(),
            groups: !required.groups.is_empty(),
            client_ip: required.client_ip,
            scripts: !required.scripts.is_empty(),
            memberships: required.memberships,
        }
    }
}

/// No decision could be made: nothing is loaded for the realm, or the module failed.
#[derive(Debug)]
pub(crate) enum DecideError {
    NotLoaded,
    Failed(String),
}

/// Loads bundles and answers requests with them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Decider {
    pool: Pool,
}

impl Decider {
    /// Starts the module: `workers` instances, or one for each core where that is 0.
    ///
    /// # Errors
    /// Why it cannot run here.
    pub(crate) fn start(workers: usize) -> Result<Self, String> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers = if workers == 0 { cores() } else { workers };
        let pool = Pool::new(Settings::with_workers(workers)).map_err(|error| error.to_string())?;
        Ok(Decider { pool })
    }

    /// Loads a bundle for a realm in place of the one before. Blocks while it does.
    ///
    /// # Errors
    /// Why the bytes were refused; the bundle before stays.
    pub(crate) fn publish(
        &self,
        realm: &str,
        bundle: &Arc<[u8]>,
        revision: u64,
    ) -> Result<Published, String> {
        std::thread::scope(|scope| {
            // Beside the module, which refuses the same bytes: a large bundle takes either some tens of milliseconds.
            let read =
                scope.spawn(|| Bundle::load(bundle.to_vec()).map(|read| Published::of(&read)));
            self.pool
                .publish(realm, Arc::clone(bundle), revision)
                .map_err(|error| error.to_string())?;
            match read.join() {
                Ok(read) => read.map_err(|error| error.to_string()),
                Err(_) => Err("the bundle could not be looked into".to_owned()),
            }
        })
    }

    /// Forgets a realm. Where that fails its old bundle stays loaded, though nothing asks for it any more.
    pub(crate) fn remove(&self, realm: &str) {
        if let Err(error) = self.pool.remove(realm) {
            tracing::warn!(%error, realm, "the bundle of a deleted realm stays in memory");
        }
    }

    /// AM's body as it was sent, with the resolved context: AM's array, or an object.
    ///
    /// # Errors
    /// There was no answer; the instance that failed is replaced.
    pub(crate) fn answer_am(
        &self,
        realm: &str,
        context: &[u8],
        body: &[u8],
        call: AmCall,
    ) -> Result<Vec<u8>, DecideError> {
        self.pool
            .evaluate_am(realm, context, body, call)
            .map_err(|error| match error {
                CallError::NothingLoaded { .. } => DecideError::NotLoaded,
                other => DecideError::Failed(other.to_string()),
            })
    }
}
