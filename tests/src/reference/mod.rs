//! The reference evaluator: deliberately naive, every policy looked at for each request, no index and no compiled form.
//!
//! It is written from the facts about AM and the rulings in DESIGN.md, shares no code with the engine, and serves as its oracle.
//! Input is an import document and an engine request, output the engine's answer without the `bundle` member.

mod address;
mod authentication;
mod canonical;
mod condition;
mod decide;
mod facts;
mod filter;
mod fold;
mod glob;
mod instant;
mod name;
mod request;
mod rules;
mod subject;
mod tally;
mod truth;
mod window;
mod zone;

pub use canonical::Refusal;
pub use name::{Name, Pattern};

use decide::World;
use serde_json::{Value, json};

/// One document's policies, their patterns in canonical form.
pub struct Reference {
    world: World,
}

/// How the outside answers: the result (`satisfied`, `advices`, `attributes`, or `error`; `ttl`) for a question, if it has one.
///
/// A question is an object with `type`, what the condition says (`scriptId`, or `authenticationStrategy` and `strategySpecifier`)
/// and the canonical `resource`.
pub type Resolver<'a> = dyn Fn(&Value) -> Option<Value> + 'a;

impl Reference {
    /// Reads a valid document; what it cannot read is left out, as refusing is the business of others.
    #[must_use]
    pub fn new(document: &Value) -> Reference {
        Reference {
            world: World::new(document),
        }
    }

    /// The answer to one request, its outside questions answered by `resolver`.
    #[must_use]
    pub fn answer(&self, request: &Value, resolver: &Resolver<'_>) -> Value {
        if let Err(refusal) = request::check(request) {
            return refusal;
        }
        self.world.answer(request, resolver)
    }

    /// The types of conditions and subjects.
    pub const TYPES: [&'static str; 26] = tally::TYPES;

    /// How often each type came out true, false and undetermined so far.
    #[must_use]
    pub fn outcomes(&self) -> Vec<(&'static str, [u64; 3])> {
        self.world.tally.counts()
    }

    /// Whether a type can come out `true`, `false` or `undetermined` at all.
    #[must_use]
    pub fn can_be(name: &str, way: &str) -> bool {
        match name {
            "subject NONE" => way == "false",
            "subject AuthenticatedUsers" | "subject JwtClaim" => way != "undetermined",
            _ => true,
        }
    }

    /// What is asked of the outside when nothing is known yet.
    #[must_use]
    pub fn questions(&self, request: &Value) -> Vec<Value> {
        self.answer(request, &|_| None)
            .get("needs")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }
}

/// An error answer.
fn refusal(code: &str, path: &str) -> Value {
    json!({"error": {"code": code, "path": path}})
}
