//! What the corpus runs on: one trait, an implementation per way of getting a decision.

use crate::case::Outside;
use crate::reference::{Name, Reference};
use serde_json::{Map, Value};

/// A way of getting decisions.
pub trait Subject {
    /// What the report calls it.
    fn name(&self) -> &'static str;

    /// Takes a document for the requests that follow.
    ///
    /// # Errors
    /// Why the document is refused.
    fn load(&mut self, document: &Value) -> Result<(), String>;

    /// The answer (contract §4) to a request, `externals` included where the request has them.
    fn ask(&mut self, request: &Value) -> Value;

    /// The answer when what is asked of the outside is answered so.
    fn answer(&mut self, request: &Value, outside: &[Outside]) -> Value {
        let first = self.ask(request);
        let Some(needs) = first.get("needs").and_then(Value::as_array) else {
            return first;
        };
        let mut again = request.clone();
        let externals: Map<String, Value> = needs
            .iter()
            .filter_map(|need| {
                let id = need.get("id")?.as_str()?;
                let result = result_for(need, outside)?;
                Some((id.to_owned(), result.clone()))
            })
            .collect();
        if let Some(members) = again.as_object_mut() {
            members.insert("externals".to_owned(), Value::Object(externals));
        }
        self.ask(&again)
    }
}

/// The outside result whose question names the same condition and resource.
#[must_use]
pub fn result_for<'a>(need: &Value, outside: &'a [Outside]) -> Option<&'a Value> {
    let same_member =
        |question: &Value, member: &str| match (question.get(member), need.get(member)) {
            (Some(asked), Some(needed)) if member == "resource" => {
                canonical(asked) == canonical(needed)
            }
            (Some(asked), Some(needed)) => asked == needed,
            (None, _) => true,
            (Some(_), None) => false,
        };
    let members = [
        "type",
        "scriptId",
        "authenticationStrategy",
        "strategySpecifier",
        "resource",
    ];
    outside
        .iter()
        .find(|o| members.iter().all(|m| same_member(&o.question, m)))
        .map(|o| &o.result)
}

fn canonical(name: &Value) -> String {
    let text = name.as_str().unwrap_or("");
    Name::new(text).map_or_else(|_| text.to_owned(), |n| n.text)
}

/// The reference evaluator as a subject.
#[derive(Default)]
pub struct Naive {
    loaded: Option<Reference>,
}

impl Subject for Naive {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn load(&mut self, document: &Value) -> Result<(), String> {
        self.loaded = Some(Reference::new(document));
        Ok(())
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.answer(request, &[])
    }

    fn answer(&mut self, request: &Value, outside: &[Outside]) -> Value {
        let resolver = |question: &Value| result_for(question, outside).cloned();
        self.loaded.as_ref().map_or(Value::Null, |reference| {
            reference.answer(request, &resolver)
        })
    }
}
