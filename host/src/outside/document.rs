//! Outside conditions without a server: the scripts come from import documents, whom they see from the request.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use assize_engine::{Bundle, answer};
use assize_script::{Failure, Inputs, Runtime, Session};
use serde::Deserialize;
use serde_json::Value;

use super::batch::{Batch, Job};
use super::source::{self, Source};
use super::{Found, Need, Question, externals};
use crate::documents::script;

/// Answers engine requests, and resolves the scripts that they ask for.
pub(crate) struct Resolver {
    /// By their ids in lower case.
    scripts: BTreeMap<String, Result<Arc<Source>, Failure>>,
    runtime: OnceLock<Result<Runtime, String>>,
}

/// What scripts see of an engine request (contract §3).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Request {
    now: i64,
    subject: Subject,
    environment: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Subject {
    principals: Vec<String>,
    session: Option<BTreeMap<String, String>>,
    profile: Option<BTreeMap<String, Vec<String>>>,
    claims: Value,
}

impl Resolver {
    /// With the scripts of import documents, each an object with an `_id`.
    pub(crate) fn new(scripts: &[Value]) -> Self {
        let read = |json: &Value| {
            let members = json.as_object()?;
            let id = members.get("_id")?.as_str()?;
            let source = match script::check(members, id) {
                Ok(script) => Source::of(script.members()).map(Arc::new),
                Err(faults) => Err(faults
                    .first()
                    .map(|fault| fault.message.clone())
                    .unwrap_or_default()),
            };
            Some((id.to_lowercase(), source.map_err(Failure::Lasting)))
        };
        Resolver {
            scripts: scripts.iter().filter_map(read).collect(),
            runtime: OnceLock::new(),
        }
    }

    /// The scripts that a bundle's conditions run, for the bundle; those that cannot be run stay away.
    pub(crate) fn in_bundle(&self, bundle: &Bundle) -> String {
        let facts = bundle.required_facts();
        let used = facts.scripts.iter().filter_map(|id| {
            let source = self.scripts.get(&id.to_lowercase())?.as_ref().ok()?;
            Some((id.as_str(), source.as_ref()))
        });
        source::in_bundle(used)
    }

    /// Answers a request. One that brings results of its own (`externals`) is not helped.
    pub(crate) fn answer(&self, bundle: &Bundle, request: &[u8]) -> Vec<u8> {
        let first = answer(bundle, request);
        if !first.starts_with(b"{\"needs\"") {
            return first;
        }
        match self.with_externals(&first, request) {
            Some(again) => answer(bundle, &again),
            None => first,
        }
    }

    fn with_externals(&self, needs: &[u8], request: &[u8]) -> Option<Vec<u8>> {
        #[derive(Deserialize)]
        struct Needs {
            needs: Vec<Need>,
        }
        let Needs { needs } = serde_json::from_slice(needs).ok()?;
        let mut whole: Value = serde_json::from_slice(request).ok()?;
        let members = whole.as_object_mut()?;
        if members.contains_key("externals") {
            return None;
        }
        let found = self.found(needs, serde_json::from_slice(request).ok()?);
        members.insert("externals".into(), externals(found));
        Some(whole.to_string().into_bytes())
    }

    fn found(&self, needs: Vec<Need>, request: Request) -> Vec<(String, Found)> {
        let (mut jobs, mut found) = (Vec::new(), Vec::new());
        for need in needs {
            match need.question {
                Question::Script {
                    script_id,
                    resource_name,
                } => {
                    let script = self.scripts.get(&script_id.to_lowercase()).cloned();
                    let missing = || Failure::Lasting(format!("there is no script {script_id}"));
                    jobs.push(Job {
                        need: need.id,
                        script: script.unwrap_or_else(|| Err(missing())),
                        resource: resource_name,
                    });
                }
                Question::Transaction { .. } => {
                    let text = "a transaction is confirmed by a server; none is at work here";
                    found.push((need.id, Err(Failure::Lasting(text.to_owned()))));
                }
            }
        }
        if !jobs.is_empty() {
            let runtime = self
                .runtime
                .get_or_init(|| Runtime::start().map_err(|error| error.to_string()));
            let mut batch = Batch::new(inputs(request), jobs);
            match runtime {
                Ok(runtime) => batch.run_all(runtime),
                Err(error) => batch.fail(error),
            }
            found.extend(batch.finish());
        }
        found
    }
}

fn inputs(request: Request) -> Inputs {
    let Subject {
        principals,
        session,
        profile,
        claims,
    } = request.subject;
    // Several tokens may speak for the subject; the first one has the name.
    let claims = claims.get(0).unwrap_or(&claims);
    let sub = claims.get("sub").and_then(Value::as_str).map(str::to_owned);
    Inputs {
        now: request.now,
        username: principals.into_iter().next().or(sub),
        environment: request.environment,
        session: session.map(|session| Session::of(&session, profile.as_ref())),
        ..Inputs::default()
    }
}
