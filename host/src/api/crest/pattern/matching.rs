//! Matches a text with a pattern: step by step, and back to the latest choice where that leads nowhere.
//!
//! What is still to match and what is still to try lie in two lists, not on the stack: a text may be as long as whoever
//! wrote it likes.

use super::{Node, PatternError};
use crate::limits::PATTERN_STEPS;

/// One text, and the steps that it has taken.
pub(super) struct Matcher<'t> {
    text: &'t [char],
    steps: usize,
}

/// What is still to match behind something: a link of a chain in [`Run::rests`], the others of which it names by place.
#[derive(Clone, Copy)]
enum Rest<'p> {
    /// The text must be over.
    Over,
    /// Nothing: a look-ahead has seen enough.
    Nothing,
    Sequence {
        nodes: &'p [Node],
        then: usize,
    },
    /// A repetition of which one more round, begun at `began`, is just being matched.
    Rounds {
        rounds: Rounds<'p>,
        began: usize,
        then: usize,
    },
}

/// How often something is still to come.
#[derive(Clone, Copy)]
struct Rounds<'p> {
    node: &'p Node,
    least: usize,
    most: usize,
}

#[derive(Clone, Copy)]
enum Task<'p> {
    Match(&'p Node, usize),
    /// The first of these that matches.
    Branches(&'p [Node], usize),
    Rounds(Rounds<'p>, usize),
    Go(usize),
}

/// A choice that was not made yet.
struct Untried<'p> {
    task: Task<'p>,
    at: usize,
    /// How many links it may name: those that came later are of use to nobody.
    rests: usize,
}

struct Run<'p> {
    rests: Vec<Rest<'p>>,
    untried: Vec<Untried<'p>>,
}

impl<'t> Matcher<'t> {
    pub(super) fn new(text: &'t [char]) -> Self {
        Matcher { text, steps: 0 }
    }

    /// What it has taken so far.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Whether the pattern covers the whole text.
    ///
    /// # Errors
    /// [`PatternError::TooLong`].
    pub(super) fn covers(&mut self, root: &Node) -> Result<bool, PatternError> {
        self.run(root, 0, Rest::Over)
    }

    // INVARIANT: it calls itself for a look-ahead alone, so as deep as the pattern's groups.
    fn run(&mut self, root: &Node, start: usize, goal: Rest<'_>) -> Result<bool, PatternError> {
        let mut run = Run {
            rests: vec![goal],
            untried: Vec::new(),
        };
        let (mut task, mut at) = (Task::Match(root, 0), start);
        loop {
            let next = match task {
                Task::Match(node, then) => self.step(&mut run, node, at, then)?,
                Task::Branches(branches, then) => branches.split_first().map(|(first, others)| {
                    if !others.is_empty() {
                        run.leave(Task::Branches(others, then), at);
                    }
                    (Task::Match(first, then), at)
                }),
                Task::Rounds(rounds, then) => run.round(rounds, at, then),
                Task::Go(to) => match run.rests.get(to) {
                    Some(Rest::Nothing) => return Ok(true),
                    Some(Rest::Over) if at == self.text.len() => return Ok(true),
                    Some(Rest::Over) | None => None,
                    Some(rest) => run.go(*rest, at),
                },
            };
            (task, at) = match next.or_else(|| run.latest()) {
                Some(next) => next,
                None => return Ok(false),
            };
        }
    }

    /// Matches one node at `at`: what comes next and where, if it does.
    fn step<'p>(
        &mut self,
        run: &mut Run<'p>,
        node: &'p Node,
        at: usize,
        then: usize,
    ) -> Result<Option<(Task<'p>, usize)>, PatternError> {
        self.steps += 1;
        if self.steps > PATTERN_STEPS {
            return Err(PatternError::TooLong);
        }
        let one = |yes: bool| yes.then_some(at + 1);
        let next = match node {
            Node::Any => one(at < self.text.len()),
            Node::Char(c) => one(self.text.get(at) == Some(c)),
            Node::Class { negated, items } => {
                let inside = |c: &char| items.iter().any(|(from, to)| from <= c && c <= to);
                one(self.text.get(at).is_some_and(|c| inside(c) != *negated))
            }
            Node::Start => (at == 0).then_some(at),
            Node::End => (at == self.text.len()).then_some(at),
            Node::Ahead { node, negated } => {
                let found = self.run(node, at, Rest::Nothing)?;
                (found != *negated).then_some(at)
            }
            Node::Sequence(nodes) => return Ok(run.go(Rest::Sequence { nodes, then }, at)),
            Node::Either(branches) => return Ok(Some((Task::Branches(branches, then), at))),
            Node::Repeat { node, least, most } => {
                let (least, most) = (*least, *most);
                return Ok(Some((Task::Rounds(Rounds { node, least, most }, then), at)));
            }
        };
        Ok(next.map(|next| (Task::Go(then), next)))
    }
}

impl<'p> Run<'p> {
    fn go(&mut self, rest: Rest<'p>, at: usize) -> Option<(Task<'p>, usize)> {
        match rest {
            Rest::Over | Rest::Nothing => None,
            Rest::Sequence { nodes, then } => Some(match nodes.split_first() {
                None => (Task::Go(then), at),
                Some((first, nodes)) => {
                    let then = self.link(Rest::Sequence { nodes, then });
                    (Task::Match(first, then), at)
                }
            }),
            // A repetition that takes nothing would never end.
            Rest::Rounds { rounds, began, .. } if began == at && rounds.least == 0 => None,
            Rest::Rounds { rounds, then, .. } => {
                let endless = rounds.most == usize::MAX;
                let rounds = Rounds {
                    least: rounds.least.saturating_sub(1),
                    most: rounds.most.saturating_sub(usize::from(!endless)),
                    ..rounds
                };
                Some((Task::Rounds(rounds, then), at))
            }
        }
    }

    /// One more round, and where that leads nowhere, none, if there were enough.
    fn round(&mut self, rounds: Rounds<'p>, at: usize, then: usize) -> Option<(Task<'p>, usize)> {
        let enough = (rounds.least == 0).then_some((Task::Go(then), at));
        if rounds.most == 0 {
            return enough;
        }
        if enough.is_some() {
            self.leave(Task::Go(then), at);
        }
        let began = at;
        let next = self.link(Rest::Rounds {
            rounds,
            began,
            then,
        });
        Some((Task::Match(rounds.node, next), at))
    }

    fn link(&mut self, rest: Rest<'p>) -> usize {
        self.rests.push(rest);
        self.rests.len() - 1
    }

    fn leave(&mut self, task: Task<'p>, at: usize) {
        let rests = self.rests.len();
        self.untried.push(Untried { task, at, rests });
    }

    fn latest(&mut self) -> Option<(Task<'p>, usize)> {
        let Untried { task, at, rests } = self.untried.pop()?;
        self.rests.truncate(rests);
        Some((task, at))
    }
}
