//! Wildcards by plain recursion over characters (evaluation.md §3.3 and §4.6, rulings B1, B17, B22).

use super::fold::fold;

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
        covers(&self.steps, &text)
    }

    /// Whether the pattern covers at least one text that begins so.
    pub(super) fn covers_some_with_prefix(&self, prefix: &str) -> bool {
        let prefix: Vec<char> = fold(prefix).chars().collect();
        extends(&self.steps, &prefix)
    }
}

fn covers(steps: &[Step], text: &[char]) -> bool {
    let Some((step, later)) = steps.split_first() else {
        return text.is_empty();
    };
    match step {
        Step::Literal(c) => text
            .split_first()
            .is_some_and(|(first, rest)| first == c && covers(later, rest)),
        Step::Run => (0..=text.len()).any(|n| covers(later, text.split_at(n).1)),
        Step::Level if later.is_empty() => one_level(text),
        Step::Level => (0..=text.len()).any(|n| {
            let (taken, rest) = text.split_at(n);
            !taken.contains(&'/') && covers(later, rest)
        }),
    }
}

fn extends(steps: &[Step], prefix: &[char]) -> bool {
    if prefix.is_empty() {
        return true;
    }
    let Some((step, later)) = steps.split_first() else {
        return false;
    };
    match step {
        Step::Literal(c) => prefix
            .split_first()
            .is_some_and(|(first, rest)| first == c && extends(later, rest)),
        Step::Run => true,
        Step::Level if later.is_empty() => one_level(prefix),
        Step::Level => (0..=prefix.len()).any(|n| {
            let (taken, rest) = prefix.split_at(n);
            !taken.contains(&'/') && extends(later, rest)
        }),
    }
}

/// No `/`, save one at the very end.
fn one_level(text: &[char]) -> bool {
    match text.split_last() {
        None => true,
        Some((_, before)) => !before.contains(&'/'),
    }
}
