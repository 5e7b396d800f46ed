//! Configuration: one typed struct, a complete commented default, three layers on top of it.
//!
//! Default < configuration file < environment (`ASSIZE_…`) < command line. A key that the default file does not hold is
//! refused wherever it is written, so a misspelling never passes as a setting. Variables that begin with `ASSIZE_` and
//! name no key are only reported: orchestrators put such variables there by themselves (`ASSIZE_SERVICE_HOST`).

mod load;
mod tokens;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::api::cors::is_origin;
use crate::limits::{BUNDLE_AGE_SECONDS, NOTICE_INTERVAL_SECONDS};

pub use load::{ConfigError, Layers};

/// The file that `assize config` prints: every key, its default and what it is for.
pub const DEFAULT_FILE: &str = include_str!("default.toml");

/// First path elements that other APIs have at the server's root.
const RESERVED: [&str; 11] = [
    "health",
    "connect",
    "token",
    "oauth",
    "api",
    "management",
    "runtime",
    "access",
    ".well-known",
    "_security",
    "_xpack",
];

/// All settings of the server. Field docs are in `default.toml`, the one place that users read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each field is the key of the same name in default.toml, documented there"
)]
pub struct Config {
    pub listen: SocketAddr,
    pub deployments: Vec<String>,
    pub data: PathBuf,
    pub database: String,
    pub workers: usize,
    pub shutdown_seconds: u64,
    pub poll_milliseconds: u64,
    pub cut_off_seconds: u64,
    pub allow_plain_http: bool,
    pub tls_certificate: String,
    pub tls_key: String,
    pub base_dn: String,
    pub time_zone: String,
    pub cookie_name: String,
    pub cookie_domain: String,
    pub cookie_same_site: SameSite,
    pub admin_password: Secret,
    pub cors_origins: Vec<String>,
    pub session_idle_minutes: u32,
    pub session_max_minutes: u32,
    /// Seconds in which a transaction may be confirmed and used.
    pub transaction_seconds: u32,
    pub sessions_per_user: usize,
    pub session_properties: Vec<String>,
    pub password_memory_kib: u32,
    pub password_passes: u32,
    pub password_lanes: u32,
    pub password_hashing_at_once: usize,
    pub public_url: String,
    pub subscribers: usize,
    pub subscribers_per_caller: usize,
    pub notice_seconds: u64,
    pub ping_seconds: u64,
    pub silence_seconds: u64,
    pub key_rotation_days: u32,
    pub key_retired_days: u32,
    pub management_audience: String,
    pub runtime_audience: String,
    pub token_seconds: u32,
    pub user_token_seconds: u32,
    pub refresh_token_hours: u32,
    pub refresh_grace_seconds: u32,
    pub password_grant: bool,
    pub token_algorithm: String,
    pub failures_per_address: u32,
    pub failures_per_client: u32,
    pub external_issuer: String,
    pub external_issuer_management_audience: String,
    pub external_issuer_runtime_audience: String,
    pub external_issuer_token_types: Vec<String>,
    pub external_issuer_clients: bool,
    pub loopback_issuers: bool,
    pub connections: u32,
    pub header_seconds: u64,
    pub body_seconds: u64,
    pub body_bytes: usize,
    pub log: String,
}

impl Config {
    /// The URL of the database: the one configured, or SQLite in the data folder.
    pub fn database_url(&self) -> String {
        match self.database_file() {
            Some(file) => format!("sqlite://{}", file.display()),
            None => self.database.clone(),
        }
    }

    /// The file in the data folder that is the database, unless another one is configured.
    pub(crate) fn database_file(&self) -> Option<PathBuf> {
        self.database
            .is_empty()
            .then(|| self.data.join("assize.db"))
    }

    /// True where the server speaks TLS itself.
    pub fn tls(&self) -> bool {
        !self.tls_certificate.is_empty()
    }

    /// Whether browsers reach the server over TLS alone, its own or that of a proxy before it: cookies say so then.
    pub fn secure_cookies(&self) -> bool {
        self.tls() || (self.allow_plain_http && self.public_url.starts_with("https://"))
    }

    /// What no single key can say: combinations that would make an insecure or useless server.
    fn check(self) -> Result<Config, ConfigError> {
        let refuse = |key: &'static str, why: String| Err(ConfigError::Value { key, why });
        if let Some(odd) = self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            return refuse(
                "cors_origins",
                format!("{odd:?} is no origin such as \"https://app.example.org\", without a path"),
            );
        }
        if self.tls_certificate.is_empty() != self.tls_key.is_empty() {
            return refuse(
                "tls_key",
                "tls_certificate and tls_key belong together: give both or neither".into(),
            );
        }
        if !self.tls() && !self.allow_plain_http && !self.listen.ip().is_loopback() {
            return refuse(
                "listen",
                format!(
                    "{} is not a loopback address, and sessions must not travel in the clear: set tls_certificate and \
                     tls_key, or allow_plain_http = true behind a proxy that ends TLS",
                    self.listen
                ),
            );
        }
        if self.deployments.is_empty() {
            return refuse(
                "deployments",
                "at least one path is needed, such as \"/am\"".into(),
            );
        }
        for path in &self.deployments {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let name = path.strip_prefix('/').unwrap_or_default();
            if name.is_empty() || !name.chars().all(plain) || RESERVED.contains(&name) {
                return refuse(
                    "deployments",
                    format!(
                        "{path:?} is not one path element such as \"/am\", or one that another API has: {}",
                        RESERVED.join(", ")
                    ),
                );
            }
        }
        // A poll may take as long again.
        if self.cut_off_seconds.saturating_mul(1000) < 2 * self.poll_milliseconds {
            return refuse(
                "cut_off_seconds",
                format!(
                    "{} s must be at least twice as long as poll_milliseconds ({} ms), or a node would stop between two \
                     polls",
                    self.cut_off_seconds, self.poll_milliseconds
                ),
            );
        }
        let cookie_character = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if self.cookie_name.is_empty() || !self.cookie_name.chars().all(cookie_character) {
            return refuse(
                "cookie_name",
                "letters, digits, - and _ only, as it is a header's name too".into(),
            );
        }
        if self.cookie_same_site == SameSite::None && !self.secure_cookies() {
            return refuse(
                "cookie_same_site",
                "browsers take \"none\" over TLS alone: set tls_certificate and tls_key, or behind a proxy that ends TLS \
                 allow_plain_http = true and an https public_url"
                    .into(),
            );
        }
        if !self.base_dn.split(',').all(|rdn| {
            rdn.split_once('=')
                .is_some_and(|(a, v)| !a.is_empty() && !v.is_empty())
        }) {
            return refuse(
                "base_dn",
                format!(
                    "{:?} is not a directory name such as \"dc=example,dc=org\"",
                    self.base_dn
                ),
            );
        }
        for (key, value) in [
            ("session_idle_minutes", u64::from(self.session_idle_minutes)),
            ("session_max_minutes", u64::from(self.session_max_minutes)),
            ("transaction_seconds", u64::from(self.transaction_seconds)),
            ("sessions_per_user", self.sessions_per_user as u64),
            ("poll_milliseconds", self.poll_milliseconds),
            (
                "password_hashing_at_once",
                self.password_hashing_at_once as u64,
            ),
            ("subscribers", self.subscribers as u64),
            ("subscribers_per_caller", self.subscribers_per_caller as u64),
            ("notice_seconds", self.notice_seconds),
            ("ping_seconds", self.ping_seconds),
            ("header_seconds", self.header_seconds),
            ("body_seconds", self.body_seconds),
            ("body_bytes", self.body_bytes as u64),
        ] {
            if value == 0 {
                return refuse(key, "must be at least 1".into());
            }
        }
        if self.notice_seconds > NOTICE_INTERVAL_SECONDS {
            return refuse(
                "notice_seconds",
                format!(
                    "must be at most {NOTICE_INTERVAL_SECONDS}: holders take a longer silence for a lost connection"
                ),
            );
        }
        if self.connections as usize <= self.subscribers {
            return refuse(
                "connections",
                format!(
                    "{} must be more than subscribers ({}), or those who wait would leave no place for anybody else",
                    self.connections, self.subscribers
                ),
            );
        }
        if self.silence_seconds <= self.ping_seconds {
            return refuse(
                "silence_seconds",
                format!(
                    "{} s must be longer than ping_seconds ({} s), or nobody could answer a ping in time",
                    self.silence_seconds, self.ping_seconds
                ),
            );
        }
        let oldest_bundle = BUNDLE_AGE_SECONDS / 86_400;
        if u64::from(self.key_retired_days) < oldest_bundle {
            return refuse(
                "key_retired_days",
                format!(
                    "must be at least {oldest_bundle}: a bundle may be used for so long, and its signature must verify"
                ),
            );
        }
        self.check_tokens()?;
        if self
            .log
            .parse::<tracing_subscriber::filter::LevelFilter>()
            .is_err()
        {
            return refuse(
                "log",
                format!("{:?} is none of error, warn, info, debug, trace", self.log),
            );
        }
        Ok(self)
    }
}

/// When browsers send the session cookie with what pages of other sites ask for (RFC 6265bis §5.4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// Where the user follows a link to the server.
    Lax,
    /// Never.
    Strict,
    /// Always; over TLS alone.
    None,
    /// As the browser thinks best: the cookie does not say.
    Off,
}

impl SameSite {
    /// The cookie's attribute.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
            SameSite::None => "; SameSite=None",
            SameSite::Off => "",
        }
    }
}

/// A setting that is never printed.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself; `None` where it was not set.
    pub(crate) fn reveal(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_str())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "not set" } else { "set" })
    }
}
