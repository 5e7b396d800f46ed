//! The one evaluation path: a bundle and a request in, decisions out.
//!
//! `candidates` come from the index; `policy` turns each into a contribution; `decision` combines
//! them; `tree` does the same for everything beneath a resource. All of it is a pure function of
//! the bundle and the request.

mod claim;
mod condition;
mod decision;
pub(crate) mod filter;
mod identity;
mod level;
mod network;
mod node;
mod outside;
mod policy;
mod session;
mod time;
mod tree;
mod truth;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use decision::Advice;
pub use decision::{Decision, Effect};
pub(crate) use filter::collect_profile_attributes;
#[cfg(feature = "compile")]
pub(crate) use identity::names_group;
pub(crate) use network::rule_names;
pub(crate) use node::check_node;
pub use outside::{Need, Question};
pub(crate) use policy::FROM_PROFILE;
#[cfg(feature = "compile")]
pub(crate) use policy::STATIC;
pub(crate) use truth::{Outcome, Truth};

use crate::bundle::Bundle;
use crate::error::{Error, ErrorCode};
use crate::explain::{Explanation, Recorder};
use crate::index;
use crate::limits::{MAX_RESOURCE_BYTES, MAX_STEPS};
use crate::request::{Request, Target};
use crate::resource::NameError;
use crate::resource::name::Name;
use node::Memo;

/// What an evaluation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'x> {
    /// Decisions, in request order; for a tree the root first and then the patterns, sorted.
    Decided {
        /// One for each distinct resource, or row of the tree.
        decisions: Vec<Decision<'x>>,
        /// What the caller has to carry out.
        effects: Vec<Effect<'x>>,
        /// Why, where the request asked.
        explanation: Option<Explanation>,
    },
    /// Outside conditions to resolve, in order of their ids; then the same request with `externals` is asked again.
    Needs(Vec<Need<'x>>),
}

/// Comparisons of two short texts that count as one step.
const COMPARISONS_A_STEP: u64 = 16;

/// Decides a request.
///
/// # Errors
/// `unknownPolicySet`, `badResource` (with the path of the resource), `limitExceeded`,
/// `stepsExceeded`.
pub fn evaluate<'x>(bundle: &'x Bundle, request: &'x Request<'x>) -> Result<Answer<'x>, Error> {
    let set = index::find_set(bundle, &request.policy_set).ok_or_else(|| {
        let what = format!("no policy set `{}`", request.policy_set);
        Error::new(ErrorCode::UnknownPolicySet, what).at("policySet")
    })?;
    let mut evaluation = Evaluation::new(bundle, request);
    let decisions = match &request.target {
        Target::Tree(root) => evaluation.tree(set, root)?,
        Target::Resources(resources) => evaluation.resources(set, resources)?,
    };
    if evaluation.steps == 0 {
        let what = format!("the evaluation took more than {MAX_STEPS} steps");
        return Err(Error::new(ErrorCode::StepsExceeded, what));
    }
    if evaluation.needs.is_empty() {
        Ok(Answer::Decided {
            decisions,
            effects: evaluation.effects.into_iter().collect(),
            explanation: evaluation.recorder.map(Recorder::finish),
        })
    } else {
        Ok(Answer::Needs(evaluation.needs.into_values().collect()))
    }
}

/// The state of one evaluation.
pub(crate) struct Evaluation<'x> {
    pub(crate) bundle: &'x Bundle,
    pub(crate) request: &'x Request<'x>,
    /// Steps that are left; at 0 the evaluation has failed.
    pub(crate) steps: u64,
    memo: Memo,
    /// Advices of evaluated nodes: each [`Outcome`] names a run of them.
    advices: Vec<Advice<'x>>,
    /// Attributes that outside results of the current policy brought along.
    outside_attributes: Vec<(&'x str, &'x [Cow<'x, str>])>,
    /// Session properties that leaves of the current policy renew, which holds only where its subject is true.
    renewals: Vec<Effect<'x>>,
    /// Set by a leaf that asks for the end of the session, and taken into its outcome.
    terminates: bool,
    effects: BTreeSet<Effect<'x>>,
    /// By their ids: each is asked for once.
    needs: BTreeMap<String, Need<'x>>,
    pub(crate) recorder: Option<Recorder>,
    resource: Cow<'x, str>,
}

impl<'x> Evaluation<'x> {
    fn new(bundle: &'x Bundle, request: &'x Request<'x>) -> Self {
        Self {
            bundle,
            request,
            steps: MAX_STEPS,
            memo: Memo::default(),
            advices: Vec::new(),
            outside_attributes: Vec::new(),
            renewals: Vec::new(),
            terminates: false,
            effects: BTreeSet::new(),
            needs: BTreeMap::new(),
            recorder: request.explain.then(Recorder::default),
            resource: Cow::Borrowed(""),
        }
    }

    fn resources(
        &mut self,
        set: u32,
        resources: &'x [Cow<'x, str>],
    ) -> Result<Vec<Decision<'x>>, Error> {
        // Every name is checked before anything is decided, so that an error names the first.
        let mut names: Vec<(&'x str, Name<'x>)> = Vec::with_capacity(resources.len());
        let mut known = Vec::new();
        for (i, resource) in resources.iter().enumerate() {
            if resources.len() > 1 {
                let Err(place) = known.binary_search(&&**resource) else {
                    continue;
                };
                known.insert(place, &**resource);
            }
            let name = parse_name(resource).map_err(|e| e.at(i).at("resources"))?;
            names.push((resource, name));
        }
        let mut decisions = Vec::with_capacity(names.len());
        let mut candidates = Vec::new();
        for (resource, name) in &names {
            self.resource = Cow::Borrowed(resource);
            candidates.clear();
            index::covering(self, set, name, &mut candidates);
            decisions.push(self.decide(resource, &candidates));
        }
        Ok(decisions)
    }

    /// Takes steps from the budget; `false` when it is used up.
    pub(crate) fn step(&mut self, count: u64) -> bool {
        self.steps = self.steps.saturating_sub(count);
        self.steps > 0
    }

    /// Takes the steps of comparing each of `many` things with each of `others`, before it is done: a request may name as many as
    /// it likes. `false` when the budget does not cover them; the evaluation has failed then, whatever a leaf makes of it.
    ///
    /// INVARIANT: either number is exact, or saturated where it is of 32 bits, which is past every budget: so all runtimes agree.
    pub(crate) fn afford(&mut self, many: usize, others: usize) -> bool {
        self.step((many as u64).saturating_mul(others as u64) / COMPARISONS_A_STEP)
    }
}

/// Reads a requested name.
fn parse_name(resource: &str) -> Result<Name<'_>, Error> {
    if resource.len() > MAX_RESOURCE_BYTES {
        let what = format!("a resource of more than {MAX_RESOURCE_BYTES} bytes");
        return Err(Error::new(ErrorCode::LimitExceeded, what));
    }
    Name::parse(resource).map_err(|error| {
        let message = match &error {
            // AM's own words, which clients may know.
            NameError::Port(port) => format!("Invalid port {port}"),
            _ => format!("`{resource}` is not a resource name: {error}"),
        };
        Error::new(ErrorCode::BadResource, message)
    })
}
