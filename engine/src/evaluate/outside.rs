//! Script and Transaction: conditions that cannot be pure. An evaluation that meets one asks for
//! its result; the caller resolves it and evaluates again with `externals`.

use std::iter;

use super::truth::NEVER;
use super::{Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::bundle::node::Kind;
use crate::explain::Code;
use crate::request::{External, Request};

/// An outside condition to resolve. Equal conditions of one resource are asked for once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need<'x> {
    /// Under which its result is expected in `externals`.
    pub id: String,
    /// What to find out.
    pub question: Question<'x>,
    /// The resource that is decided, as it was requested; a tree's pattern for its row.
    pub resource: String,
}

/// What an outside condition asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'x> {
    /// Run the script with this id.
    Script {
        /// The script's id.
        script: &'x str,
    },
    /// Is the transaction confirmed that the environment's `TxId` names?
    Transaction {
        /// The advice that a confirmation follows.
        strategy: &'x str,
        /// The service, realm, module or level to confirm with.
        specifier: &'x str,
    },
}

impl<'x> Evaluation<'x> {
    pub(super) fn outside(&mut self, kind: Kind, payload: &mut Payload<'x>) -> (Truth, i64) {
        let (first, label) = (payload.text(), kind.label());
        let question = if kind == Kind::Script {
            Question::Script { script: first }
        } else {
            Question::Transaction {
                strategy: first,
                specifier: payload.text(),
            }
        };
        // A confirmation is good for one decision: it must not be kept (DESIGN §6, ttl).
        let most = if kind == Kind::Transaction { 0 } else { NEVER };
        let id = self.need_id(label, &question);
        let request: &'x Request<'x> = self.request;
        let wanted = || format!("{label} {first}");
        match request.external(&id) {
            None => {
                let need = Need {
                    id: id.clone(),
                    question,
                    resource: self.resource.clone().into_owned(),
                };
                self.needs.insert(id, need);
                (Truth::Undetermined, most)
            }
            Some(External::Failed { error, ttl }) => {
                let truth = Truth::Undetermined;
                let truth = self.note(truth, Code::OutsideFailed, wanted, iter::once(&**error));
                // What fails for a moment must not be refused for longer.
                (truth, most.min(*ttl))
            }
            Some(External::Resolved {
                satisfied,
                advices,
                attributes,
                ttl,
            }) => {
                for (name, values) in advices {
                    let values = request.list(*values);
                    if values.is_empty() {
                        self.advices.push((name, None));
                    }
                    for value in values {
                        self.advise(name, value);
                    }
                }
                for (name, values) in attributes {
                    self.outside_attributes.push((name, request.list(*values)));
                }
                let truth = self.note(
                    Truth::of(*satisfied),
                    Code::OutsideDenied,
                    wanted,
                    iter::empty(),
                );
                // A script's ttl says how long it allows (conditions §2.14); what it refuses it says nothing about.
                let ttl = if *satisfied { *ttl } else { NEVER };
                (truth, most.min(ttl))
            }
        }
    }

    fn need_id(&self, label: &str, question: &Question<'_>) -> String {
        let resource = &self.resource;
        match question {
            Question::Script { script } => format!("{label}:{script}@{resource}"),
            Question::Transaction {
                strategy,
                specifier,
            } => format!("{label}:{strategy}:{specifier}@{resource}"),
        }
    }
}
