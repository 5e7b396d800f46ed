//! `assize import` and `assize export`

use std::path::PathBuf;

use clap::Args;

use super::{Common, Failure, print, read, runtime};
use crate::auth::password::Passwords;
use crate::clock;
use crate::documents::import::{Importer, Plan};
use crate::documents::{defaults, export};
use crate::realm::{Directory, RealmPath};
use crate::serve::open_store;

/// Who a change by the command line is said to be made by.
const AUTHOR: &str = "assize import";

#[derive(Args)]
pub(super) struct Import {
    #[command(flatten)]
    common: Common,
    /// Import documents, or files that frodo exported
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Leave invalid objects out and import the rest; without this one bad object stops everything
    #[arg(long)]
    skip_invalid: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.common.load(Vec::new())?;
        runtime(config.workers)?.block_on(async {
            let store = open_store(&config).await?;
            defaults::ensure(store.as_ref()).await?;
            let passwords =
                Passwords::new(&config).map_err(|error| Failure::bad_input(error.to_string()))?;
            let directory = Directory::new(&config.base_dn);
            let importer = Importer {
                store: store.as_ref(),
                passwords: &passwords,
                directory: &directory,
            };
            let mut plan = Plan::default();
            for file in &self.files {
                importer
                    .plan(&file.display().to_string(), &read(file)?, &mut plan)
                    .await?;
            }
            for problem in &plan.warnings {
                eprintln!("warning: {problem}");
            }
            for problem in &plan.errors {
                eprintln!(
                    "{}: {problem}",
                    if self.skip_invalid {
                        "left out"
                    } else {
                        "error"
                    }
                );
            }
            if !plan.errors.is_empty() && !self.skip_invalid {
                let count = plan.errors.len();
                return Err(Failure::bad_input(format!(
                    "{count} errors, so nothing was imported (--skip-invalid imports the rest)"
                )));
            }
            if plan.writes.is_empty() {
                return print("nothing to import\n");
            }
            let applied = store
                .apply(AUTHOR, clock::now(), "import", &plan.writes)
                .await?;
            for ((realm, kind), count) in &plan.counts {
                print(&format!("realm {realm}: {count} × {kind}\n"))?;
            }
            print(&format!("revision {}\n", applied.revision))
        })
    }
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    common: Common,
    /// Folder to write every realm into, a file each; without it one realm goes to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The realm that goes to standard output
    #[arg(long, value_name = "PATH", default_value = "/")]
    realm: String,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.common.load(Vec::new())?;
        runtime(config.workers)?.block_on(async {
            let store = open_store(&config).await?;
            let directory = Directory::new(&config.base_dn);
            let realms = export::realms(store.as_ref()).await?;
            let Some(folder) = self.out else {
                let wanted = RealmPath::parse(&self.realm).map(|path| path.key());
                let realm = realms.iter().find(|path| Some(path.key()) == wanted);
                let realm = realm.ok_or_else(|| {
                    Failure::bad_input(format!("there is no realm {}", self.realm))
                })?;
                let document = export::document(store.as_ref(), &directory, realm).await?;
                return print(&format!("{document:#}\n"));
            };
            std::fs::create_dir_all(&folder)?;
            for realm in &realms {
                let document = export::document(store.as_ref(), &directory, realm).await?;
                let names: Vec<&str> = realm.elements().collect();
                let name = if names.is_empty() {
                    "root".to_owned()
                } else {
                    format!("root-{}", names.join("-"))
                };
                let path = folder.join(format!("{name}.json"));
                std::fs::write(&path, format!("{document:#}\n"))?;
                print(&format!("{}\n", path.display()))?;
            }
            Ok(())
        })
    }
}
