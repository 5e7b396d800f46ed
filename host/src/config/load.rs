//! The layers of the configuration and how they become one [`Config`].

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, DEFAULT_FILE};

/// What lies above the default: set the members that the caller has, then [`Layers::load`].
#[derive(Default)]
pub struct Layers {
    /// The configuration file, where one was named.
    pub file: Option<PathBuf>,
    /// The environment; only names that begin with `ASSIZE_` are looked at.
    pub environment: Vec<(String, String)>,
    /// Command-line settings, under the names of configuration keys.
    pub flags: Vec<(&'static str, Value)>,
}

/// Why there is no configuration: always one line, naming the key.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file is not TOML, or a value in it has the wrong type.
    Syntax {
        /// Where it was written (a file's line, an environment variable or a flag), or which key cannot be read.
        origin: String,
        /// What is wrong.
        why: String,
    },
    /// A key that does not exist.
    Unknown {
        /// Where it was written.
        origin: String,
        /// The key.
        key: String,
    },
    /// A value that cannot be used.
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConfigError::File { path, why } => write!(
                f,
                "cannot read the configuration file {}: {why}",
                path.display()
            ),
            ConfigError::Syntax { origin, why } => write!(f, "{origin}: {why}"),
            ConfigError::Unknown { origin, key } => {
                write!(
                    f,
                    "{origin}: there is no setting named {key:?}; `assize config` prints all of them"
                )
            }
            ConfigError::Value { key, why } => write!(f, "{key}: {why}"),
        }
    }
}

impl std::error::Error for ConfigError {}

const PREFIX: &str = "ASSIZE_";
/// Variables with the prefix that are read elsewhere: the file's own path, and the demo user's password.
const NOT_SETTINGS: [&str; 2] = ["ASSIZE_CONFIG", "ASSIZE_DEMO_PASSWORD"];

impl Layers {
    /// The layers of this process: its environment, and the file that `ASSIZE_CONFIG` or the flag names.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(&'static str, Value)>) -> Self {
        // A variable that is no Unicode cannot be a setting of ours; `vars` would stop the process over it.
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let named = || {
            environment
                .iter()
                .find(|(name, _)| name == "ASSIZE_CONFIG")
                .map(|(_, v)| PathBuf::from(v))
        };
        Layers {
            file: file.or_else(named),
            environment,
            flags,
        }
    }

    /// Variables that look like settings and are none, a slip of the pen perhaps. They keep nothing from starting, as others
    /// may set such for reasons of their own.
    ///
    /// # Errors
    /// The built-in defaults cannot be read.
    pub fn strangers(&self) -> Result<Vec<String>, ConfigError> {
        let settings = parse(DEFAULT_FILE, "the built-in defaults")?;
        let strange = self.environment.iter().filter(|(name, value)| {
            let key = name.strip_prefix(PREFIX).map(str::to_lowercase);
            key.is_some_and(|key| !settings.contains_key(&key))
                && !NOT_SETTINGS.contains(&name.as_str())
                && !is_of_a_service(name, value)
        });
        Ok(strange.map(|(name, _)| name.clone()).collect())
    }

    /// Lays the layers over each other and reads the result.
    ///
    /// # Errors
    /// Every [`ConfigError`]: the first thing wrong.
    pub fn load(self) -> Result<Config, ConfigError> {
        let mut table = parse(DEFAULT_FILE, "the built-in defaults")?;
        if let Some(path) = &self.file {
            overlay(&mut table, read(path)?, &path.display().to_string())?;
        }
        for (name, text) in &self.environment {
            let Some(key) = name.strip_prefix(PREFIX).map(str::to_lowercase) else {
                continue;
            };
            if let Some(current) = table.get(&key) {
                let value = typed(current, text).map_err(|why| ConfigError::Syntax {
                    origin: name.clone(),
                    why,
                })?;
                table.insert(key, value);
            }
        }
        for (key, value) in self.flags {
            overlay(
                &mut table,
                Table::from_iter([(key.to_owned(), value)]),
                &format!("--{key}"),
            )?;
        }
        match Value::Table(table.clone()).try_into::<Config>() {
            Ok(config) => config.check(),
            Err(error) => Err(unreadable(&table, &error)),
        }
    }
}

/// Whether Kubernetes or Docker sets this variable, to tell of a service whose name begins with `assize`.
fn is_of_a_service(name: &str, value: &str) -> bool {
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
}

/// The setting that keeps a table from being a configuration: the one that does so among nothing but defaults, too.
fn unreadable(table: &Table, error: &toml::de::Error) -> ConfigError {
    let alone = |(key, value): (&String, &Value)| {
        let mut defaults = parse(DEFAULT_FILE, "the built-in defaults").ok()?;
        defaults.insert(key.clone(), value.clone());
        let error = Value::Table(defaults).try_into::<Config>().err()?;
        Some((key.clone(), error.message().to_owned()))
    };
    let (origin, why) = table
        .iter()
        .find_map(alone)
        .unwrap_or_else(|| ("configuration".to_owned(), error.message().to_owned()));
    ConfigError::Syntax { origin, why }
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError::File {
        path: path.to_owned(),
        why: e.to_string(),
    })?;
    parse(&text, &path.display().to_string())
}

fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    toml::from_str(text).map_err(|e| {
        // INVARIANT: the line itself is not shown: a password without its quotes is a slip that ends here.
        let before = e.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        ConfigError::Syntax {
            origin: format!("{origin}, line {line}"),
            why: e.message().trim_end().replace('\n', " "),
        }
    })
}

/// Puts the keys of `above` into `table`; a key must be there already and keep its type.
fn overlay(table: &mut Table, above: Table, origin: &str) -> Result<(), ConfigError> {
    for (key, value) in above {
        match table.get(&key) {
            None => {
                return Err(ConfigError::Unknown {
                    origin: origin.to_owned(),
                    key,
                });
            }
            Some(current) if !current.same_type(&value) => {
                let why = format!(
                    "{key} must be a {}, not a {}",
                    current.type_str(),
                    value.type_str()
                );
                return Err(ConfigError::Syntax {
                    origin: origin.to_owned(),
                    why,
                });
            }
            Some(_) => table.insert(key, value),
        };
    }
    Ok(())
}

/// The text of an environment variable as a value of the same type as the key's default.
fn typed(current: &Value, text: &str) -> Result<Value, String> {
    match current {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Integer(_) => text
            .trim()
            .parse()
            .map(Value::Integer)
            .map_err(|_| format!("{text:?} is no whole number")),
        Value::Boolean(_) => text
            .trim()
            .parse()
            .map(Value::Boolean)
            .map_err(|_| format!("{text:?} is not true or false")),
        Value::Array(_) => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Ok(Value::Array(
                items.map(|item| Value::String(item.to_owned())).collect(),
            ))
        }
        other => Err(format!(
            "a {} cannot be given in the environment",
            other.type_str()
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn load(
        environment: &[(&str, &str)],
        flags: Vec<(&'static str, Value)>,
    ) -> Result<Config, ConfigError> {
        let environment = environment
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect();
        Layers {
            file: None,
            environment,
            flags,
        }
        .load()
    }

    #[test]
    fn nearer_layers_win() {
        let config = load(&[], vec![]).unwrap();
        assert_eq!(
            (
                config.listen.to_string().as_str(),
                config.session_idle_minutes
            ),
            ("127.0.0.1:8080", 30)
        );
        let environment = [
            ("ASSIZE_LISTEN", "127.0.0.1:1"),
            ("ASSIZE_DEPLOYMENTS", "/a, /b"),
            ("ASSIZE_SERVICE_HOST", "x"),
        ];
        let config = load(&environment, vec![("listen", Value::from("127.0.0.1:2"))]).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.deployments, ["/a", "/b"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (environment, flags, expected) in [
            (("ASSIZE_LISTEN", "0.0.0.0:80"), vec![], "loopback"),
            (("ASSIZE_BODY_BYTES", "many"), vec![], "ASSIZE_BODY_BYTES"),
            (("ASSIZE_LISTEN", "nonsense"), vec![], "listen: invalid"),
            (("ASSIZE_WORKERS", "-3"), vec![], "workers: invalid"),
            (("ASSIZE_LOG", "loud"), vec![], "loud"),
            (("ASSIZE_TLS_KEY", "k.pem"), vec![], "belong together"),
            (("ASSIZE_DEPLOYMENTS", "/a/b"), vec![], "/a/b"),
            (("ASSIZE_BODY_BYTES", "0"), vec![], "body_bytes"),
            (
                ("ASSIZE_COOKIE_SAME_SITE", "sometimes"),
                vec![],
                "`lax`, `strict`, `none`, `off`",
            ),
            (("ASSIZE_COOKIE_SAME_SITE", "none"), vec![], "TLS"),
            (("ASSIZE_NOTICE_SECONDS", "16"), vec![], "at most 15"),
            (("ASSIZE_PING_SECONDS", "60"), vec![], "silence_seconds"),
            (
                ("ASSIZE_POLL_MILLISECONDS", "30001"),
                vec![],
                "cut_off_seconds",
            ),
            (
                ("ASSIZE_LOG", "info"),
                vec![("lisen", Value::from("x"))],
                "lisen",
            ),
            (
                ("ASSIZE_LOG", "info"),
                vec![("listen", Value::from(1))],
                "must be a string",
            ),
        ] {
            let error = load(&[environment], flags).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
        assert!(
            load(
                &[
                    ("ASSIZE_LISTEN", "0.0.0.0:80"),
                    ("ASSIZE_ALLOW_PLAIN_HTTP", "true")
                ],
                vec![]
            )
            .is_ok()
        );
    }

    #[test]
    fn cookies_are_secure_where_browsers_see_tls() {
        let proxied = [
            ("ASSIZE_ALLOW_PLAIN_HTTP", "true"),
            ("ASSIZE_PUBLIC_URL", "https://am.example.org"),
            ("ASSIZE_COOKIE_SAME_SITE", "none"),
        ];
        let config = load(&proxied, vec![]).unwrap();
        assert!(config.secure_cookies() && !config.tls());
        assert_eq!(config.cookie_same_site, crate::config::SameSite::None);
        assert!(!load(&[], vec![]).unwrap().secure_cookies());
    }

    #[test]
    fn what_looks_like_a_setting_and_is_none_is_told() {
        let strange = [("ASSIZE_LISTN", "x"), ("ASSIZE_PORT", "9090")];
        let others = [
            ("ASSIZE_LISTEN", "x"),
            ("ASSIZE_CONFIG", "x"),
            ("ASSIZE_SERVICE_HOST", "10.0.0.1"),
            ("ASSIZE_DB_SERVICE_PORT_HTTP", "1"),
            ("ASSIZE_DB_PORT", "tcp://10.0.0.1:1"),
            ("ASSIZE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ];
        let all = strange.iter().chain(&others);
        let layers = Layers {
            environment: all.map(|(n, v)| (n.to_string(), v.to_string())).collect(),
            ..Layers::default()
        };
        assert_eq!(layers.strangers().unwrap(), strange.map(|(name, _)| name));
    }

    #[test]
    fn a_slip_in_a_file_shows_no_secret() {
        for text in [
            "log = \"info\"\nadmin_password = hunter2\n",
            "log = \"info\"\ndatabase = \"postgres://u:hunter2@h/d\n",
        ] {
            let error = parse(text, "a.toml").unwrap_err().to_string();
            assert!(error.starts_with("a.toml, line 2: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = load(&[("ASSIZE_ADMIN_PASSWORD", "hunter22")], vec![]).unwrap();
        assert!(!format!("{config:?}").contains("hunter22"));
    }
}
