//! Decisions: the one door to the decision module and its pool of instances. Nothing else in the server evaluates a
//! policy, and the engine that is linked in natively only compiles.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;

use assize_engine::{Bundle, RequiredFacts};
pub(crate) use assize_module::{AmCall, Pace};
use assize_module::{CallError, LoadError, Pool, Settings};
use axum::body::Bytes;
use tokio::sync::Semaphore;

use crate::publish::LiveRealm;

/// A bundle, and what has to be known to decide with it.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    /// What the policies of either can read.
    pub(crate) fn or(&self, other: &Facts) -> Facts {
        Facts {
            session: &self.session | &other.session,
            profile: &self.profile | &other.profile,
            groups: self.groups || other.groups,
            client_ip: self.client_ip || other.client_ip,
            scripts: self.scripts || other.scripts,
            memberships: self.memberships || other.memberships,
        }
    }
}

/// No decision could be made: nothing is loaded for the realm, it was asked for another bundle than the one that decides,
/// or the module failed.
#[derive(Debug)]
pub(crate) enum DecideError {
    NotLoaded,
    OtherBundle,
    Failed(String),
}

/// Loads bundles and answers requests with them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Decider {
    pool: Pool,
    /// Long decisions that are made at once: fewer than there are instances, so that others are always answered; one,
    /// where there is one.
    long: Arc<Semaphore>,
}

/// A question to be answered on another thread.
pub(crate) struct Question {
    pub(crate) realm: Arc<LiveRealm>,
    pub(crate) context: Vec<u8>,
    pub(crate) body: Bytes,
    pub(crate) call: AmCall,
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
        let long = Arc::new(Semaphore::new(workers.saturating_sub(1).max(1)));
        Ok(Decider { pool, long })
    }

    /// Loads a bundle for a realm in place of the one before. Blocks while it does. `ready` is told of it before the first
    /// decision is made with it.
    ///
    /// # Errors
    /// Why the bytes were refused; the bundle before stays.
    pub(crate) fn publish(
        &self,
        realm: &str,
        bundle: &Arc<[u8]>,
        revision: u64,
        ready: impl FnOnce(&Published),
    ) -> Result<Published, String> {
        std::thread::scope(|scope| {
            // Beside the module, which refuses the same bytes: a large bundle takes either some tens of milliseconds.
            let read =
                scope.spawn(|| Bundle::load(bundle.to_vec()).map(|read| Published::of(&read)));
            let mut published = Err("the bundle could not be looked into".to_owned());
            let loaded = self
                .pool
                .publish_when(realm, Arc::clone(bundle), revision, || {
                    if let Ok(read) = read.join() {
                        published = read.map_err(|error| error.to_string());
                    }
                    let refused = |why: &String| LoadError::Refused(why.clone().into_bytes());
                    published.as_ref().map(ready).map_err(refused)
                });
            loaded.map_err(|error| error.to_string())?;
            published
        })
    }

    /// Forgets a realm. Where that fails its old bundle stays loaded, though nothing asks for it any more.
    pub(crate) fn remove(&self, realm: &str) {
        if let Err(error) = self.pool.remove(realm) {
            tracing::warn!(%error, realm, "the bundle of a deleted realm stays in memory");
        }
    }

    /// AM's body as it was sent, with the context as it was resolved for the realm's bundles: AM's array, or an object. Right here, for what is quick;
    /// `None` where it would have to wait, which no thread that serves others may.
    ///
    /// # Errors
    /// There was no answer; the instance that failed is replaced.
    pub(crate) fn answer_here(
        &self,
        realm: &LiveRealm,
        context: &[u8],
        body: &[u8],
        call: AmCall,
    ) -> Option<Result<Vec<u8>, DecideError>> {
        let (path, bundles) = (realm.path.as_str(), &realm.bundles);
        let answer = self
            .pool
            .try_evaluate_am(path, bundles, context, body, call)?;
        Some(answer.map_err(DecideError::from))
    }

    /// As [`answer_here`](Self::answer_here), on a thread that may wait.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn answer_apart(
        &self,
        question: Question,
        pace: Pace,
    ) -> Result<Vec<u8>, DecideError> {
        let failed = |error: String| DecideError::Failed(error);
        let turn = match pace {
            Pace::Quick => None,
            Pace::Long => {
                let turn = Arc::clone(&self.long).acquire_owned().await;
                Some(turn.map_err(|error| failed(error.to_string()))?)
            }
        };
        let pool = self.pool.clone();
        let work = move || {
            // It is given back when the work is done, also where its client has hung up.
            let _turn = turn;
            let Question {
                realm,
                context,
                body,
                call,
            } = question;
            pool.evaluate_am(
                realm.path.as_str(),
                &realm.bundles,
                &context,
                &body,
                call,
                pace,
            )
        };
        let answer = tokio::task::spawn_blocking(work).await;
        answer
            .map_err(|error| failed(error.to_string()))?
            .map_err(DecideError::from)
    }
}

impl From<CallError> for DecideError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NothingLoaded { .. } => DecideError::NotLoaded,
            CallError::OtherBundle { .. } => DecideError::OtherBundle,
            other => DecideError::Failed(other.to_string()),
        }
    }
}
