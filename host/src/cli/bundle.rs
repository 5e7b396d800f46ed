//! `assize bundle build` and `assize bundle inspect`

use std::collections::HashMap;
use std::path::PathBuf;

use assize_engine::document::Document;
use assize_engine::{BundleError, Fault, FaultCode};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Failure, print, read};
use crate::clock;
use crate::documents::export::HEAD;
use crate::documents::script;
use crate::keys::{self, Algorithm, Key};
use crate::limits::{BUNDLE_AGE_SECONDS, BUNDLE_AGE_SECONDS_DEFAULT};
use crate::outside::document::Resolver;
use crate::seal::{self, Seal, Sealed};

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
        #[command(flatten)]
        seal: SealOptions,
    },
    /// Show what is in a bundle, sealed or not
    Inspect {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Public keys (a JWK set), one of which must have signed it; a server's are at /.well-known/assize-bundle-keys
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
    },
}

/// How to seal a bundle that is served as a file, so that enforcement points take it as if it came from a server.
#[derive(Args)]
pub(super) struct SealOptions {
    /// Seal the bundle with this private key: Ed25519, PKCS #8 in PEM (openssl genpkey -algorithm ed25519)
    #[arg(long, value_name = "FILE", requires = "name")]
    sign: Option<PathBuf>,
    /// What enforcement points know the bundle by
    #[arg(long, requires = "sign")]
    name: Option<String>,
    /// Seconds past which an enforcement point denies everything
    #[arg(long, value_name = "SECONDS", requires = "sign", default_value_t = BUNDLE_AGE_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u64).range(1..=BUNDLE_AGE_SECONDS))]
    max_age: u64,
    /// Higher with every change: an enforcement point never goes back [default: milliseconds since 1970]
    #[arg(long, requires = "sign")]
    revision: Option<u64>,
    /// Who signs
    #[arg(long, value_name = "URL", requires = "sign", default_value = "assize")]
    issuer: String,
    /// Where to write the public key, as the JWK set that enforcement points are to trust
    #[arg(long, value_name = "FILE", requires = "sign")]
    jwks: Option<PathBuf>,
}

impl Bundle {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Bundle::Build {
                policies,
                out,
                set,
                seal,
            } => {
                let compiled = compile(&policies, (!set.is_empty()).then_some(set.as_slice()))?;
                let mut bundle = assize_engine::Bundle::load(compiled.bytes.clone())?;
                let mut bytes = compiled.bytes;
                let scripts = Resolver::new(&compiled.scripts).in_bundle(&bundle);
                if !scripts.is_empty() {
                    bytes = bundle.with_scripts(&scripts);
                    bundle = assize_engine::Bundle::load(bytes.clone())?;
                }
                let line = seal.line(&bundle, &bytes)?;
                std::fs::write(&out, [line.as_bytes(), &bytes].concat())?;
                print(&format!(
                    "{}: {} policies, {} bytes, digest {}\n",
                    out.display(),
                    bundle.policy_count(),
                    bytes.len(),
                    bundle.digest()
                ))
            }
            Bundle::Inspect { file, keys } => {
                let bytes = read(&file)?;
                let refused = |why: &dyn std::fmt::Display| {
                    Failure::bad_input(format!("{}: {why}", file.display()))
                };
                let plain = assize_engine::Bundle::load(bytes.clone());
                let (bundle, sealed) = match plain {
                    Err(BundleError::NotABundle) => {
                        let sealed = Sealed::parse(&bytes).map_err(|why| {
                            refused(&format_args!("neither a bundle nor a sealed one: {why}"))
                        })?;
                        let bundle = assize_engine::Bundle::load(sealed.bundle.to_vec());
                        (bundle.map_err(|error| refused(&error))?, Some(sealed))
                    }
                    plain => (plain.map_err(|error| refused(&error))?, None),
                };
                let mut shown = json!({
                    "realm": bundle.realm(),
                    "digest": bundle.digest(),
                    "bytes": sealed.as_ref().map_or(bytes.len(), |sealed| sealed.bundle.len()),
                    "policies": bundle.policy_count(),
                    "policySets": bundle.policy_sets().collect::<Vec<_>>(),
                });
                let verified = match (&keys, &sealed) {
                    (None, _) => None,
                    (Some(_), None) => {
                        return Err(refused(&"it is not sealed, so no key signed it"));
                    }
                    (Some(keys), Some(sealed)) => {
                        let jwks = serde_json::from_slice(&read(keys)?).map_err(|error| {
                            Failure::bad_input(format!("{}: {error}", keys.display()))
                        })?;
                        if !sealed.is_signed_by(&jwks) {
                            return Err(refused(&"none of the keys signed it"));
                        }
                        Some(true)
                    }
                };
                if let (Some(sealed), Some(members)) = (sealed, shown.as_object_mut()) {
                    let kid = sealed.header.get("kid").cloned().unwrap_or_default();
                    let seal = json!({"kid": kid, "verified": verified, "says": sealed.payload});
                    members.insert("seal".into(), seal);
                }
                print(&format!("{shown:#}\n"))
            }
        }
    }
}

impl SealOptions {
    /// The line before the bundle's bytes; nothing where it is not to be sealed.
    fn line(&self, bundle: &assize_engine::Bundle, bytes: &[u8]) -> Result<String, Failure> {
        let (Some(file), Some(name)) = (&self.sign, &self.name) else {
            return Ok(String::new());
        };
        let now = clock::now();
        let key = Key::from_pem(Algorithm::EdDsa, &read(file)?, now);
        let key =
            key.map_err(|error| Failure::bad_input(format!("{}: {error}", file.display())))?;
        if let Some(jwks) = &self.jwks {
            std::fs::write(jwks, format!("{:#}\n", json!({"keys": [key.jwk()]})))?;
        }
        let seal = Seal {
            issuer: &self.issuer,
            realm: bundle.realm(),
            name,
            revision: self.revision.unwrap_or(now.unsigned_abs()),
            digest: bundle.digest(),
            bytes_sha256: &hex::encode(Sha256::digest(bytes)),
            issued_at: now,
            max_age: self.max_age,
        };
        let line = keys::sign_with(&key, seal::BUNDLE, &seal.payload())?;
        Ok(format!("{line}\n"))
    }
}

/// Policies as a bundle.
pub(super) struct Compiled {
    pub(super) bytes: Vec<u8>,
    /// The scripts that came with them, as in the import document.
    pub(super) scripts: Vec<Value>,
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
        let (document, unknown) = Document::parse(&read(file)?).map_err(|faults| {
            let lines: Vec<String> = faults
                .iter()
                .map(|fault| format!("{name}: {fault}"))
                .collect();
            Failure::bad_input(lines.join("\n"))
        })?;
        // An export holds much that decides nothing.
        if !document.others.contains_key(HEAD) {
            for Fault { path, message, .. } in unknown {
                eprintln!("warning: {name}: {path}: {message}");
            }
        }
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
    let mut whole = whole.unwrap_or_default();
    let scripts = std::mem::take(&mut whole.scripts);
    let mut checked = whole.check();
    let faults = checked
        .faults
        .iter()
        .cloned()
        .chain(script_faults(&scripts));
    let lines: Vec<String> = faults.map(|fault| origins.named(&fault)).collect();
    if !lines.is_empty() {
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
        scripts,
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
    whole.scripts.extend(more.scripts);
}

/// What is wrong with scripts, as an import would say it.
fn script_faults(scripts: &[Value]) -> Vec<Fault> {
    let faults_of = |(index, json): (usize, &Value)| {
        let faults = match json.as_object() {
            None => vec![invalid("a script is an object with an _id")],
            Some(members) => match members.get("_id").and_then(Value::as_str) {
                None | Some("") => vec![invalid("a script is an object with an _id")],
                Some(id) => script::check(members, id).err().unwrap_or_default(),
            },
        };
        let place = format!("/scripts/{index}");
        faults.into_iter().map(move |fault| fault.within(&place))
    };
    scripts.iter().enumerate().flat_map(faults_of).collect()
}

fn invalid(message: &str) -> Fault {
    Fault {
        code: FaultCode::Invalid,
        path: String::new(),
        message: message.to_owned(),
    }
}

/// From which file, and from where in it, the objects of the whole document are.
#[derive(Default)]
struct Origins {
    places: HashMap<&'static str, Vec<(String, String)>>,
}

impl Origins {
    fn add(&mut self, file: &str, document: &Document) {
        let types = document.resource_types.as_ref().map_or(0, Vec::len);
        for (array, count) in [
            ("resourceTypes", types),
            ("applications", document.applications.len()),
            ("policies", document.policies.len()),
            ("scripts", document.scripts.len()),
        ] {
            let places = (0..count).map(|index| (file.to_owned(), document.place(array, index)));
            self.places.entry(array).or_default().extend(places);
        }
    }

    /// A fault of the whole document, said of the file that it is in.
    fn named(&self, fault: &Fault) -> String {
        let mut steps = fault.path.splitn(4, '/').skip(1);
        let (array, index, rest) = (steps.next().unwrap_or_default(), steps.next(), steps.next());
        let place =
            index.and_then(|index| self.places.get(array)?.get(index.parse::<usize>().ok()?));
        match place {
            Some((file, place)) => {
                let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
                format!("{file}: {place}{rest}: {}", fault.message)
            }
            None => fault.to_string(),
        }
    }
}
