//! `assize client`: the OAuth 2 clients of the server, also while one runs on the same store.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::{Common, Failure, print, read, runtime};
use crate::api::oauth::registration::{self, Metadata};
use crate::auth::NoRandomness;
use crate::clock;
use crate::config::Config;
use crate::oauth::client::{AuthMethod, Client};
use crate::oauth::registered::{InUse, Registered};
use crate::oauth::registry::{Registries, Registry};
use crate::oauth::role;
use crate::oauth::secret::ClientSecret;
use crate::oauth::settings::OauthSettings;
use crate::serve::open_store;
use crate::store::{Store, Write};

/// Who a change by this command is said to be made by.
const AUTHOR: &str = "assize client";

#[derive(Args)]
pub(super) struct Clients {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// All clients, a JSON object per line, without their secrets.
    List,
    /// One client as JSON.
    Show {
        /// The client's id
        id: String,
    },
    /// Register a client; prints it, and its secret this once.
    Create {
        #[command(flatten)]
        given: Given,
    },
    /// Change a client: what is not given stays as it is.
    Update {
        /// The client's id
        id: String,
        #[command(flatten)]
        given: Given,
    },
    /// Give a client a new secret, printed this once; the one before is good no more.
    RotateSecret {
        /// The client's id
        id: String,
    },
    /// Delete a client and revoke its tokens.
    Delete {
        /// The client's id
        id: String,
    },
}

/// What a client shall be.
#[derive(Args)]
struct Given {
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// The scopes that it may ask for, separated by blanks [default: everything that its role permits]
    #[arg(long)]
    scope: Option<String>,
    /// Number or name of its role: 1 (Read-only), 2 (Read-write), or one of your own [default: 2]
    #[arg(long)]
    role: Option<String>,
    /// File with its public keys, a JWK set: it then proves itself by assertions and has no secret
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Life of its access tokens in seconds [default: the setting token_seconds]
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<u32>,
    /// Whether it is served: true or false
    #[arg(long)]
    enabled: Option<bool>,
}

impl Given {
    /// Puts what was given into client metadata.
    fn put(self, json: &mut Map<String, Value>) -> Result<(), Failure> {
        let texts = [("client_name", self.name), ("scope", self.scope)];
        for (member, text) in texts {
            if let Some(text) = text {
                json.insert(member.into(), text.into());
            }
        }
        if let Some(role) = self.role {
            let number = role.parse::<u32>().map(Value::from);
            json.insert("role".into(), number.unwrap_or(role.into()));
        }
        if let Some(path) = self.jwks {
            let jwks: Value = serde_json::from_slice(&read(&path)?)
                .map_err(|e| Failure::bad_input(format!("{}: {e}", path.display())))?;
            json.insert("jwks".into(), jwks);
            let method = AuthMethod::PrivateKeyJwt.name();
            json.insert("token_endpoint_auth_method".into(), method.into());
        }
        if let Some(lifetime) = self.lifetime {
            json.insert("access_token_lifetime".into(), lifetime.into());
        }
        if let Some(enabled) = self.enabled {
            json.insert("enabled".into(), enabled.into());
        }
        Ok(())
    }
}

/// The store with what it holds of clients and roles.
struct Opened {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    settings: OauthSettings,
}

impl Clients {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.common.load()?;
        runtime(config.workers)?.block_on(async {
            let opened = Opened::open(&config).await?;
            match self.what {
                What::List => {
                    for client in opened.registry.clients() {
                        print(&format!("{}\n", Value::Object(registration::written(client))))?;
                    }
                    Ok(())
                }
                What::Show { id } => show(opened.client(&id)?, None),
                What::Create { given } => {
                    let mut json = Map::new();
                    given.put(&mut json)?;
                    let metadata = opened.metadata(json)?;
                    let (client, secret) = metadata.into_client().map_err(no_randomness)?;
                    let writes = client.creation(&opened.registry);
                    opened.apply("client created", &writes).await?;
                    show(&client, secret)
                }
                What::Update { id, given } => {
                    let mut client = opened.client(&id)?.clone();
                    let mut json = registration::written(&client);
                    for shown in ["client_id", "client_id_issued_at"] {
                        json.remove(shown);
                    }
                    given.put(&mut json)?;
                    let metadata = opened.metadata(json)?;
                    let secret = metadata.update(&mut client).map_err(no_randomness)?;
                    let writes = opened.change(&client);
                    opened.apply("client changed", &writes).await?;
                    show(&client, secret)
                }
                What::RotateSecret { id } => {
                    let mut client = opened.client(&id)?.clone();
                    if client.method == AuthMethod::PrivateKeyJwt {
                        return Err(Failure::bad_input(format!(
                            "{id} proves itself by assertions and has no secret; `assize client update {id} --jwks FILE` \
                             replaces its keys"
                        )));
                    }
                    let secret = ClientSecret::generate().map_err(no_randomness)?;
                    client.set_secret(Some(&secret));
                    let writes = opened.change(&client);
                    opened.apply("client secret rotated", &writes).await?;
                    show(&client, Some(secret))
                }
                What::Delete { id } => {
                    let client = opened.client(&id)?;
                    let revision = opened.registry.revision_of(client);
                    let writes = client.deletion(&opened.registry, revision).map_err(
                        |InUse(users)| {
                            Failure::bad_input(format!("{id} is used by {}", users.join(", ")))
                        },
                    )?;
                    opened.apply("client deleted", &writes).await?;
                    print(&format!("deleted {id}\n"))
                }
            }
        })
    }
}

impl Opened {
    async fn open(config: &Config) -> Result<Self, Failure> {
        let store = open_store(config).await?;
        // A store that no server has run on yet has no roles.
        role::ensure_built_in(store.as_ref(), clock::now()).await?;
        let registries = Registries::open(Arc::clone(&store)).await?;
        let registry = registries.at(0).await?;
        Ok(Opened {
            store,
            registry,
            settings: OauthSettings::of(config),
        })
    }

    fn client(&self, id: &str) -> Result<&Client, Failure> {
        let found = self.registry.client(id);
        found.map(Arc::as_ref).ok_or_else(|| {
            Failure::bad_input(format!(
                "there is no client {id}; `assize client list` shows all"
            ))
        })
    }

    fn metadata(&self, json: Map<String, Value>) -> Result<Metadata, Failure> {
        let names = &self.settings.audience_names;
        Metadata::read(&Value::Object(json), &self.registry, names)
            .map_err(|fault| Failure::bad_input(fault.to_string()))
    }

    fn change(&self, client: &Client) -> Vec<Write> {
        client.change(&self.registry, self.registry.revision_of(client))
    }

    async fn apply(&self, summary: &str, writes: &[Write]) -> Result<(), Failure> {
        self.store
            .apply(AUTHOR, clock::now(), summary, writes)
            .await?;
        Ok(())
    }
}

fn show(client: &Client, secret: Option<ClientSecret>) -> Result<(), Failure> {
    let mut json = registration::written(client);
    if let Some(secret) = secret {
        json.insert("client_secret".into(), secret.reveal().into());
    }
    print(&format!("{:#}\n", Value::Object(json)))
}

fn no_randomness(_: NoRandomness) -> Failure {
    Failure {
        message: "the system gave no randomness".into(),
        code: 1,
    }
}
