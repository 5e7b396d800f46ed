//! Text patterns of `_queryFilter` on policy sets and resource types: regular expressions, as far as clients use them,
//! in which a `*` after an ordinary character stands for anything (`web*`).
//!
//! Known: `.` `[…]` `\d \w \s \.` groups, `(?:…)`, look-ahead `(?=…)` `(?!…)`, `|` `*` `+` `?` `{n,m}` `^` `$`. A pattern
//! covers the whole text, without regard to case. Matching counts its steps, so that no pattern can keep a worker busy.

mod matching;

use std::cell::Cell;

use crate::limits::{PATTERN_DEPTH, PATTERN_TERMS};
use matching::Matcher;

/// A parsed pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    root: Node,
}

/// Why a text is not compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// No pattern, or one with more than [`PATTERN_TERMS`] terms or groups deeper than [`PATTERN_DEPTH`].
    Malformed,
    /// More than [`PATTERN_STEPS`](crate::limits::PATTERN_STEPS) steps.
    TooLong,
}

#[derive(Debug, Clone)]
enum Node {
    Any,
    Char(char),
    Class {
        negated: bool,
        items: Vec<(char, char)>,
    },
    Start,
    End,
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: usize,
        most: usize,
    },
    Ahead {
        node: Box<Node>,
        negated: bool,
    },
}

impl Pattern {
    /// # Errors
    /// [`PatternError::Malformed`].
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let chars: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        let mut parser = Parser {
            chars: &chars,
            at: 0,
            terms: 0,
            depth: 0,
        };
        let root = parser.either().ok_or(PatternError::Malformed)?;
        if parser.at == chars.len() {
            Ok(Pattern { root })
        } else {
            Err(PatternError::Malformed)
        }
    }

    /// Whether the pattern covers the whole of `text`. `steps` is what all comparisons of a request may still take; each
    /// takes a part of it, for its length too.
    ///
    /// # Errors
    /// [`PatternError::TooLong`].
    pub(crate) fn covers(&self, text: &str, steps: &Cell<usize>) -> Result<bool, PatternError> {
        let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        let mut matcher = Matcher::new(&text);
        let covers = matcher.covers(&self.root);
        let taken = matcher.steps() + text.len();
        let left = steps.get().checked_sub(taken);
        steps.set(left.unwrap_or(0));
        match left {
            Some(_) => covers,
            None => Err(PatternError::TooLong),
        }
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    terms: usize,
    /// Groups that are open.
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = wanted
            .chars()
            .enumerate()
            .all(|(n, c)| self.chars.get(self.at + n) == Some(&c));
        if found {
            self.at += wanted.chars().count();
        }
        found
    }

    /// Counts what the pattern is made of: all of it costs time for each character of a text.
    fn count(&mut self) -> Option<()> {
        self.terms += 1;
        (self.terms <= PATTERN_TERMS).then_some(())
    }

    fn either(&mut self) -> Option<Node> {
        let mut branches = vec![self.sequence()?];
        while self.take("|") {
            self.count()?;
            branches.push(self.sequence()?);
        }
        if branches.len() == 1 {
            branches.pop()
        } else {
            Some(Node::Either(branches))
        }
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek().filter(|c| !"|)".contains(*c)) {
            self.count()?;
            if c == '*' {
                // After an ordinary character, or at the beginning, it stands for anything.
                self.at += 1;
                nodes.push(Node::Repeat {
                    node: Box::new(Node::Any),
                    least: 0,
                    most: usize::MAX,
                });
                continue;
            }
            let node = self.atom()?;
            let ordinary = matches!(node, Node::Char(_)) && c != '\\';
            nodes.push(self.quantified(node, ordinary)?);
        }
        Some(Node::Sequence(nodes))
    }

    fn quantified(&mut self, node: Node, ordinary: bool) -> Option<Node> {
        let (least, most) = match self.peek() {
            Some('*') if !ordinary => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => {
                let rest: String = self
                    .chars
                    .get(self.at + 1..)?
                    .iter()
                    .take_while(|c| **c != '}')
                    .collect();
                self.at += rest.chars().count() + 1;
                match rest.split_once(',') {
                    None => (rest.parse().ok()?, rest.parse().ok()?),
                    Some((least, "")) => (least.parse().ok()?, usize::MAX),
                    Some((least, most)) => (least.parse().ok()?, most.parse().ok()?),
                }
            }
            _ => return Some(node),
        };
        self.at += 1;
        // A lazy or possessive mark changes nothing for a match of the whole text.
        let _ = self.take("?") || self.take("+");
        Some(Node::Repeat {
            node: Box::new(node),
            least,
            most,
        })
    }

    fn atom(&mut self) -> Option<Node> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            '.' => Node::Any,
            '^' => Node::Start,
            '$' => Node::End,
            '[' => self.class()?,
            '\\' => {
                let escaped = self.peek()?;
                self.at += 1;
                escape(escaped)
            }
            '(' => {
                let ahead = if self.take("?!") {
                    Some(true)
                } else if self.take("?=") {
                    Some(false)
                } else {
                    None
                };
                let _ = ahead.is_none() && self.take("?:");
                self.depth += 1;
                if self.depth > PATTERN_DEPTH {
                    return None;
                }
                let inside = self.either()?;
                self.depth -= 1;
                if !self.take(")") {
                    return None;
                }
                match ahead {
                    Some(negated) => Node::Ahead {
                        node: Box::new(inside),
                        negated,
                    },
                    None => inside,
                }
            }
            '+' | '?' | '{' | ']' => return None,
            other => Node::Char(other),
        })
    }

    fn class(&mut self) -> Option<Node> {
        let negated = self.take("^");
        let mut items = Vec::new();
        loop {
            let mut c = self.peek()?;
            self.at += 1;
            match c {
                ']' if !items.is_empty() => return Some(Node::Class { negated, items }),
                '\\' => {
                    c = self.peek()?;
                    self.at += 1;
                    if let Node::Class { items: known, .. } = escape(c) {
                        self.count()?;
                        items.extend(known);
                        continue;
                    }
                }
                _ => {}
            }
            let end = match (self.peek(), self.chars.get(self.at + 1)) {
                (Some('-'), Some(end)) if *end != ']' => {
                    self.at += 2;
                    *end
                }
                _ => c,
            };
            self.count()?;
            items.push((c, end));
        }
    }
}

fn escape(c: char) -> Node {
    let items = match c {
        'd' => vec![('0', '9')],
        'w' => vec![('a', 'z'), ('0', '9'), ('_', '_')],
        's' => vec![(' ', ' '), ('\t', '\r')],
        other => return Node::Char(other),
    };
    Node::Class {
        negated: false,
        items,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::limits::FILTER_STEPS;

    #[test]
    fn patterns_cover_whole_texts() {
        for (pattern, text, covers) in [
            ("web", "WEB", true),
            ("web", "webs", false),
            ("web*", "webs and more", true),
            ("*shop*", "my shop 1", true),
            ("a*b", "axxb", true),
            ("^(?!sunAMDelegationService$).*", "shop", true),
            (
                "^(?!sunAMDelegationService$).*",
                "sunAMDelegationService",
                false,
            ),
            (
                "^(?!sunAMDelegationService$).*",
                "sunAMDelegationServices",
                true,
            ),
            ("(a|bc)+d?", "abcabcd", true),
            ("[a-c]{2,3}", "abc", true),
            ("[a-c]{2}", "abc", false),
            ("[^x]*", "abc", true),
            (r"\d+\.\w", "12.a", true),
            (r"a\*b", "a*b", true),
            ("", "", true),
            ("(?=ab).*", "abc", true),
            ("(a*)*", "aaa", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().covers(text, &steps()),
                Ok(covers),
                "{pattern} {text}"
            );
        }
        for bad in ["(", ")", "[", "a{x}", "+", "(?!a"] {
            assert_eq!(
                Pattern::parse(bad).err(),
                Some(PatternError::Malformed),
                "{bad}"
            );
        }
    }

    fn steps() -> Cell<usize> {
        Cell::new(FILTER_STEPS)
    }

    #[test]
    fn all_patterns_of_a_request_share_its_steps() {
        let (pattern, left) = (Pattern::parse(".*b").unwrap(), Cell::new(10_000));
        let text = "a".repeat(1000);
        assert_eq!(pattern.covers(&text, &left), Ok(false));
        assert!(left.get() < 9_000, "{left:?}");
        let later: Vec<_> = (0..9).map(|_| pattern.covers(&text, &left)).collect();
        assert_eq!(later.last(), Some(&Err(PatternError::TooLong)));
    }

    #[test]
    fn steps_and_terms_are_bounded() {
        let pattern = Pattern::parse("(.+)+(.+)+(.+)+x").unwrap();
        assert_eq!(
            pattern.covers(&"a".repeat(60), &steps()),
            Err(PatternError::TooLong)
        );
        assert!(Pattern::parse(&"a".repeat(PATTERN_TERMS)).is_ok());
        assert!(Pattern::parse(&"a".repeat(PATTERN_TERMS + 1)).is_err());
        assert!(Pattern::parse(&"|".repeat(PATTERN_TERMS + 1)).is_err());
        let class = format!("[{}]", "a".repeat(PATTERN_TERMS));
        assert!(Pattern::parse(&class).is_err());
        let nested = |n: usize| "(".repeat(n) + "a" + &")".repeat(n);
        assert_eq!(
            Pattern::parse(&nested(PATTERN_DEPTH))
                .unwrap()
                .covers("a", &steps()),
            Ok(true)
        );
        assert!(Pattern::parse(&nested(PATTERN_DEPTH + 1)).is_err());
    }

    #[test]
    fn a_long_text_needs_no_more_stack_than_a_short_one() {
        let text = "a".repeat(40_000);
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        let matched = small.spawn(move || {
            for (pattern, covers) in [
                (".*b", Ok(false)),
                (".*", Ok(true)),
                ("(?:a)+", Ok(true)),
                ("(?=.*a$)a", Ok(false)),
                (r"\w{40000}", Ok(true)),
                ("(){90000}.*x", Err(PatternError::TooLong)),
            ] {
                let pattern = Pattern::parse(pattern).unwrap();
                assert_eq!(pattern.covers(&text, &steps()), covers, "{pattern:?}");
            }
        });
        matched.unwrap().join().unwrap();
    }
}
