//! Outside conditions without a server: the scripts come from import documents, whom they see from the request.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use assize_engine::{Bundle, answer};
use assize_script::{Failure, Inputs, Runtime, Session};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::batch::{Batch, Job};
use super::source::{self, Source};
use super::{Externals, ExternalsJson, Found, Need, Question};
use crate::documents::script;

/// Answers engine requests, and resolves the scripts that they ask for.
pub(crate) struct Resolver {
    /// By their ids in lower case.
    scripts: BTreeMap<String, Result<Arc<Source>, Failure>>,
    runtime: OnceLock<Result<Runtime, String>>,
}

/// What scripts see of an engine request (contract §3).
#[derive(Deserialize)]
struct Request {
    now: i64,
    subject: Option<Subject>,
    environment: Option<BTreeMap<String, Vec<String>>>,
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

    /// Answers a request. Scripts that are here are run, unless the request brings their results (`externals`); about the
    /// rest whoever asks has to find out, as the answer says (`needs`).
    pub(crate) fn answer(&self, bundle: &Bundle, request: &[u8]) -> Vec<u8> {
        let first = answer(bundle, request);
        let Ok(Value::Object(mut members)) = serde_json::from_slice(request) else {
            return first;
        };
        let given = match members.remove("externals") {
            None => None,
            Some(Value::Object(given)) => Some(given),
            // The engine has refused it, or taken it for nothing.
            Some(_) => return first,
        };
        let text = |members: &Map<String, Value>| Value::from(members.clone()).to_string();
        let needs = match &given {
            None => needs(&first),
            Some(_) => needs(&answer(bundle, text(&members).as_bytes())),
        };
        let mut known = given.clone().unwrap_or_default();
        let open = needs
            .into_iter()
            .filter(|(need, _)| !known.contains_key(&need.id));
        let (here, elsewhere): (Vec<_>, Vec<_>) = open.partition(|(need, _)| self.has(need));
        if given.is_none() && !elsewhere.is_empty() {
            let elsewhere: Vec<Value> = elsewhere.into_iter().map(|(_, need)| need).collect();
            return json!({"needs": elsewhere}).to_string().into_bytes();
        }
        if here.is_empty() {
            return first;
        }
        let here: Vec<Need> = here.into_iter().map(|(need, _)| need).collect();
        let found: Externals = match Request::deserialize(Value::from(members.clone())) {
            Ok(seen) => self.found(here, seen).into_iter().collect(),
            Err(error) => {
                let why = format!("scripts cannot be told of this request: {error}");
                let failed = |need: Need| (need.id, Err(Failure::Lasting(why.clone())));
                here.into_iter().map(failed).collect()
            }
        };
        if let Ok(Value::Object(found)) = serde_json::to_value(ExternalsJson(&found)) {
            known.extend(found);
        }
        members.insert("externals".into(), known.into());
        answer(bundle, text(&members).as_bytes())
    }

    /// Whether what is asked for can be found out here.
    fn has(&self, need: &Need) -> bool {
        match &need.question {
            Question::Script { script_id, .. } => {
                self.scripts.contains_key(&script_id.to_lowercase())
            }
            Question::Transaction { .. } => false,
        }
    }

    fn found(&self, needs: Vec<Need>, request: Request) -> Vec<(String, Found)> {
        let jobs = needs.into_iter().filter_map(|need| match need.question {
            Question::Script {
                script_id,
                resource_name,
            } => Some(Job {
                need: need.id,
                script: self.scripts.get(&script_id.to_lowercase())?.clone(),
                resource: resource_name,
            }),
            Question::Transaction { .. } => None,
        });
        let runtime = self
            .runtime
            .get_or_init(|| Runtime::start().map_err(|error| error.to_string()));
        let mut batch = Batch::new(inputs(request), jobs.collect());
        match runtime {
            Ok(runtime) => batch.run_all(runtime),
            Err(error) => batch.fail(error),
        }
        batch.finish()
    }
}

/// What an answer asks for, each as it is read and as it is written; nothing where the answer is a decision.
fn needs(answer: &[u8]) -> Vec<(Need, Value)> {
    #[derive(Deserialize)]
    struct Needs {
        needs: Vec<Value>,
    }
    let needs = serde_json::from_slice(answer).map_or(Vec::new(), |Needs { needs }| needs);
    let read = |need: Value| Some((Need::deserialize(&need).ok()?, need));
    needs.into_iter().filter_map(read).collect()
}

fn inputs(request: Request) -> Inputs {
    let Subject {
        principals,
        session,
        profile,
        claims,
    } = request.subject.unwrap_or_default();
    // Several tokens may speak for the subject; the first one has the name.
    let claims = claims.get(0).unwrap_or(&claims);
    let sub = claims.get("sub").and_then(Value::as_str).map(str::to_owned);
    Inputs {
        now: request.now,
        username: principals.into_iter().next().or(sub),
        environment: request.environment.unwrap_or_default(),
        session: session.map(|session| Session::of(&session, profile.as_ref())),
        ..Inputs::default()
    }
}
