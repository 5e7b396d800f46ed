//! Conditions of policies (conditions.md §2; rulings B23, C2–C4, C11, C17).

use super::facts::{Facts, same, strings};
use super::subject::{kind_of, names_group};
use super::tally::Tally;
use super::truth::{Named, Outcome, Truth, UNLIMITED};
use super::{address, authentication, filter, rules, window};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is asked of the outside for one condition: its type and all that a resolver must know.
pub(super) type Question = Value;

/// One condition, evaluated for one resource; conditions that need the outside and have no result yet are added to `asked`.
pub(super) struct Conditions<'a> {
    pub(super) facts: Facts<'a>,
    /// The canonical resource.
    pub(super) resource: &'a str,
    /// What the outside answered: the result for a question, if there is one.
    pub(super) resolved: &'a dyn Fn(&Question) -> Option<Value>,
    pub(super) asked: &'a mut Vec<Question>,
    pub(super) tally: &'a Tally,
}

impl Conditions<'_> {
    pub(super) fn evaluate(&mut self, condition: &Value) -> Outcome {
        let kind = condition.get("type").and_then(Value::as_str).unwrap_or("");
        let outcome = self.of_kind(kind, condition);
        self.tally.note("", kind, outcome.truth);
        outcome
    }

    fn of_kind(&mut self, kind: &str, condition: &Value) -> Outcome {
        let facts = self.facts;
        match kind {
            "AND" => self.composite(condition, Truth::all),
            "OR" => self.composite(condition, Truth::any),
            "NOT" => {
                let child = self.evaluate(condition.get("condition").unwrap_or(&Value::Null));
                let mut whole = Outcome::new(child.truth.not());
                whole.absorb(&child);
                whole
            }
            "AuthLevel" | "LEAuthLevel" => authentication::auth_level(condition, facts),
            "AuthScheme" => authentication::auth_scheme(condition, facts),
            "AuthenticateToRealm" => authentication::to_realm(condition, facts),
            "AuthenticateToService" => authentication::to_service(condition, facts),
            "Session" => authentication::session_time(condition, facts),
            "SessionProperty" => authentication::session_property(condition, facts),
            "SimpleTime" => window::holds(condition, facts),
            "IPv4" | "IPv6" => address::holds(condition, facts),
            "ResourceEnvIP" => rules::holds(condition, facts),
            "LDAPFilter" => ldap_filter(condition, facts),
            "OAuth2Scope" => scope(condition, facts),
            "AMIdentityMembership" => membership(condition, facts),
            "Script" => {
                let question = json!({"type": "Script", "scriptId": text(condition, "scriptId"), "resource": self.resource});
                self.outside(question)
            }
            "Transaction" => {
                let question = json!({
                    "type": "Transaction",
                    "authenticationStrategy": text(condition, "authenticationStrategy"),
                    "strategySpecifier": text(condition, "strategySpecifier"),
                    "resource": self.resource,
                });
                let mut outcome = self.outside(question);
                outcome.ttl = 0;
                outcome
            }
            _ => Outcome::new(Truth::Undetermined),
        }
    }

    fn composite(&mut self, condition: &Value, combine: impl Fn(Vec<Truth>) -> Truth) -> Outcome {
        let listed = condition
            .get("conditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let children: Vec<Outcome> = listed.map(|c| self.evaluate(c)).collect();
        let mut whole = Outcome::new(combine(children.iter().map(|c| c.truth).collect()));
        for child in &children {
            whole.absorb(child);
            if whole.truth != Truth::True {
                whole.report(child);
            }
        }
        whole
    }

    /// The result of a condition that only the outside can tell.
    fn outside(&mut self, question: Question) -> Outcome {
        let Some(result) = (self.resolved)(&question) else {
            self.asked.push(question);
            return Outcome::new(Truth::Undetermined);
        };
        let ttl = result.get("ttl").and_then(Value::as_i64);
        let ttl = ttl.unwrap_or(UNLIMITED);
        let Some(satisfied) = result.get("satisfied").and_then(Value::as_bool) else {
            return Outcome::new(Truth::Undetermined).until(ttl);
        };
        let mut outcome = Outcome::new(satisfied.into());
        outcome.attributes = named(result.get("attributes"));
        if satisfied {
            outcome.ttl = ttl;
        } else {
            outcome.advices = named(result.get("advices"));
        }
        outcome
    }
}

fn text<'a>(condition: &'a Value, member: &str) -> &'a str {
    condition.get(member).and_then(Value::as_str).unwrap_or("")
}

fn named(value: Option<&Value>) -> Named {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members
        .map(|(name, values)| {
            (
                name.clone(),
                strings(values)
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<BTreeSet<_>>(),
            )
        })
        .collect()
}

/// What AM's patterns take for a blank: Java's `\\s`.
pub(super) fn is_blank(c: char) -> bool {
    " \t\n\u{b}\u{c}\r".contains(c)
}

/// The scopes of one value, which does not begin with a blank; no scope has a character outside RFC 6749 §3.3.
fn scopes(value: &str) -> Option<Vec<&str>> {
    if value.is_empty() || value.starts_with(is_blank) {
        return None;
    }
    let tokens: Vec<&str> = value.split(is_blank).filter(|t| !t.is_empty()).collect();
    let legal = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
    tokens
        .iter()
        .all(|t| t.chars().all(legal))
        .then_some(tokens)
}

fn scope(condition: &Value, facts: Facts<'_>) -> Outcome {
    let wanted = condition
        .get("requiredScopes")
        .map(strings)
        .unwrap_or_default();
    let one = |value: &str| {
        Truth::from(scopes(value).is_some_and(|have| wanted.iter().all(|w| have.contains(w))))
    };
    let values = facts.environment("scope").filter(|v| !v.is_empty());
    Outcome::new(values.map_or(Truth::False, |v| Truth::agreed(v.into_iter().map(one))))
}

/// Looked up for the user of a session: a subject of claims alone has no entry to look up, whatever profile it comes with.
fn ldap_filter(condition: &Value, facts: Facts<'_>) -> Outcome {
    Outcome::new(match facts.session() {
        Some(_) => filter::holds(text(condition, "ldapFilter"), facts),
        None => Truth::Undetermined,
    })
}

fn membership(condition: &Value, facts: Facts<'_>) -> Outcome {
    let listed = condition
        .get("amIdentityName")
        .or(condition.get("amIdentityNames"))
        .map(strings)
        .unwrap_or_default();
    let one = |invocator: &str| {
        // What is no universal id names nobody.
        if kind_of(invocator).is_none() {
            return Truth::False;
        }
        let groups = facts.groups_of(invocator);
        if listed
            .iter()
            .any(|id| same(id, invocator) || groups.iter().flatten().any(|g| same(id, g)))
        {
            Truth::True
        } else if groups.is_none() && listed.iter().any(|id| names_group(id)) {
            Truth::Undetermined
        } else {
            Truth::False
        }
    };
    let values = facts
        .environment("invocatorPrincipalUuid")
        .filter(|v| !v.is_empty());
    Outcome::new(values.map_or(Truth::False, |v| Truth::agreed(v.into_iter().map(one))))
}
