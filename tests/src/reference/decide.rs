//! Contributions, their combination, evaluate and evaluateTree (evaluation.md §3.4 to §3.8, rulings B8–B11, B24, C16).

use super::condition::{Conditions, Question};
use super::facts::{Facts, same, strings};
use super::name::{Name, Pattern};
use super::tally::Tally;
use super::truth::{Named, Outcome, Truth, UNLIMITED, merge};
use super::{Resolver, refusal, subject};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DEFAULT_SET: &str = "iPlanetAMWebAgentService";

pub(super) struct World {
    sets: Vec<String>,
    policies: Vec<Policy>,
    pub(super) tally: Tally,
}

struct Policy {
    set: String,
    patterns: Vec<Pattern>,
    json: Value,
}

/// A decision in the making.
struct Decision {
    actions: BTreeMap<String, bool>,
    advices: Named,
    attributes: Named,
    ttl: i64,
}

/// What the caller is to carry out; the order is the answer's.
type Effects = BTreeSet<(u8, String, String)>;

impl World {
    pub(super) fn new(document: &Value) -> World {
        let list = |member| {
            document
                .get(member)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let named =
            |value: &Value, member| value.get(member).and_then(Value::as_str).map(str::to_owned);
        let mut sets: Vec<String> = list("applications")
            .filter_map(|a| named(a, "name"))
            .collect();
        if !sets.iter().any(|s| same(s, DEFAULT_SET)) {
            sets.push(DEFAULT_SET.to_owned());
        }
        let active = |p: &&Value| p.get("active") != Some(&Value::Bool(false));
        let policies = list("policies").filter(active).map(|p| Policy {
            set: named(p, "applicationName").unwrap_or_else(|| DEFAULT_SET.to_owned()),
            patterns: p
                .get("resources")
                .map(strings)
                .unwrap_or_default()
                .into_iter()
                .filter_map(|r| Pattern::new(r).ok())
                .collect(),
            json: p.clone(),
        });
        World {
            policies: policies.collect(),
            sets,
            tally: Tally::default(),
        }
    }

    pub(super) fn answer(&self, request: &Value, resolver: &Resolver<'_>) -> Value {
        let set = request
            .get("policySet")
            .and_then(Value::as_str)
            .unwrap_or(DEFAULT_SET);
        if !self.sets.iter().any(|s| same(s, set)) {
            return refusal("unknownPolicySet", "/policySet");
        }
        let mut asked = Vec::new();
        let mut effects = Effects::new();
        let mut run = Run {
            facts: Facts { request },
            policies: self.policies.iter().filter(|p| same(&p.set, set)).collect(),
            resolver,
            asked: &mut asked,
            effects: &mut effects,
            tally: &self.tally,
        };
        let rows = match request.get("tree").and_then(Value::as_str) {
            Some(root) => run.tree(root),
            None => run.resources(&request.get("resources").map(strings).unwrap_or_default()),
        };
        match rows {
            Err(refused) => refused,
            Ok(_) if !asked.is_empty() => {
                let mut once: Vec<Question> = Vec::new();
                for question in asked {
                    if !once.contains(&question) {
                        once.push(question);
                    }
                }
                json!({ "needs": once })
            }
            Ok(rows) => json!({"decisions": rows, "effects": shown_effects(&effects)}),
        }
    }
}

fn shown_effects(effects: &Effects) -> Vec<Value> {
    let shown = |(kind, name, value): &(u8, String, String)| match kind {
        0 => json!({"type": "terminateSession"}),
        _ => json!({"type": "setSessionProperty", "name": name, "value": value}),
    };
    effects.iter().map(shown).collect()
}

struct Run<'a> {
    facts: Facts<'a>,
    policies: Vec<&'a Policy>,
    resolver: &'a Resolver<'a>,
    asked: &'a mut Vec<Question>,
    effects: &'a mut Effects,
    tally: &'a Tally,
}

impl Run<'_> {
    fn resources(&mut self, requested: &[&str]) -> Result<Vec<Value>, Value> {
        let mut done: Vec<&str> = Vec::new();
        let mut rows = Vec::new();
        for (n, text) in requested.iter().enumerate() {
            if done.contains(text) {
                continue;
            }
            done.push(text);
            let name =
                Name::new(text).map_err(|_| refusal("badResource", &format!("/resources/{n}")))?;
            let decision = self.decide(|p| p.patterns.iter().any(|r| r.covers(&name)), &name.text);
            rows.push(decision.shown(text));
        }
        Ok(rows)
    }

    fn tree(&mut self, root: &str) -> Result<Vec<Value>, Value> {
        let name = Name::new(root).map_err(|_| refusal("badResource", "/tree"))?;
        let own = self.decide(
            |p| p.patterns.iter().any(|r| same(&r.text, &name.text)),
            &name.text,
        );
        let mut rows = vec![own.shown(root)];
        let beneath = |p: &&Pattern| p.reaches_beneath(&name) && !same(&p.text, &name.text);
        let texts: BTreeSet<String> = self
            .policies
            .iter()
            .flat_map(|p| p.patterns.iter().filter(beneath))
            .map(|r| r.text.clone())
            .collect();
        for text in texts {
            let decision = self.decide(|p| p.patterns.iter().any(|r| r.text == text), &text);
            if decision.contributes() {
                rows.push(decision.shown(&text));
            }
        }
        Ok(rows)
    }

    /// The combination of what these policies contribute.
    fn decide(&mut self, matches: impl Fn(&Policy) -> bool, resource: &str) -> Decision {
        let mut decision = Decision::default();
        let matching: Vec<&Policy> = self
            .policies
            .iter()
            .copied()
            .filter(|p| matches(p))
            .collect();
        for policy in matching {
            self.contribute(&policy.json, resource, &mut decision);
        }
        if !decision.advices.is_empty() {
            decision.actions.clear();
        }
        decision
    }

    fn contribute(&mut self, policy: &Value, resource: &str, decision: &mut Decision) {
        let no_subject = json!({"type": "NONE"});
        let who = policy
            .get("subject")
            .filter(|s| !s.is_null())
            .unwrap_or(&no_subject);
        let subject = subject::holds(who, self.facts, self.tally);
        if subject == Truth::False {
            return;
        }
        let condition = match policy.get("condition").filter(|c| !c.is_null()) {
            None => Outcome::new(Truth::True),
            Some(condition) => {
                let mut conditions = Conditions {
                    facts: self.facts,
                    resource,
                    resolved: self.resolver,
                    asked: &mut *self.asked,
                    tally: self.tally,
                };
                conditions.evaluate(condition)
            }
        };
        decision.ttl = decision.ttl.min(condition.ttl);
        if condition.truth != Truth::True {
            merge(&mut decision.advices, &condition.advices);
        }
        if subject == Truth::True {
            if condition.terminates && condition.truth != Truth::True {
                self.effects.insert((0, String::new(), String::new()));
            }
            self.effects.extend(
                condition
                    .renewals
                    .iter()
                    .map(|(name, value)| (1, name.clone(), value.clone())),
            );
        }
        let whole = Truth::all([subject, condition.truth]);
        if whole == Truth::False {
            return;
        }
        for (action, allowed) in policy
            .get("actionValues")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let allowed = *allowed == Value::Bool(true);
            if whole == Truth::True || !allowed {
                let so_far = decision.actions.entry(action.clone()).or_insert(true);
                *so_far = *so_far && allowed;
            }
        }
        if whole == Truth::True {
            merge(&mut decision.attributes, &condition.attributes);
            merge(&mut decision.attributes, &attributes(policy, self.facts));
        }
    }
}

impl Default for Decision {
    fn default() -> Decision {
        Decision {
            actions: BTreeMap::new(),
            advices: Named::new(),
            attributes: Named::new(),
            ttl: UNLIMITED,
        }
    }
}

impl Decision {
    fn contributes(&self) -> bool {
        !self.actions.is_empty()
            || !self.advices.is_empty()
            || !self.attributes.is_empty()
            || self.ttl != UNLIMITED
    }

    fn shown(&self, resource: &str) -> Value {
        let named = |of: &Named| {
            Value::Object(
                of.iter()
                    .map(|(name, values)| (name.clone(), json!(values)))
                    .collect(),
            )
        };
        let actions: Map<String, Value> = self
            .actions
            .iter()
            .map(|(name, allowed)| (name.clone(), json!(allowed)))
            .collect();
        json!({
            "resource": resource,
            "actions": actions,
            "attributes": named(&self.attributes),
            "advices": named(&self.advices),
            "ttl": self.ttl,
        })
    }
}

/// Static and User attributes; one that cannot be read, or holds a credential, is empty.
fn attributes(policy: &Value, facts: Facts<'_>) -> Named {
    let mut out = Named::new();
    for attribute in policy
        .get("resourceAttributes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = attribute
            .get("propertyName")
            .and_then(Value::as_str)
            .unwrap_or("");
        let values = attribute
            .get("propertyValues")
            .map(strings)
            .unwrap_or_default();
        let shown = out.entry(name.to_owned()).or_default();
        if attribute.get("type").and_then(Value::as_str) == Some("User") {
            let looked_up = if values.is_empty() {
                vec![name]
            } else {
                values
            };
            let readable = looked_up.into_iter().filter(|n| !is_credential(n));
            shown.extend(
                readable
                    .flat_map(|n| facts.profile(n).unwrap_or_default())
                    .map(str::to_owned),
            );
        } else {
            shown.extend(values.into_iter().map(str::to_owned));
        }
    }
    out
}

fn is_credential(attribute: &str) -> bool {
    let name = attribute.to_lowercase();
    ["password", "secret", "privatekey"]
        .iter()
        .any(|part| name.contains(part))
}
