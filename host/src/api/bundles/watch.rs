//! Waiting for a bundle to change, on behalf of somebody who may have it.

use std::sync::Arc;

use axum::http::HeaderMap;
use tokio::sync::watch;
use tokio::time::Instant;

use super::access;
use crate::api::Call;
use crate::api::error::ApiError;
use crate::api::subscribers::Place;
use crate::app::{App, stopped};
use crate::clock;
use crate::publish::{LiveRealm, PublishedBundle};

/// A reader who waits.
pub(super) struct Watch {
    app: Arc<App>,
    headers: HeaderMap,
    realm: Arc<LiveRealm>,
    name: String,
    revisions: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    _place: Place,
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    Changed,
    InTime,
    /// The server stops.
    Stopping,
}

impl Watch {
    /// Takes one of the places for those who wait; with it the bundle as it is now.
    ///
    /// # Errors
    /// As [`access::reader`]; 429 and 503 where too many wait already.
    pub(super) async fn begin(
        app: &Arc<App>,
        call: &Call,
        name: &str,
    ) -> Result<(Self, Arc<PublishedBundle>), ApiError> {
        // From before the first look on, so that no change can come in between.
        let revisions = app.publisher.revisions();
        let reader = access::reader(app, &call.headers, &call.realm, name, call.now).await?;
        let watch = Watch {
            app: Arc::clone(app),
            headers: call.headers.clone(),
            realm: Arc::clone(&call.realm),
            name: name.to_owned(),
            revisions,
            stopping: app.stopping.subscribe(),
            _place: app.subscribers.enter(&reader.id)?,
        };
        Ok((watch, reader.bundle))
    }

    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// Waits until the bundle has another revision than `seen`, but no longer than to that instant.
    ///
    /// # Errors
    /// What keeps the reader from having the bundle now: that is looked at anew before anything is told.
    pub(super) async fn next(
        &mut self,
        seen: u64,
        until: Instant,
    ) -> Result<(Arc<PublishedBundle>, Woken), ApiError> {
        let woken = loop {
            self.revisions.borrow_and_update();
            let bundle = self.app.publisher.bundle(&self.realm.key, &self.name).await;
            match bundle? {
                None => return Err(access::missing(&self.name)),
                Some(bundle) if bundle.revision != seen => break Woken::Changed,
                Some(_) => {}
            }
            tokio::select! {
                changed = self.revisions.changed() => if changed.is_err() {
                    break Woken::Stopping;
                },
                () = tokio::time::sleep_until(until) => break Woken::InTime,
                () = stopped(&mut self.stopping) => break Woken::Stopping,
            }
        };
        let now = clock::now();
        let reader = access::reader(&self.app, &self.headers, &self.realm, &self.name, now).await?;
        Ok((reader.bundle, woken))
    }
}
