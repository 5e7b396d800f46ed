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
    /// Requests whose long scripts run at once: fewer than there are cores, so that others are always answered; one, where
    /// there is one core.
    running: Arc<Semaphore>,
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
            running: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))),
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
        let inputs = Inputs {
            now: asked.now,
            username: asked.subject.username.map(str::to_owned),
            environment: asked.environment.clone(),
            session: asked.subject.told_to_scripts.cloned(),
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
        let work = move || {
            match scripts.runtime() {
                Ok(runtime) => batch.run_all(runtime),
                Err(error) => batch.fail(error),
            }
            batch.finish()
        };
        self.in_turn(work).await.unwrap_or_else(|error| {
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
        let work = move || match scripts.runtime() {
            Ok(runtime) => runtime.check(&text),
            Err(error) => Err(nowhere(error.clone())),
        };
        let checked = self.in_turn(work).await;
        checked.unwrap_or_else(|error| Err(nowhere(error)))
    }

    /// Does on a thread of its own what may take long.
    ///
    /// INVARIANT: the turn belongs to the work and not to whoever waits for it: a client that hangs up ends its request,
    /// and its scripts run on.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let turn = turn.map_err(|error| error.to_string())?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| error.to_string())
    }

    fn runtime(&self) -> Result<&Runtime, &String> {
        self.runtime
            .get_or_init(|| Runtime::start().map_err(|error| error.to_string()))
            .as_ref()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::sync::mpsc;

    use super::*;
    use crate::store::suite::place::Place;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_frees_no_turn() {
        let scripts = Arc::new(Scripts::new(Place::sqlite().open().await));
        let turns = scripts.running.available_permits();
        let (begun, started) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        for _ in 0..turns {
            let (scripts, begun, wait) = (Arc::clone(&scripts), begun.clone(), Arc::clone(&wait));
            let request = tokio::spawn(async move {
                let work = move || {
                    begun.send(()).unwrap();
                    wait.lock().unwrap().recv().unwrap();
                };
                scripts.in_turn(work).await
            });
            started.recv().unwrap();
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
        }
        assert_eq!(scripts.running.available_permits(), 0);
        for _ in 0..turns {
            go.send(()).unwrap();
        }
        // All turns come back, and whoever waited has one.
        assert_eq!(scripts.in_turn(|| 7).await, Ok(7));
        let all = scripts.running.acquire_many(u32::try_from(turns).unwrap());
        assert!(all.await.is_ok());
    }
}
