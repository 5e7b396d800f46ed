//! What every request can reach.

use std::sync::Arc;

use tokio::sync::watch;

use crate::api::subscribers::Subscribers;
use crate::auth::login::AuthIds;
use crate::auth::password::Passwords;
use crate::auth::sessions::Sessions;
use crate::config::Config;
use crate::freshness::Freshness;
use crate::keys::KeyRings;
use crate::notifications::Notifications;
use crate::oauth::Oauth;
use crate::oauth::subject_token::SubjectTokens;
use crate::outside::Outside;
use crate::policyserver::hierarchy::Hierarchies;
use crate::publish::Publisher;
use crate::store::Store;
use crate::subject::Subjects;

/// The parts of a running server.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) sessions: Sessions,
    pub(crate) subjects: Subjects,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) auth_ids: AuthIds,
    pub(crate) keys: Arc<KeyRings>,
    pub(crate) notifications: Notifications,
    pub(crate) outside: Outside,
    pub(crate) subscribers: Arc<Subscribers>,
    /// True from the moment on at which the server stops: whoever waits for something stops waiting.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) oauth: Oauth,
    pub(crate) subject_tokens: SubjectTokens,
    pub(crate) hierarchies: Hierarchies,
    /// The configured zone as JSON text, ready for engine requests.
    pub(crate) time_zone_json: String,
}

/// Waits for the server to stop.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could stop it: that is a stop, too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
