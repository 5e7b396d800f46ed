//! Wildcards, by following every place that a text can be covered up to (evaluation.md §3.3 and §4.6, rulings B1, B17, B22).

use super::fold::fold;
use std::collections::BTreeSet;

/// One step of a wildcard pattern.
#[derive(Clone, Copy)]
enum Step {
    Literal(char),
    /// `*`: any run of characters.
    Run,
    /// `-*-`: any run without `/`; as the last step it may also take one final `/`.
    Level,
}

/// A wildcard pattern over one part of a name, compared without regard to case.
#[derive(Clone)]
pub(super) struct Glob {
    steps: Vec<Step>,
}

impl Glob {
    pub(super) fn new(text: &str) -> Glob {
        let mut steps = Vec::new();
        let folded = fold(text);
        let mut rest = folded.as_str();
        while let Some(first) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("-*-") {
                steps.push(Step::Level);
                rest = after;
            } else {
                steps.push(if first == '*' {
                    Step::Run
                } else {
                    Step::Literal(first)
                });
                rest = rest.get(first.len_utf8()..).unwrap_or("");
            }
        }
        Glob { steps }
    }

    /// Whether the pattern covers this text.
    pub(super) fn covers(&self, text: &str) -> bool {
        let text: Vec<char> = fold(text).chars().collect();
        self.walk(&text).0.contains(&text.len())
    }

    /// Whether the pattern covers at least one text that begins so.
    pub(super) fn covers_some_with_prefix(&self, prefix: &str) -> bool {
        let prefix: Vec<char> = fold(prefix).chars().collect();
        self.walk(&prefix).1
    }

    /// The places of the text up to which all steps can cover it, and whether its end was reached after any number of them: what
    /// steps are left then cover something more.
    fn walk(&self, text: &[char]) -> (BTreeSet<usize>, bool) {
        let end = text.len();
        let mut places = BTreeSet::from([0]);
        let mut reached_end = end == 0;
        for (n, step) in self.steps.iter().enumerate() {
            let last = n + 1 == self.steps.len();
            places = match step {
                Step::Literal(c) => places
                    .into_iter()
                    .filter(|p| text.get(*p) == Some(c))
                    .map(|p| p + 1)
                    .collect(),
                Step::Run => match places.first() {
                    Some(&first) => (first..=end).collect(),
                    None => BTreeSet::new(),
                },
                Step::Level => {
                    let mut taken = BTreeSet::new();
                    for place in places {
                        let level = text.iter().skip(place).take_while(|c| **c != '/').count();
                        taken.extend(place..=place + level);
                        if last && place + level + 1 == end {
                            taken.insert(end);
                        }
                    }
                    taken
                }
            };
            reached_end |= places.contains(&end);
        }
        (places, reached_end)
    }
}
