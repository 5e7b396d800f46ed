//! Evaluation without reading and writing: a bundle, requests that have been parsed, and a loop over them.
//!
//! The decision module has no such export, since nobody would call it; this one is made of the same engine, natively and as
//! WebAssembly, to see what evaluation alone costs in each.

pub mod module;

use assize_engine::{Answer, Bundle, Request, evaluate};

/// Everything that a loop needs.
pub struct Prepared {
    bundle: Bundle,
    requests: Vec<Request<'static>>,
}

impl Prepared {
    /// Loads a bundle; `None` if it is none.
    pub fn load(bundle: Vec<u8>) -> Option<Prepared> {
        Some(Prepared {
            bundle: Bundle::load(bundle).ok()?,
            requests: Vec::new(),
        })
    }

    /// Parses a request and keeps it, and its text, for as long as the program runs. Whether it could be parsed.
    pub fn keep(&mut self, request: Vec<u8>) -> bool {
        let Ok(request) = Request::parse(request.leak()) else {
            return false;
        };
        self.requests.push(request);
        true
    }

    /// Evaluates every request once and counts the actions that are allowed.
    pub fn evaluate_all(&self) -> u32 {
        let mut allowed = 0;
        for request in &self.requests {
            if let Ok(Answer::Decided { decisions, .. }) = evaluate(&self.bundle, request) {
                let actions = decisions.iter().flat_map(|decision| &decision.actions);
                allowed += actions.filter(|(_, allowed)| *allowed).count() as u32;
            }
        }
        allowed
    }
}
