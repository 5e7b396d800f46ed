//! evaluateTree: a decision for a resource and for every pattern that can cover something at or
//! beneath it (DESIGN ruling B24).
//!
//! Law, for policies without outside conditions: combining the entries whose resource covers a
//! name at or beneath the root gives exactly the decision for that name.

use std::borrow::Cow;

use super::{Decision, Evaluation, parse_name};
use crate::error::Error;
use crate::index;
use crate::resource::{canonical, fold};

impl<'x> Evaluation<'x> {
    pub(super) fn tree(&mut self, set: u32, root: &'x str) -> Result<Vec<Decision<'x>>, Error> {
        let name = parse_name(root).map_err(|e| e.at("tree"))?;
        // The name is sound, so it has a normal form.
        let canonical = canonical(root).unwrap_or_default();
        let canonical = fold(&canonical);
        let mut patterns = Vec::new();
        index::beneath(self, set, &name, &mut patterns);
        let bundle = self.bundle;
        let mut at_root: Vec<u32> = Vec::new();
        let mut rows: Vec<(&'x str, u32, Vec<u32>)> = Vec::new();
        for pattern in patterns {
            let (text, owners) = index::owners(bundle, pattern);
            let shown = bundle.strings.get(text);
            if fold(shown) == canonical {
                self.record_covering(&owners, text);
                at_root.extend(owners);
            } else {
                rows.push((shown, text, owners));
            }
        }
        at_root.sort_unstable();
        at_root.dedup();
        rows.sort_unstable();
        let mut decisions = Vec::with_capacity(rows.len() + 1);
        self.resource = Cow::Borrowed(root);
        decisions.push(self.decide(root, &at_root));
        for (shown, text, owners) in rows {
            if !self.step(1) {
                break;
            }
            self.resource = Cow::Borrowed(shown);
            self.record_covering(&owners, text);
            self.record_resource(shown);
            let combined = self.combine(&owners);
            if !combined.is_empty() {
                decisions.push(combined.finish(shown));
            }
        }
        Ok(decisions)
    }
}
