//! The running server: starts in order (store, keys, administrator, bundles, listener), works, and stops in order.

mod chores;
mod connection;
mod listen;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api;
use crate::api::subscribers::Subscribers;
use crate::app::App;
use crate::auth::login::{ADMINISTRATOR_PASSWORD, AuthIds};
use crate::auth::password::Passwords;
use crate::auth::random_text;
use crate::auth::session::ADMINISTRATOR;
use crate::auth::sessions::{SessionEvents, Sessions};
use crate::clock;
use crate::config::Config;
use crate::decide::Decider;
use crate::freshness::Freshness;
use crate::keys::KeyRings;
use crate::notifications::{NodeSeal, Notifications};
use crate::oauth::Oauth;
use crate::oauth::published::Loopback;
use crate::oauth::settings::OauthSettings;
use crate::oauth::subject_token::SubjectTokens;
use crate::outside::Outside;
use crate::policyserver::hierarchy::Hierarchies;
use crate::publish::Publisher;
use crate::realm::Directory;
use crate::store::{self, Store};
use crate::subject::Subjects;

/// Why the server did not start: one line.
#[derive(Debug)]
pub struct StartError(pub(crate) String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.replace('\n', " "))
    }
}

impl std::error::Error for StartError {}

fn because<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> StartError {
    move |error| StartError(format!("{what}: {error}"))
}

/// Address of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What a first start made up and shows once.
#[derive(Debug, Default)]
pub struct FirstStart {
    /// The administrator's password, where none was configured.
    pub administrator_password: Option<String>,
}

/// A server that answers requests until it is told to stop.
pub struct Server {
    address: SocketAddr,
    running: JoinHandle<()>,
    grace: Duration,
    pub(crate) app: Arc<App>,
    /// What has to be told to whoever started it.
    pub first_start: FirstStart,
}

impl Server {
    /// Starts a server; when this returns it decides and answers.
    ///
    /// # Errors
    /// Anything that keeps it from serving: the store, the certificate, the address.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        let (app, first_start) = App::open(config).await?;
        Self::listen(Arc::new(app), first_start).await
    }

    pub(crate) async fn listen(
        app: Arc<App>,
        first_start: FirstStart,
    ) -> Result<Server, StartError> {
        let plain = listen::Plain::bind(app.config.listen).await?;
        let address = plain.address()?;
        set_base(&app, address);
        let (router, stopping) = (api::router(Arc::clone(&app)), app.stopping.subscribe());
        let bounds = connection::Bounds::of(&app.config);
        let running = if app.config.tls() {
            let tls = listen::Tls::over(plain, &app.config)?;
            tokio::spawn(connection::serve(tls, router, bounds, stopping))
        } else {
            tokio::spawn(connection::serve(plain, router, bounds, stopping))
        };
        let grace = Duration::from_secs(app.config.shutdown_seconds);
        chores::spawn(&app, &app.stopping.subscribe());
        tracing::info!(%address, tls = app.config.tls(), "listening");
        Ok(Server {
            address,
            running,
            grace,
            app,
            first_start,
        })
    }

    /// The address that it listens on; the port is the real one also where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops taking requests, lets those under way finish within the configured time, and writes what is to be written.
    ///
    /// # Errors
    /// The server had failed before.
    pub async fn stop(self) -> Result<(), StartError> {
        self.app.stopping.send_replace(true);
        let finished = tokio::time::timeout(self.grace, self.running).await;
        if let Err(error) = self.app.sessions.write_soon().await {
            tracing::warn!(%error, "the last uses of sessions were not written");
        }
        match finished {
            Ok(Ok(())) => Ok(()),
            Ok(Err(panicked)) => Err(StartError(panicked.to_string())),
            Err(_) => {
                tracing::warn!(
                    seconds = self.grace.as_secs(),
                    "requests under way did not finish in time and were dropped"
                );
                Ok(())
            }
        }
    }

    /// Serves until SIGTERM or SIGINT, then stops. `announce` says that it does: from then on a signal is a request to
    /// stop in order, never an end half-way.
    ///
    /// # Errors
    /// Signals cannot be waited for, or the server fails.
    pub async fn run(mut self, announce: impl FnOnce(&Server)) -> Result<(), StartError> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut term = signal(SignalKind::terminate()).map_err(because("SIGTERM"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(because("SIGINT"))?;
        announce(&self);
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
            ended = &mut self.running => {
                return ended.map_err(|e| StartError(e.to_string()));
            }
        }
        tracing::info!("stopping");
        self.stop().await
    }
}

/// Tells the token service the address that it is known by, where none is configured: the one that was bound. On a
/// loopback address the other names of the machine itself mean the same.
fn set_base(app: &App, address: SocketAddr) {
    let scheme = if app.config.tls() { "https" } else { "http" };
    let aliases = if address.ip().is_loopback() {
        ["127.0.0.1", "localhost", "[::1]"]
            .map(|host| format!("{scheme}://{host}:{}", address.port()))
            .to_vec()
    } else {
        Vec::new()
    };
    if app.config.public_url.is_empty() && address.ip().is_unspecified() {
        tracing::warn!(
            "public_url is not set: tokens name {scheme}://{address} as their issuer, which clients cannot reach"
        );
    }
    app.oauth
        .set_base(&format!("{scheme}://{address}"), aliases);
}

impl App {
    /// Opens the store and makes decisions ready, without listening.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub(crate) async fn open(config: Config) -> Result<(App, FirstStart), StartError> {
        let store = open_store(&config).await?;
        crate::documents::defaults::ensure(store.as_ref())
            .await
            .map_err(because("store"))?;
        let passwords = Arc::new(Passwords::new(&config).map_err(because("password hashing"))?);
        // To hash a password takes longer than all the rest, which goes on beside it.
        let (first_start, app) = tokio::try_join!(
            administrator(&config, store.as_ref(), &passwords),
            App::assemble(config.clone(), Arc::clone(&store), Arc::clone(&passwords)),
        )?;
        Ok((app, first_start))
    }

    /// Reads from the store what every part begins with, and publishes its policies.
    async fn assemble(
        config: Config,
        store: Arc<dyn Store>,
        passwords: Arc<Passwords>,
    ) -> Result<App, StartError> {
        let loopback = Loopback::of(&config);
        let fresh_key =
            random_text(32).map_err(|_| StartError("the system gave no randomness".into()))?;
        let key = store
            .setting_or("login.key", &fresh_key)
            .await
            .map_err(because("store"))?;
        let auth_ids = AuthIds::new(key.as_bytes()).map_err(because("login key"))?;
        let keys = KeyRings::open(Arc::clone(&store), &config, clock::now())
            .await
            .map(Arc::new)
            .map_err(because("signing keys"))?;
        let milliseconds = |duration: u64| i64::try_from(duration).unwrap_or(i64::MAX);
        let freshness = Arc::new(Freshness::new(
            milliseconds(config.cut_off_seconds.saturating_mul(1000)),
            milliseconds(config.poll_milliseconds),
            clock::moment(),
        ));
        // Before anything is published: what this writes to the store is no change for those who wait for one.
        let directory = Directory::new(&config.base_dn);
        let oauth = Oauth::open(
            Arc::clone(&store),
            Arc::clone(&freshness),
            Arc::clone(&keys),
            directory.clone(),
            OauthSettings::of(&config),
            clock::now(),
        );
        let oauth = oauth.await.map_err(because("tokens"))?;
        let decider = Decider::start(config.workers).map_err(because("decision module"))?;
        let between_nodes =
            random_text(32).map_err(|_| StartError("the system gave no randomness".into()))?;
        let between_nodes = store.setting_or("notifications.key", &between_nodes).await;
        let seal = NodeSeal::new(&between_nodes.map_err(because("store"))?)
            .map_err(because("notifications between nodes"))?;
        let notifications = Notifications::new();
        let publisher = Publisher::start(
            Arc::clone(&store),
            decider,
            Arc::clone(&freshness),
            notifications.clone(),
        )
        .await
        .map_err(because("policies"))?;
        let sessions = Sessions::new(
            Arc::clone(&store),
            Arc::clone(&freshness),
            SessionEvents::new(Arc::clone(&store), notifications.clone(), seal),
            (config.session_idle_minutes, config.session_max_minutes),
            config.sessions_per_user,
        );
        let subscribers = Subscribers::new(config.subscribers, config.subscribers_per_caller);
        let hierarchies = Hierarchies::open(Arc::clone(&store)).await;
        let hierarchies = hierarchies.map_err(because("PolicyServer's policies"))?;
        let subjects = Subjects::new(Arc::clone(&store), directory);
        let time_zone_json = serde_json::Value::from(config.time_zone.as_str()).to_string();
        let outside = Outside::new(Arc::clone(&store), config.transaction_seconds);
        Ok(App {
            config,
            store,
            freshness,
            publisher: Arc::new(publisher),
            sessions,
            subjects,
            passwords,
            auth_ids,
            keys,
            notifications,
            outside,
            subscribers,
            stopping: watch::Sender::new(false),
            oauth,
            hierarchies,
            subject_tokens: SubjectTokens::new(loopback),
            time_zone_json,
        })
    }
}

/// Opens the configured store, making the data folder where it is missing.
pub(crate) async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    if config.database.is_empty() {
        let what = format!("cannot make the data folder {}", config.data.display());
        private_folder(&config.data).map_err(because(&what))?;
    }
    store::open(&config.database_url())
        .await
        .map_err(|error| StartError(error.to_string()))
}

/// Opens the configured store for who only reads: a data folder without one was misspelt.
pub(crate) async fn open_store_that_is_there(
    config: &Config,
) -> Result<Arc<dyn Store>, StartError> {
    match config.database_file() {
        Some(file) if matches!(file.try_exists(), Ok(false)) => Err(StartError(format!(
            "there is no store in {}; --data names another folder, and `assize serve` or `assize import` makes one",
            config.data.display()
        ))),
        _ => open_store(config).await,
    }
}

/// Makes a folder, where it is missing, that nobody else can look into.
///
/// INVARIANT: what lies in the data folder (keys, hashes of passwords) is its owner's alone. Whoever opened the folder to
/// others meanwhile has reasons, and no permissions here change that.
fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(path)
}

/// Sees to it that the administrator can log in: with the configured password, or the first time with a random one.
async fn administrator(
    config: &Config,
    store: &dyn Store,
    passwords: &Passwords,
) -> Result<FirstStart, StartError> {
    const RANDOM_BYTES: usize = 18;
    let stored = store
        .setting(ADMINISTRATOR_PASSWORD)
        .await
        .map_err(because("store"))?;
    let hashing = because("administrator's password");
    match (config.admin_password.reveal(), stored) {
        (None, Some(_)) => Ok(FirstStart::default()),
        (Some(given), stored) => {
            let same = match &stored {
                Some(stored) => passwords
                    .verify(given, Some(stored))
                    .await
                    .map_err(&hashing)?,
                None => false,
            };
            if !same {
                let hash = passwords.hash(given).await.map_err(&hashing)?;
                store
                    .put_setting(ADMINISTRATOR_PASSWORD, &hash)
                    .await
                    .map_err(because("store"))?;
                if stored.is_some() {
                    tracing::warn!(
                        user = ADMINISTRATOR,
                        "the password was replaced by the configured one"
                    );
                }
            }
            Ok(FirstStart::default())
        }
        (None, None) => {
            let password = random_text(RANDOM_BYTES)
                .map_err(|_| StartError("the system gave no randomness".into()))?;
            let hash = passwords.hash(&password).await.map_err(&hashing)?;
            store
                .put_setting(ADMINISTRATOR_PASSWORD, &hash)
                .await
                .map_err(because("store"))?;
            Ok(FirstStart {
                administrator_password: Some(password),
            })
        }
    }
}
