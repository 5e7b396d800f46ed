//! Work in the background: knowing what other processes did to the store, writing uses of sessions, removing old ones.
//!
//! Notices and the poll are waited for apart: a log-out elsewhere must not wait while policies are compiled, or while a
//! database that is gone is asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior};

use crate::app::App;
use crate::clock;
use crate::freshness::Knowledge;
use crate::store::Notice;

/// How often old sessions are removed, and signing keys looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Starts all of it, until the server stops.
pub(super) fn spawn(app: &Arc<App>, stopped: &watch::Receiver<bool>) {
    app.freshness.begin(clock::moment());
    // Each of those who look for news hears of it, also while they are at work.
    let (told, news) = watch::channel(());
    tokio::spawn(keep_up(Arc::clone(app), news.clone(), stopped.clone()));
    tokio::spawn(keep_revocations(Arc::clone(app), news, stopped.clone()));
    tokio::spawn(keep_endings(Arc::clone(app), stopped.clone()));
    tokio::spawn(hear(Arc::clone(app), told, stopped.clone()));
    tokio::spawn(keep_house(Arc::clone(app), stopped.clone()));
}

/// Takes over at once what other nodes tell.
async fn hear(app: Arc<App>, told: watch::Sender<()>, mut stopped: watch::Receiver<bool>) {
    let Some(mut notices) = app.store.notices() else {
        // An error means that nobody is left who could stop it: that is a stop, too.
        let _ = stopped.changed().await;
        return;
    };
    loop {
        let notice = tokio::select! {
            notice = notices.recv() => match notice {
                Ok(notice) => notice,
                Err(broadcast::error::RecvError::Lagged(_)) => Notice::Everything,
                Err(broadcast::error::RecvError::Closed) => return,
            },
            _ = stopped.changed() => return,
        };
        app.sessions.hear(&notice);
        match notice {
            Notice::Changed | Notice::Tokens | Notice::Everything => drop(told.send(())),
            // INVARIANT: notices come in order, so all that were told up to then have been taken over.
            Notice::Heard(moment) => app.freshness.confirm_endings(moment),
            Notice::SessionEnded(_)
            | Notice::SessionChanged(_)
            | Notice::Sessions
            | Notice::Told(_) => {}
        }
    }
}

/// Makes what other processes wrote live, as soon as it is told or found.
async fn keep_up(app: Arc<App>, mut news: watch::Receiver<()>, mut stopped: watch::Receiver<bool>) {
    let mut poll = every(Duration::from_millis(app.config.poll_milliseconds));
    let mut standing = Knowledge::Current;
    // The revision of the store that the signing keys were read at; read once more at the first turn.
    let mut keys_as_of = 0;
    loop {
        tokio::select! {
            _ = poll.tick() => {}
            Ok(()) = news.changed() => {}
            _ = stopped.changed() => return,
        }
        match app.publisher.catch_up().await {
            Ok(taken) => {
                if taken {
                    let revision = app.publisher.live().revision;
                    tracing::info!(revision, "took over a change of the store");
                }
            }
            // A database that is gone is told once, below.
            Err(error) if standing == Knowledge::Current => {
                tracing::error!(%error, "the store's latest revision is not live; the one before decides");
            }
            Err(error) => tracing::debug!(%error, "the store's latest revision is not live"),
        }
        standing = tell(standing, app.freshness.knowledge(clock::moment()));
        let revision = app.publisher.live().revision;
        if revision != keys_as_of {
            match app.keys.reload().await {
                Ok(()) => keys_as_of = revision,
                Err(error) => tracing::error!(%error, "the signing keys of before are used"),
            }
        }
        if let Err(error) = app.sessions.write_soon().await {
            tracing::debug!(%error, "uses of sessions were not written yet");
        }
    }
}

/// Learns which tokens were revoked elsewhere; apart from the changes, which take as long as there is to compile.
async fn keep_revocations(
    app: Arc<App>,
    mut news: watch::Receiver<()>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut poll = every(Duration::from_millis(app.config.poll_milliseconds));
    loop {
        tokio::select! {
            _ = poll.tick() => {}
            Ok(()) = news.changed() => {}
            _ = stopped.changed() => return,
        }
        let asked = clock::moment();
        match app.oauth.take_over_revocations().await {
            Ok(()) => app.freshness.confirm_revocations(asked),
            Err(error) => tracing::debug!(%error, "revocations of other nodes are not known"),
        }
    }
}

/// Learns that sessions ended or changed elsewhere, where the store cannot tell it.
async fn keep_endings(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if app.store.notices().is_some() {
        return;
    }
    let mut poll = every(Duration::from_millis(app.config.poll_milliseconds));
    loop {
        tokio::select! {
            _ = poll.tick() => {}
            _ = stopped.changed() => return,
        }
        let asked = clock::moment();
        match app.sessions.take_over_changes().await {
            // INVARIANT: all that had ended by then is read from the store again before it is used.
            Ok(()) => app.freshness.confirm_endings(asked),
            Err(error) => tracing::debug!(%error, "log-outs of other processes are not known"),
        }
    }
}

/// Logs how the node stands with its database, when that changes.
fn tell(before: Knowledge, now: Knowledge) -> Knowledge {
    if std::mem::discriminant(&before) == std::mem::discriminant(&now) {
        return now;
    }
    match now {
        Knowledge::Current => tracing::info!("the database is back; everything is known again"),
        Knowledge::CutOff { since, until } => tracing::error!(
            since = clock::millis_text(since),
            until = clock::millis_text(until),
            "cut off from the database; deciding from what is known"
        ),
        Knowledge::Stale { since } => tracing::error!(
            since = clock::millis_text(since),
            "cut off from the database for too long; nothing is decided until it is back"
        ),
    }
    now
}

async fn keep_house(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut turn = every(HOUSEKEEPING);
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            _ = stopped.changed() => return,
        }
        let now = clock::now();
        if let Err(error) = app.sessions.remove_expired(now).await {
            tracing::warn!(%error, "expired sessions were not removed");
        }
        if let Err(error) = app.outside.transactions().remove_expired(now).await {
            tracing::warn!(%error, "expired transactions were not removed");
        }
        if let Err(error) = app.keys.keep(now).await {
            tracing::error!(%error, "signing keys were not rotated");
        }
        if let Err(error) = app.oauth.tend(now).await {
            tracing::warn!(%error, "expired tokens were not removed");
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
