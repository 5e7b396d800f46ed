//! What a run did: pairs, differences, and how often each kind was met.

use crate::reference::Reference;
use assize_engine::Fault;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Pairs of policies and request.
    pub pairs: usize,
    /// Answers that differ and laws that are broken.
    pub differences: usize,
    /// The first differences, each ready for the corpus.
    pub shown: Vec<String>,
    /// How often each kind occurs in policies: `condition AND`, `attribute User`, `pattern * host`…
    kinds: BTreeMap<String, u64>,
    /// How often each leaf was true, false, undetermined.
    outcomes: BTreeMap<&'static str, [u64; 3]>,
    /// How often each sort of answer came: actions, advices, an error code…
    answers: BTreeMap<String, u64>,
    /// Policies that the engine refused, by the pointer of their fault.
    refusals: BTreeMap<String, u64>,
}

impl Report {
    /// Adds another run's counts.
    pub fn add(&mut self, other: Report) {
        self.pairs += other.pairs;
        self.differences += other.differences;
        self.shown.extend(other.shown);
        let sum = |into: &mut BTreeMap<String, u64>, from: BTreeMap<String, u64>| {
            for (name, count) in from {
                *into.entry(name).or_default() += count;
            }
        };
        sum(&mut self.kinds, other.kinds);
        sum(&mut self.answers, other.answers);
        sum(&mut self.refusals, other.refusals);
        for (name, counts) in other.outcomes {
            let into = self.outcomes.entry(name).or_default();
            for (sum, count) in into.iter_mut().zip(counts) {
                *sum += count;
            }
        }
    }

    pub(super) fn note(&mut self, text: String, most: usize) {
        self.differences += 1;
        if self.shown.len() < most && !text.is_empty() {
            self.shown.push(text);
        }
    }

    pub(super) fn refused(&mut self, faults: &[(usize, Fault)]) {
        for (_, fault) in faults {
            let path: String = fault.path.chars().filter(|c| !c.is_ascii_digit()).collect();
            *self
                .refusals
                .entry(format!("{path} {}", reason(&fault.message)))
                .or_default() += 1;
        }
    }

    pub(super) fn document(&mut self, document: &Value) {
        for policy in document
            .get("policies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            for (member, list) in [("condition", "conditions"), ("subject", "subjects")] {
                self.tree(member, list, policy.get(member));
            }
            for attribute in policy
                .get("resourceAttributes")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                self.kind(format!(
                    "attribute {}",
                    attribute.get("type").and_then(Value::as_str).unwrap_or("")
                ));
            }
            for pattern in policy
                .get("resources")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                self.pattern(pattern);
            }
            if policy.get("active") == Some(&Value::Bool(false)) {
                self.kind("policy inactive".to_owned());
            }
        }
    }

    fn tree(&mut self, member: &str, list: &str, tree: Option<&Value>) {
        let Some(kind) = tree.and_then(|t| t.get("type")).and_then(Value::as_str) else {
            return;
        };
        self.kind(format!("{member} {kind}"));
        let children = tree
            .and_then(|t| t.get(list))
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for child in children.chain(tree.and_then(|t| t.get(member))) {
            self.tree(member, list, Some(child));
        }
    }

    fn pattern(&mut self, pattern: &str) {
        let Some((scheme, after)) = pattern.split_once("://") else {
            return self.kind("pattern without ://".to_owned());
        };
        let (before, query) = after.split_once('?').unwrap_or((after, ""));
        let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
        for (part, text) in [
            ("scheme", scheme),
            ("authority", authority),
            ("path", path),
            ("query", query),
        ] {
            if text.contains("-*-") {
                self.kind(format!("pattern -*- in {part}"));
            } else if text.contains('*') {
                self.kind(format!("pattern * in {part}"));
            }
        }
    }

    fn kind(&mut self, name: String) {
        *self.kinds.entry(name).or_default() += 1;
    }

    pub(super) fn pair(&mut self, request: &Value, answered: &Value) {
        self.pairs += 1;
        let mut note = |name: String| *self.answers.entry(name).or_default() += 1;
        let call = if request.get("tree").is_some() {
            "tree"
        } else {
            "evaluate"
        };
        if let Some(code) = answered.pointer("/answer/error").and_then(Value::as_str) {
            return note(format!("{call} error {code}"));
        }
        if answered
            .get("asked")
            .and_then(Value::as_array)
            .is_some_and(|a| !a.is_empty())
        {
            note(format!("{call} asked the outside"));
        }
        let decisions = answered
            .pointer("/answer/decisions")
            .and_then(Value::as_array);
        let any = |member: &str| {
            decisions.into_iter().flatten().any(|d| {
                d.get(member)
                    .and_then(Value::as_object)
                    .is_some_and(|m| !m.is_empty())
            })
        };
        for member in ["actions", "attributes", "advices"] {
            if any(member) {
                note(format!("{call} with {member}"));
            }
        }
        if decisions
            .into_iter()
            .flatten()
            .any(|d| d.get("ttl").and_then(Value::as_i64) != Some(i64::MAX))
        {
            note(format!("{call} with ttl"));
        }
        if answered
            .pointer("/answer/effects")
            .and_then(Value::as_array)
            .is_some_and(|e| !e.is_empty())
        {
            note(format!("{call} with effects"));
        }
        note(format!("{call} answered"));
    }

    pub(super) fn outcomes(&mut self, reference: &Reference) {
        for (name, counts) in reference.outcomes() {
            let into = self.outcomes.entry(name).or_default();
            for (sum, count) in into.iter_mut().zip(counts) {
                *sum += count;
            }
        }
    }

    /// Types of conditions and subjects that never came out in each of the ways in which they can.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for name in Reference::TYPES {
            let counts = self.outcomes.get(name).copied().unwrap_or_default();
            for (way, count) in ["true", "false", "undetermined"].iter().zip(counts) {
                if count == 0 && Reference::can_be(name, way) {
                    gaps.push(format!("{name} was never {way}"));
                }
            }
        }
        gaps
    }
}

/// The last clause of a message: the rest names the value.
fn reason(message: &str) -> &str {
    message.rsplit(": ").next().unwrap_or(message)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<40} {:>12} {:>12} {:>12}",
            "evaluated as", "true", "false", "undetermined"
        )?;
        for (name, [yes, no, unknown]) in &self.outcomes {
            writeln!(f, "{name:<40} {yes:>12} {no:>12} {unknown:>12}")?;
        }
        for (title, counts) in [
            ("in policies", &self.kinds),
            ("answers", &self.answers),
            ("policies refused and left out", &self.refusals),
        ] {
            writeln!(f, "{title}:")?;
            for (name, count) in counts {
                writeln!(f, "  {name:<80} {count:>12}")?;
            }
        }
        for text in &self.shown {
            writeln!(f, "DIFFERENCE {text}\n")?;
        }
        write!(f, "{} pairs, {} differences", self.pairs, self.differences)
    }
}
