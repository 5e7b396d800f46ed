//! `assize bundle build` and `assize bundle inspect`

use std::collections::HashMap;
use std::path::PathBuf;

use assize_engine::Fault;
use assize_engine::document::Document;
use clap::Subcommand;
use serde_json::json;

use super::{Failure, print, read};

#[derive(Subcommand)]
pub(super) enum Bundle {
    /// Compile policies into a bundle
    Build {
        /// Import documents that hold the policies
        #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
        policies: Vec<PathBuf>,
        /// Where to write the bundle
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Keep only these policy sets
        #[arg(long, value_name = "NAME")]
        set: Vec<String>,
    },
    /// Show what is in a bundle
    Inspect {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Bundle {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Bundle::Build { policies, out, set } => {
                let compiled = compile(&policies, (!set.is_empty()).then_some(set.as_slice()))?;
                let bundle = assize_engine::Bundle::load(compiled.bytes.clone())?;
                std::fs::write(&out, &compiled.bytes)?;
                print(&format!(
                    "{}: {} policies, {} bytes, digest {}\n",
                    out.display(),
                    bundle.policy_count(),
                    compiled.bytes.len(),
                    bundle.digest()
                ))
            }
            Bundle::Inspect { file } => {
                let bytes = read(&file)?;
                let size = bytes.len();
                let bundle = assize_engine::Bundle::load(bytes);
                let bundle = bundle
                    .map_err(|error| Failure::bad_input(format!("{}: {error}", file.display())))?;
                let shown = json!({
                    "realm": bundle.realm(),
                    "digest": bundle.digest(),
                    "bytes": size,
                    "policies": bundle.policy_count(),
                    "policySets": bundle.policy_sets().collect::<Vec<_>>(),
                });
                print(&format!("{shown:#}\n"))
            }
        }
    }
}

/// Policies as a bundle.
pub(super) struct Compiled {
    pub(super) bytes: Vec<u8>,
}

/// Compiles the policies of import documents; of chosen policy sets only, where any are named.
///
/// # Errors
/// Everything that is wrong with the documents, each with its file and path.
pub(super) fn compile(files: &[PathBuf], chosen: Option<&[String]>) -> Result<Compiled, Failure> {
    let mut whole: Option<Document> = None;
    let mut origins = Origins::default();
    for file in files {
        let name = file.display().to_string();
        let (document, _unknown_members) = Document::parse(&read(file)?).map_err(|faults| {
            let lines: Vec<String> = faults
                .iter()
                .map(|fault| format!("{name}: {fault}"))
                .collect();
            Failure::bad_input(lines.join("\n"))
        })?;
        origins.add(&name, &document);
        match &mut whole {
            None => whole = Some(document),
            Some(whole) if whole.realm != document.realm => {
                return Err(Failure::bad_input(format!(
                    "{name} is of realm {} and the files before it of {}: a bundle is of one realm",
                    document.realm, whole.realm
                )));
            }
            Some(whole) => append(whole, document),
        }
    }
    let mut checked = whole.unwrap_or_default().check();
    if !checked.faults.is_empty() {
        let lines: Vec<String> = checked
            .faults
            .iter()
            .map(|fault| origins.named(fault))
            .collect();
        return Err(Failure::bad_input(format!(
            "the policies cannot be compiled\n{}",
            lines.join("\n")
        )));
    }
    if let Some(names) = chosen {
        let wanted = |name: &str| {
            names
                .iter()
                .any(|chosen| chosen.to_lowercase() == name.to_lowercase())
        };
        checked.policy_sets.retain(|set| wanted(&set.name));
        checked
            .policies
            .retain(|(_, policy)| wanted(&policy.policy_set));
    }
    Ok(Compiled {
        bytes: checked.bundle(),
    })
}

fn append(whole: &mut Document, more: Document) {
    match (&mut whole.resource_types, more.resource_types) {
        (Some(types), Some(more)) => types.extend(more),
        (None, more) => whole.resource_types = more,
        (Some(_), None) => {}
    }
    whole.applications.extend(more.applications);
    whole.policies.extend(more.policies);
}

/// From which file, and from where in it, the objects of the whole document are.
#[derive(Default)]
struct Origins {
    places: HashMap<&'static str, Vec<(String, usize)>>,
}

impl Origins {
    fn add(&mut self, file: &str, document: &Document) {
        for (array, count) in [
            (
                "resourceTypes",
                document.resource_types.as_ref().map_or(0, Vec::len),
            ),
            ("applications", document.applications.len()),
            ("policies", document.policies.len()),
        ] {
            self.places
                .entry(array)
                .or_default()
                .extend((0..count).map(|index| (file.to_owned(), index)));
        }
    }

    /// A fault of the whole document, said of the file that it is in.
    fn named(&self, fault: &Fault) -> String {
        let mut steps = fault.path.splitn(4, '/').skip(1);
        let (array, index, rest) = (steps.next().unwrap_or_default(), steps.next(), steps.next());
        let place =
            index.and_then(|index| self.places.get(array)?.get(index.parse::<usize>().ok()?));
        match place {
            Some((file, index)) => {
                let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
                format!("{file}: /{array}/{index}{rest}: {}", fault.message)
            }
            None => fault.to_string(),
        }
    }
}
