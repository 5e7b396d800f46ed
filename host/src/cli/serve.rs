//! `assize serve`

use clap::Args;

use super::{Common, Failure, STRANGE, runtime, start_log};
use crate::demo;
use crate::serve::Server;

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    common: Common,
    /// Address to listen on [env: ASSIZE_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// A path that clients know as the deployment; may be repeated [env: ASSIZE_DEPLOYMENTS] [default: /am /openam]
    #[arg(long, value_name = "PATH")]
    deployment: Vec<String>,
    /// Load a sample realm and print curl lines to try it
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut flags = Vec::new();
        flags.extend(self.listen.map(|listen| ("listen", listen.into())));
        if !self.deployment.is_empty() {
            flags.push(("deployments", self.deployment.into()));
        }
        let layers = self.common.layers(flags);
        let strangers = layers.strangers()?;
        let config = layers.load()?;
        start_log(&config.log);
        for variable in strangers {
            tracing::warn!(variable, "{STRANGE}");
        }
        let demo = if self.demo {
            Some(demo::Accounts::from_environment(&config))
        } else {
            None
        };
        runtime(config.workers)?.block_on(async move {
            let server = match &demo {
                None => Server::start(config).await?,
                Some(accounts) => demo::start(config, accounts).await?,
            };
            let announce = |server: &Server| {
                if let Some(password) = &server.first_start.administrator_password {
                    println!("The administrator is amadmin with the password {password}");
                    println!("It is shown this once; ASSIZE_ADMIN_PASSWORD sets another.");
                }
                match &demo {
                    None => println!("Assize listens on {}", server.address()),
                    Some(accounts) => println!("{}", demo::instructions(server, accounts)),
                }
            };
            server.run(announce).await.map_err(Failure::from)
        })
    }
}
