//! A workload in every form that something is measured on.

use assize_engine::model::Policy;
use assize_engine::{CompiledPolicy, compile_policy, link};
use serde_json::{Value, json};

use crate::translate::{self, Naming, POLICY_SET};
use crate::workload::{Expected, Workload};

/// One workload for the floor and, under one naming, for the engine.
pub struct Prepared {
    /// Number of policies.
    pub count: u32,
    /// The floor's policy file.
    pub floor_policies: Vec<u8>,
    /// The floor's requests.
    pub floor_requests: Vec<String>,
    /// The right answers, as the floor writes them.
    pub floor_answers: Vec<String>,
    /// Every policy as AM's REST takes it.
    pub documents: Vec<Value>,
    /// The engine's bundle.
    pub bundle: Vec<u8>,
    /// The engine's requests (contract §3).
    pub requests: Vec<String>,
    /// The right answers: actions, sorted by name.
    pub answers: Vec<Vec<(String, bool)>>,
}

impl Prepared {
    /// Generates, translates, compiles.
    ///
    /// # Errors
    /// The engine refuses a policy: its faults.
    pub fn new(count: u32, naming: Naming) -> Result<Prepared, String> {
        let workload = Workload::generate(count);
        let documents: Vec<Value> = workload
            .policies
            .iter()
            .map(|policy| translate::policy(policy, naming))
            .collect();
        let compiled = documents
            .iter()
            .map(compile)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Prepared {
            count,
            floor_policies: json!({ "policies": workload.policies })
                .to_string()
                .into_bytes(),
            floor_requests: workload
                .requests
                .iter()
                .map(|request| json!(request).to_string())
                .collect(),
            floor_answers: workload
                .expected
                .iter()
                .map(|expected| json!(expected).to_string())
                .collect(),
            bundle: link_all(&compiled),
            requests: workload
                .requests
                .iter()
                .map(|request| translate::request(request, naming))
                .collect(),
            answers: workload.expected.iter().map(sorted_actions).collect(),
            documents,
        })
    }

    /// Bytes of a request of the engine, on average.
    pub fn request_size(&self) -> usize {
        self.requests.iter().map(String::len).sum::<usize>() / self.requests.len().max(1)
    }

    /// How many of the engine's answers are not the right ones.
    pub fn wrong<'a>(&self, answers: impl IntoIterator<Item = &'a [u8]>) -> usize {
        let right = answers
            .into_iter()
            .zip(&self.answers)
            .filter(|(answer, right)| actions(answer).as_ref() == Some(right));
        self.answers.len() - right.count()
    }
}

/// Parses and compiles one policy.
///
/// # Errors
/// The engine refuses it: its faults.
pub fn compile(document: &Value) -> Result<CompiledPolicy, String> {
    Policy::parse(document)
        .map(|policy| compile_policy(&policy))
        .map_err(|faults| {
            let faults: Vec<String> = faults
                .iter()
                .map(|fault| format!("{}: {}", fault.path, fault.message))
                .collect();
            format!("the engine refuses {document}: {}", faults.join("; "))
        })
}

/// Links compiled policies to the bytes of a bundle.
pub fn link_all(compiled: &[CompiledPolicy]) -> Vec<u8> {
    link("/", [POLICY_SET], compiled)
}

/// The actions of the one decision in an answer, as the answer has them.
fn actions(answer: &[u8]) -> Option<Vec<(String, bool)>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let [decision] = answer.get("decisions")?.as_array()?.as_slice() else {
        return None;
    };
    decision
        .get("actions")?
        .as_object()?
        .iter()
        .map(|(name, allowed)| Some((name.clone(), allowed.as_bool()?)))
        .collect()
}

fn sorted_actions(expected: &Expected) -> Vec<(String, bool)> {
    let mut actions: Vec<_> = expected
        .actions
        .0
        .iter()
        .map(|(name, allowed)| ((*name).to_owned(), *allowed))
        .collect();
    actions.sort();
    actions
}
