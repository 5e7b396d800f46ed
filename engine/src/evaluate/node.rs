//! Nodes of subject and condition trees.

use super::{Evaluation, Outcome, Truth};
use crate::bundle::Bundle;
use crate::bundle::layout::Payload;
use crate::bundle::node::{Kind, VOLATILE};
use crate::limits::MAX_TREE_DEPTH;

impl<'x> Evaluation<'x> {
    /// Evaluates the node at `offset`, once for each request.
    pub(super) fn node(&mut self, offset: u32) -> Outcome {
        if offset == 0 {
            return Outcome::plain(Truth::True);
        }
        if let Some(known) = self.memo.get(offset) {
            return known;
        }
        let bundle = self.bundle;
        let (kind, words) = bundle.tables.node(offset);
        let outcome = match Kind::of(kind) {
            _ if !self.step(1) => Outcome::plain(Truth::Undetermined),
            Some(Kind::And) => self.all_of(words.get(1..).unwrap_or_default()),
            Some(Kind::Or) => self.any_of(words.get(1..).unwrap_or_default()),
            Some(Kind::Not) => {
                let child = self.node(words.first().copied().unwrap_or_default());
                Outcome {
                    truth: !child.truth,
                    advices: (0, 0),
                    terminates: false,
                    ..child
                }
            }
            Some(kind) => self.leaf(kind, &mut Payload::new(words, &bundle.strings)),
            None => Outcome::plain(Truth::Undetermined),
        };
        // An explanation repeats the leaves of every policy, so nothing is kept then.
        if kind & VOLATILE == 0 && self.recorder.is_none() {
            self.memo.insert(offset, outcome);
        }
        outcome
    }

    /// AND: false beats undetermined beats true. Every child is evaluated: a failing AND reports
    /// what each failing child advises, and has the least ttl of all (DESIGN rulings B23, C4, ttl).
    fn all_of(&mut self, children: &'x [u32]) -> Outcome {
        self.children(
            children,
            |so_far, next| match (so_far, next) {
                (Truth::False, _) | (_, Truth::False) => Truth::False,
                (Truth::Undetermined, _) | (_, Truth::Undetermined) => Truth::Undetermined,
                _ => Truth::True,
            },
            Truth::True,
        )
    }

    fn any_of(&mut self, children: &'x [u32]) -> Outcome {
        self.children(
            children,
            |so_far, next| match (so_far, next) {
                (Truth::True, _) | (_, Truth::True) => Truth::True,
                (Truth::Undetermined, _) | (_, Truth::Undetermined) => Truth::Undetermined,
                _ => Truth::False,
            },
            Truth::False,
        )
    }

    fn children(
        &mut self,
        children: &'x [u32],
        join: impl Fn(Truth, Truth) -> Truth,
        start: Truth,
    ) -> Outcome {
        let mut total = Outcome::plain(start);
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for &child in children {
            let outcome = self.node(child);
            total.truth = join(total.truth, outcome.truth);
            total.ttl = total.ttl.min(outcome.ttl);
            total.terminates |= outcome.terminates;
            if outcome.advices.0 < outcome.advices.1 {
                runs.push(outcome.advices);
            }
        }
        if total.truth == Truth::True {
            total.terminates = false;
        } else {
            total.advices = match *runs.as_slice() {
                [] => (0, 0),
                [run] => run,
                _ => {
                    let start = self.advices.len();
                    for (from, to) in runs {
                        self.advices.extend_from_within(from as usize..to as usize);
                    }
                    (start as u32, self.advices.len() as u32)
                }
            };
        }
        total
    }

    /// Evaluates a leaf. Its advices are those pushed meanwhile, unless it is true.
    fn leaf(&mut self, kind: Kind, payload: &mut Payload<'x>) -> Outcome {
        let start = self.advices.len();
        let (truth, ttl) = self.leaf_truth(kind, payload);
        if truth == Truth::True {
            self.advices.truncate(start);
        }
        Outcome {
            truth,
            ttl,
            advices: (start as u32, self.advices.len() as u32),
            terminates: std::mem::take(&mut self.terminates),
        }
    }

    /// Reports what would satisfy a leaf that is not true.
    pub(super) fn advise(&mut self, name: &'x str, value: &'x str) {
        self.advices.push((name, Some(value)));
    }
}

/// Checks a node's payload: of the right shape, with children that lie before it. Gives the depth
/// of its tree; `None` where it is damaged or deeper than any compiled tree.
pub(crate) fn check_node(
    bundle: &Bundle,
    kind: u32,
    words: &[u32],
    before: &[(u32, usize)],
) -> Option<usize> {
    let depth_of = |child: &u32| {
        let place = before
            .binary_search_by_key(child, |&(offset, _)| offset)
            .ok()?;
        before.get(place).map(|&(_, depth)| depth)
    };
    let children = match Kind::of(kind)? {
        Kind::And | Kind::Or => words
            .split_first()
            .filter(|&(&n, children)| n as usize == children.len())
            .map(|(_, children)| children)?,
        Kind::Not => (words.len() == 1).then_some(words)?,
        kind => {
            let mut payload = Payload::new(words, &bundle.strings);
            super::condition::check_leaf(kind, &mut payload);
            return (!payload.damaged && payload.is_empty()).then_some(1);
        }
    };
    let mut deepest = 0;
    for child in children {
        deepest = depth_of(child)?.max(deepest);
    }
    (deepest <= MAX_TREE_DEPTH).then_some(deepest + 1)
}

/// What nodes came to in this request. A few are looked up one by one, many by number.
pub(super) struct Memo {
    few: [(u32, Outcome); FEW],
    count: usize,
    many: std::collections::BTreeMap<u32, Outcome>,
}

const FEW: usize = 12;

impl Default for Memo {
    fn default() -> Self {
        Self {
            few: [(0, Outcome::plain(Truth::Undetermined)); FEW],
            count: 0,
            many: std::collections::BTreeMap::new(),
        }
    }
}

impl Memo {
    fn get(&self, offset: u32) -> Option<Outcome> {
        let few = self.few.iter().take(self.count);
        few.filter(|(known, _)| *known == offset)
            .map(|&(_, outcome)| outcome)
            .next()
            .or_else(|| self.many.get(&offset).copied())
    }

    fn insert(&mut self, offset: u32, outcome: Outcome) {
        match self.few.get_mut(self.count) {
            Some(place) => {
                *place = (offset, outcome);
                self.count += 1;
            }
            None => {
                self.many.insert(offset, outcome);
            }
        }
    }
}
