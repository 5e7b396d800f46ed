//! Writing answers: contract §4, and AM's array.

use crate::bundle::Bundle;
use crate::error::Error;
use crate::evaluate::{Answer, Decision, Effect, Need, Question, evaluate};
use crate::explain::Explanation;
use crate::request::json::write_text;
use crate::request::{AmCall, Request, read_am};
use crate::resource::canonical;

/// Answers a request (contract §3) with JSON (contract §4). Never fails: an error is an answer,
/// `{"error": {"code", "message", "path"}}`.
pub fn answer(bundle: &Bundle, request: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(512);
    let parsed = match Request::parse(request) {
        Ok(parsed) => parsed,
        Err(error) => return error_answer(&error),
    };
    match evaluate(bundle, &parsed) {
        Ok(Answer::Decided {
            decisions,
            effects,
            explanation,
        }) => {
            out.raw("{\"decisions\":");
            out.decisions(&decisions, parsed.with_ttl);
            if effects.is_empty() {
                out.raw(",\"effects\":[],\"bundle\":");
            } else {
                out.raw(",\"effects\":");
                out.effects(&effects);
                out.raw(",\"bundle\":");
            }
            out.raw(bundle.signature());
            if let Some(explanation) = explanation {
                out.raw(",\"explanation\":");
                out.explanation(&explanation);
            }
            out.raw("}");
        }
        Ok(Answer::Needs(needs)) => out.needs(&needs),
        Err(error) => return error_answer(&error),
    }
    out.bytes
}

/// Answers AM's own request body, read beside the context that the server resolved.
///
/// The answer's first byte tells its form: `[` is AM's array of decisions, to be passed on as it
/// is. `{` is `{"error"}`, `{"needs"}`, or `{"decisions", "effects"}` where there are effects to
/// carry out.
pub fn answer_am(bundle: &Bundle, context: &[u8], body: &[u8], call: AmCall) -> Vec<u8> {
    let mut out = Writer::with_capacity(512);
    let parsed = match read_am(context, body, call) {
        Ok(parsed) => parsed,
        Err(error) => return error_answer(&error),
    };
    match evaluate(bundle, &parsed) {
        Ok(Answer::Decided {
            decisions, effects, ..
        }) if effects.is_empty() => out.decisions(&decisions, parsed.with_ttl),
        Ok(Answer::Decided {
            decisions, effects, ..
        }) => {
            out.raw("{\"decisions\":");
            out.decisions(&decisions, parsed.with_ttl);
            out.raw(",\"effects\":");
            out.effects(&effects);
            out.raw("}");
        }
        Ok(Answer::Needs(needs)) => out.needs(&needs),
        Err(error) => return error_answer(&error),
    }
    out.bytes
}

/// An error as an answer.
pub fn error_answer(error: &Error) -> Vec<u8> {
    let mut out = Writer::with_capacity(128);
    out.raw("{\"error\":{\"code\":");
    out.text(error.code().as_str());
    out.raw(",\"message\":");
    out.text(error.message());
    out.raw(",\"path\":");
    out.text(&error.path());
    out.raw("}}");
    out.bytes
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
        }
    }

    fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        if number == i64::MAX {
            // By far the most frequent number: a ttl without an end.
            return self.raw("9223372036854775807");
        }
        self.raw(&number.to_string());
    }

    fn text(&mut self, text: &str) {
        write_text(&mut self.bytes, text);
    }

    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.bytes.push(b'[');
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.bytes.push(b',');
            }
            write(self, item);
        }
        self.bytes.push(b']');
    }

    fn object<'k, T>(
        &mut self,
        members: impl IntoIterator<Item = (&'k str, T)>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.bytes.push(b'{');
        for (i, (name, value)) in members.into_iter().enumerate() {
            if i > 0 {
                self.bytes.push(b',');
            }
            self.text(name);
            self.bytes.push(b':');
            write(self, value);
        }
        self.bytes.push(b'}');
    }

    /// A member whose value is an object of lists.
    fn lists<'k, V: AsRef<str> + 'k>(
        &mut self,
        member: &str,
        lists: impl ExactSizeIterator<Item = (&'k str, &'k Vec<V>)>,
    ) {
        self.raw(member);
        if lists.len() == 0 {
            return self.raw("{}");
        }
        self.object(lists, |out, values| {
            out.list(values, |out, value| out.text(value.as_ref()));
        });
    }

    fn decisions(&mut self, decisions: &[Decision<'_>], with_ttl: bool) {
        self.list(decisions, |out, decision| {
            out.raw("{\"resource\":");
            out.text(&decision.resource);
            out.raw(",\"actions\":");
            out.object(decision.actions.iter().copied(), |out, allowed| {
                out.raw(if allowed { "true" } else { "false" });
            });
            let attributes = decision.attributes.iter();
            out.lists(
                ",\"attributes\":",
                attributes.map(|(name, values)| (*name, values)),
            );
            let advices = decision.advices.iter();
            out.lists(
                ",\"advices\":",
                advices.map(|(name, values)| (*name, values)),
            );
            if with_ttl {
                out.raw(",\"ttl\":");
                out.number(decision.ttl);
            }
            out.raw("}");
        });
    }

    fn effects(&mut self, effects: &[Effect<'_>]) {
        self.list(effects, |out, effect| match effect {
            Effect::TerminateSession => out.raw("{\"type\":\"terminateSession\"}"),
            Effect::SetSessionProperty { name, value } => {
                out.raw("{\"type\":\"setSessionProperty\",\"name\":");
                out.text(name);
                out.raw(",\"value\":");
                out.text(value);
                out.raw("}");
            }
        });
    }

    fn needs(&mut self, needs: &[Need<'_>]) {
        self.raw("{\"needs\":");
        self.list(needs, |out, need| {
            out.raw("{\"id\":");
            out.text(&need.id);
            match need.question {
                Question::Script { script } => {
                    out.raw(",\"type\":\"Script\",\"scriptId\":");
                    out.text(script);
                    // A script is shown the resource in its one spelling.
                    out.raw(",\"resourceName\":");
                    let name = canonical(&need.resource);
                    out.text(name.as_deref().unwrap_or(&need.resource));
                }
                Question::Transaction {
                    strategy,
                    specifier,
                } => {
                    out.raw(",\"type\":\"Transaction\",\"authenticationStrategy\":");
                    out.text(strategy);
                    out.raw(",\"strategySpecifier\":");
                    out.text(specifier);
                }
            }
            out.raw(",\"resource\":");
            out.text(&need.resource);
            out.raw("}");
        });
        self.raw("}");
    }

    fn explanation(&mut self, explanation: &Explanation) {
        self.raw("{\"resources\":");
        self.list(&explanation.resources, |out, resource| {
            out.raw("{\"resource\":");
            out.text(&resource.resource);
            out.raw(",\"policies\":");
            out.list(&resource.policies, |out, policy| {
                out.raw("{\"policy\":");
                out.text(&policy.policy);
                out.raw(",\"patterns\":");
                out.list(&policy.patterns, |out, pattern| out.text(pattern));
                out.raw(",\"code\":");
                out.text(policy.code.as_str());
                out.raw(",\"contribution\":");
                out.text(policy.contribution.as_str());
                out.raw(",\"leaves\":");
                out.list(&policy.leaves, |out, leaf| {
                    out.raw("{\"part\":");
                    out.text(leaf.part);
                    out.raw(",\"truth\":");
                    out.text(if leaf.undetermined {
                        "undetermined"
                    } else {
                        "false"
                    });
                    out.raw(",\"code\":");
                    out.text(leaf.code.as_str());
                    out.raw(",\"wanted\":");
                    out.text(&leaf.wanted);
                    out.raw(",\"seen\":");
                    out.list(&leaf.seen, |out, seen| out.text(seen));
                    out.raw("}");
                });
                out.raw("}");
            });
            out.raw("}");
        });
        self.raw(",\"text\":");
        self.text(&explanation.to_string());
        self.raw("}");
    }
}
