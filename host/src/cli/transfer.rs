//! `assize import` and `assize export`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Common, Failure, print, read, runtime};
use crate::auth::password::Passwords;
use crate::clock::{self, Millis};
use crate::config::Config;
use crate::documents::export;
use crate::documents::export::frodo;
use crate::documents::import::{Importer, Mode, Plan};
use crate::documents::stored::Credentials;
use crate::limits::REWRITE_ATTEMPTS;
use crate::realm::{Directory, RealmPath};
use crate::serve::{open_store, open_store_that_is_there};
use crate::store::{Store, StoreError, View};

/// Who a change by the command line is said to be made by.
const AUTHOR: &str = "assize import";
const RESTORER: &str = "assize import --restore";

#[derive(Args)]
pub(super) struct Import {
    #[command(flatten)]
    common: Common,
    /// Import documents, files that frodo exported, or folders: every .json file in them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Leave invalid objects out and import the rest; without this one bad object stops everything
    #[arg(long)]
    skip_invalid: bool,
    /// Bring back what `assize export` wrote: authors and dates are kept, and each realm holds afterwards what its
    /// export holds and nothing else. Realms without an export stay as they are. A server on the same store takes it over
    #[arg(long)]
    restore: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.common.load()?;
        let mut files = Vec::new();
        for path in &self.files {
            for file in within(path)? {
                files.push((file.display().to_string(), read(&file)?));
            }
        }
        let mode = if self.restore {
            Mode::Restore
        } else {
            Mode::Add
        };
        runtime(config.workers)?.block_on(async {
            let store = open_store(&config).await?;
            let (author, summary) = match mode {
                Mode::Add => (AUTHOR, "import"),
                Mode::Restore => (RESTORER, "restore"),
            };
            let mut attempts = 1;
            let (applied, counts) = loop {
                let plan = plan(&config, store.as_ref(), &files, mode).await?;
                report(&plan, self.skip_invalid)?;
                let counts = plan.counts.clone();
                // A holder of bundles takes none that is older than what it has seen.
                let at = match i64::try_from(plan.exported) {
                    Ok(exported) => clock::now().max(exported.saturating_add(1)),
                    Err(_) => clock::now(),
                };
                let writes = plan.into_writes();
                if writes.is_empty() {
                    return print("nothing to import\n");
                }
                match store.apply(author, at, summary, &writes).await {
                    Err(error) if is_overtaken(&error) && attempts < REWRITE_ATTEMPTS => {
                        eprintln!("assize: {error}; planning it again");
                        attempts += 1;
                    }
                    done => break (done?, counts),
                }
            };
            store.survey().await;
            for ((realm, kind), count) in &counts {
                print(&format!("realm {realm}: {count} × {kind}\n"))?;
            }
            print(&format!("revision {}\n", applied.revision))
        })
    }
}

/// Whether somebody else changed what was planned from, so that another plan may do.
fn is_overtaken(error: &StoreError) -> bool {
    use StoreError::{Changed, Exists, Missing, NoRealm};
    matches!(
        error,
        Changed { .. } | Exists { .. } | Missing { .. } | NoRealm { .. }
    )
}

/// A file, or the documents in a folder by name.
fn within(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|name| name == "json") {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Failure::bad_input(format!(
            "{} is a folder without .json files",
            path.display()
        ))),
        false => Ok(files),
    }
}

async fn plan(
    config: &Config,
    store: &dyn Store,
    files: &[(String, Vec<u8>)],
    mode: Mode,
) -> Result<Plan, Failure> {
    let passwords =
        Passwords::new(config).map_err(|error| Failure::bad_input(error.to_string()))?;
    let importer = Importer {
        store,
        passwords: &passwords,
        directory: &Directory::new(&config.base_dn),
        mode,
    };
    Ok(importer.plan(files).await?)
}

/// Says what is to be said about a plan.
///
/// # Errors
/// Something is invalid and is not to be skipped.
fn report(plan: &Plan, skip_invalid: bool) -> Result<(), Failure> {
    for problem in &plan.warnings {
        eprintln!("warning: {problem}");
    }
    let what = if skip_invalid { "left out" } else { "error" };
    for problem in &plan.errors {
        eprintln!("{what}: {problem}");
    }
    match plan.errors.len() {
        count if count > 0 && !skip_invalid => Err(Failure::bad_input(format!(
            "{count} errors, so nothing was imported (--skip-invalid imports the rest)"
        ))),
        _ => Ok(()),
    }
}

/// What an export is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Import documents, from which `assize import --restore` brings everything back.
    Assize,
    /// Files that `frodo authz type|set|policy import` reads: resource types, policy sets, policies and scripts.
    Frodo,
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    common: Common,
    /// Folder to write every realm into, a file each; without it one realm goes to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The realm that goes to standard output
    #[arg(long, value_name = "PATH", default_value = "/", conflicts_with = "out")]
    realm: String,
    /// What the export is for
    #[arg(long, value_name = "FORM", value_enum, default_value = "assize")]
    form: Form,
    /// Hold password and secret hashes and the store's own keys, too: whoever reads the export can pass for the server.
    /// Files are then readable by their owner only
    #[arg(long)]
    with_credentials: bool,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.form == Form::Frodo && self.with_credentials {
            return Err(Failure::bad_input(
                "frodo's files hold no users and no clients, so there are no credentials to put into them",
            ));
        }
        let config = self.common.load()?;
        let credentials = match self.with_credentials {
            true => Credentials::Included,
            false => Credentials::LeftOut,
        };
        let writing = Writing {
            form: self.form,
            credentials,
            directory: Directory::new(&config.base_dn),
            at: clock::now(),
        };
        runtime(config.workers)?.block_on(async {
            let store = open_store_that_is_there(&config).await?;
            // All realms as they are at one revision.
            let mut view = store.view().await?;
            let realms = export::realms(view.as_mut()).await?;
            let Some(folder) = self.out else {
                let wanted = RealmPath::parse(&self.realm).map(|path| path.key());
                let realm = realms.iter().find(|path| Some(path.key()) == wanted);
                let realm = realm.ok_or_else(|| {
                    Failure::bad_input(format!("there is no realm {}", self.realm))
                })?;
                let document = writing.document(view.as_mut(), realm).await?;
                return print(&format!("{document:#}\n"));
            };
            std::fs::create_dir_all(&folder)?;
            for realm in &realms {
                let document = writing.document(view.as_mut(), realm).await?;
                let path = folder.join(file_name(realm, self.form));
                write(&path, &format!("{document:#}\n"), credentials)?;
                print(&format!("{}\n", path.display()))?;
            }
            Ok(())
        })
    }
}

/// How realms are written.
struct Writing {
    form: Form,
    credentials: Credentials,
    directory: Directory,
    at: Millis,
}

impl Writing {
    async fn document(&self, view: &mut dyn View, realm: &RealmPath) -> Result<Value, Failure> {
        let done = match self.form {
            Form::Assize => {
                export::document(view, &self.directory, realm, self.credentials, self.at).await
            }
            Form::Frodo => frodo::document(view, realm, "assize export", self.at).await,
        };
        Ok(done?)
    }
}

/// `root.json`, `root+alpha+sub.json`: no realm's name holds a plus.
fn file_name(realm: &RealmPath, form: Form) -> String {
    let names: Vec<&str> = std::iter::once("root").chain(realm.elements()).collect();
    let ending = match form {
        Form::Assize => "json",
        Form::Frodo => "authz.json",
    };
    format!("{}.{ending}", names.join("+"))
}

/// Writes a file that only its owner can read where it holds credentials.
fn write(path: &Path, text: &str, credentials: Credentials) -> Result<(), Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if credentials == Credentials::Included {
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    if credentials == Credentials::Included {
        // The file may have been there before, and readable.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file.write_all(text.as_bytes())?)
}
