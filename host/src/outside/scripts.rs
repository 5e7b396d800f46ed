//! Script conditions: the realm's scripts, kept as long as nothing changes, and run: long ones away from the async workers.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use assize_script::{Failure, Inputs, Runtime, SyntaxError};
use tokio::sync::Semaphore;

use super::batch::{Batch, Job};
use super::source::Source;
use super::{Asked, Found};
use crate::documents::members;
use crate::limits::SCRIPTS_IN_MEMORY;
use crate::store::{Kind, Store};

/// The scripts of all realms.
pub(crate) struct Scripts {
    store: Arc<dyn Store>,
    /// Started with the first script that is run: without scripts there is nothing to pay for.
    runtime: OnceLock<Result<Runtime, String>>,
    known: RwLock<HashMap<(String, String), Known>>,
    /// Requests whose long scripts run at once: fewer than there are cores, so that others are always answered.
    running: Semaphore,
}

/// A script as it was at a revision of the store.
struct Known {
    revision: u64,
    script: Result<Arc<Source>, Failure>,
}

impl Scripts {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Scripts {
            store,
            runtime: OnceLock::new(),
            known: RwLock::default(),
            running: Semaphore::new(cores.saturating_sub(1).max(1)),
        }
    }

    /// The script of a condition, as of the revision that decides or later.
    ///
    /// # Errors
    /// There is none with this id, or it cannot be run here; for now alone, where the store did not answer.
    pub(super) async fn find(&self, asked: &Asked<'_>, id: &str) -> Result<Arc<Source>, Failure> {
        let place = (asked.realm.key.clone(), id.to_lowercase());
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.get(&place)
                && known.revision >= asked.revision
            {
                return known.script.clone();
            }
        }
        let object = self.store.object(Kind::Script, &place.0, &place.1).await;
        let unread = |error| Failure::Passing(format!("script {id} cannot be read: {error}"));
        let script = match object.map_err(unread)? {
            None => Err(format!("there is no script {id}")),
            Some(object) => Source::of(&members(&object)).map(Arc::new),
        };
        let script = script.map_err(Failure::Lasting);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SCRIPTS_IN_MEMORY {
            known.clear();
        }
        let kept = Known {
            revision: asked.revision,
            script: script.clone(),
        };
        known.insert(place, kept);
        script
    }

    /// Runs all scripts of one request: short ones here and now, the others one after the other on a thread of theirs.
    pub(super) async fn run(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        jobs: Vec<Job>,
    ) -> Vec<(String, Found)> {
        let session = asked.subject.session.as_ref();
        let inputs = Inputs {
            now: asked.now,
            username: asked.subject.username.clone(),
            environment: asked.environment.clone(),
            session: session.map(|session| session.properties.clone()),
            profile: session.map(|session| session.profile.clone()),
            ..Inputs::default()
        };
        let needs: Vec<String> = jobs.iter().map(|job| job.need.clone()).collect();
        let mut batch = Batch::new(inputs, jobs);
        // The first start takes too long for here.
        if let Some(Ok(runtime)) = self.runtime.get() {
            batch.run_short(runtime);
        }
        if batch.is_done() {
            return batch.finish();
        }
        let scripts = Arc::clone(self);
        // The semaphore is never closed; were it, scripts would run without it.
        let turn = self.running.acquire().await;
        let work = move || {
            match scripts.runtime() {
                Ok(runtime) => batch.run_all(runtime),
                Err(error) => batch.fail(error),
            }
            batch.finish()
        };
        let ran = tokio::task::spawn_blocking(work).await;
        drop(turn);
        ran.unwrap_or_else(|error| {
            let failed = || Failure::Passing(format!("scripts could not be run: {error}"));
            needs
                .into_iter()
                .map(|need| (need, Err(failed())))
                .collect()
        })
    }

    /// Parses a script.
    ///
    /// # Errors
    /// Where and why it cannot be parsed.
    pub(crate) async fn check(self: &Arc<Self>, text: String) -> Result<(), SyntaxError> {
        let nowhere = |message: String| SyntaxError {
            line: 0,
            column: 0,
            message,
        };
        let scripts = Arc::clone(self);
        let turn = self.running.acquire().await;
        let work = move || match scripts.runtime() {
            Ok(runtime) => runtime.check(&text),
            Err(error) => Err(nowhere(error.clone())),
        };
        let checked = tokio::task::spawn_blocking(work).await;
        drop(turn);
        checked.unwrap_or_else(|error| Err(nowhere(error.to_string())))
    }

    fn runtime(&self) -> Result<&Runtime, &String> {
        self.runtime
            .get_or_init(|| Runtime::start().map_err(|error| error.to_string()))
            .as_ref()
    }
}
