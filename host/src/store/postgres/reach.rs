//! Whether the database can be reached, as the listening connection finds out: it alone asks all the time.
//!
//! A network that was cut swallows packets without a word, so whoever waits for an answer would wait for long, and so would
//! the next ones on connections from before. When the loss is found, all of them are told at once.

use std::future::Future;
use std::time::Duration;

use sqlx::pool::PoolConnectionMetadata;
use tokio::sync::watch;

use super::failure;
use crate::clock::{self, Moment};
use crate::store::StoreError;
use crate::store::database::Outcome;

/// Shared by the connections to one database.
#[derive(Clone)]
pub(super) struct Reach {
    /// The last time that the database was found to be out of reach.
    lost: watch::Sender<Option<Moment>>,
}

impl Reach {
    pub(super) fn new() -> Self {
        Reach {
            lost: watch::Sender::new(None),
        }
    }

    /// Tells that the database is out of reach.
    pub(super) fn lose(&self) {
        self.lost.send_replace(Some(clock::moment()));
    }

    /// Whether a connection was made before the last loss: nothing is to be expected from it.
    pub(super) fn is_from_before(&self, connection: &PoolConnectionMetadata) -> bool {
        let age = i64::try_from(connection.age.as_millis()).unwrap_or(i64::MAX);
        let lost = *self.lost.borrow();
        lost.is_some_and(|lost| age >= clock::moment().uptime - lost.uptime)
    }

    /// Does something with the database, unless it takes too long or the database is lost meanwhile.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Outcome<T> {
        let mut lost = self.lost.subscribe();
        let unavailable = |why: String| Err(StoreError::Unavailable(why).into());
        tokio::select! {
            done = tokio::time::timeout(limit, work) => match done {
                Ok(done) => done.map_err(failure),
                Err(_) => unavailable(format!(
                    "the database did not answer within {} s",
                    limit.as_secs()
                )),
            },
            // INVARIANT: the sender lives in `self`, so this ends by a loss only.
            _ = lost.changed() => unavailable("the database cannot be reached any more".into()),
        }
    }
}
