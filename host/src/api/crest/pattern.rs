//! Text patterns of `_queryFilter` on policy sets and resource types: regular expressions, as far as clients use them,
//! in which a `*` after an ordinary character stands for anything (`web*`).
//!
//! Known: `.` `[…]` `\d \w \s \.` groups, `(?:…)`, look-ahead `(?=…)` `(?!…)`, `|` `*` `+` `?` `{n,m}` `^` `$`. A pattern
//! covers the whole text, without regard to case. Matching counts its steps, so that no pattern can keep a worker busy.

use crate::limits::{PATTERN_STEPS, PATTERN_TERMS};

/// A parsed pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    root: Node,
}

/// Why a text is not compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// No pattern, or one with more than [`PATTERN_TERMS`] terms.
    Malformed,
    /// More than [`PATTERN_STEPS`] steps.
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
        };
        let root = parser.either().ok_or(PatternError::Malformed)?;
        if parser.at == chars.len() {
            Ok(Pattern { root })
        } else {
            Err(PatternError::Malformed)
        }
    }

    /// Whether the pattern covers the whole of `text`.
    ///
    /// # Errors
    /// [`PatternError::TooLong`].
    pub(crate) fn covers(&self, text: &str) -> Result<bool, PatternError> {
        let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        let mut matcher = Matcher {
            text: &text,
            steps: 0,
        };
        let end = text.len();
        matcher.run(&self.root, 0, &mut |_, at| Ok(at == end))
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    terms: usize,
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

    fn either(&mut self) -> Option<Node> {
        let mut branches = vec![self.sequence()?];
        while self.take("|") {
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
            self.terms += 1;
            if self.terms > PATTERN_TERMS {
                return None;
            }
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
                let inside = self.either()?;
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

struct Matcher<'a> {
    text: &'a [char],
    steps: usize,
}

type Then<'t, 'a> = &'t mut dyn FnMut(&mut Matcher<'a>, usize) -> Result<bool, PatternError>;

impl<'a> Matcher<'a> {
    /// Whether `node` matches at `at` in a way that lets the rest match, too.
    fn run(&mut self, node: &Node, at: usize, then: Then<'_, 'a>) -> Result<bool, PatternError> {
        self.steps += 1;
        if self.steps > PATTERN_STEPS {
            return Err(PatternError::TooLong);
        }
        let one = |yes: bool| if yes { Some(at + 1) } else { None };
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
                let found = self.run(node, at, &mut |_, _| Ok(true))?;
                (found != *negated).then_some(at)
            }
            Node::Sequence(nodes) => return self.sequence(nodes, at, then),
            Node::Either(branches) => {
                for branch in branches {
                    if self.run(branch, at, then)? {
                        return Ok(true);
                    }
                }
                None
            }
            Node::Repeat { node, least, most } => {
                return self.repeat(node, (*least, *most), at, then);
            }
        };
        match next {
            Some(next) => then(self, next),
            None => Ok(false),
        }
    }

    fn sequence(
        &mut self,
        nodes: &[Node],
        at: usize,
        then: Then<'_, 'a>,
    ) -> Result<bool, PatternError> {
        match nodes.split_first() {
            None => then(self, at),
            Some((first, rest)) => self.run(first, at, &mut |matcher, at| {
                matcher.sequence(rest, at, then)
            }),
        }
    }

    fn repeat(
        &mut self,
        node: &Node,
        (least, most): (usize, usize),
        at: usize,
        then: Then<'_, 'a>,
    ) -> Result<bool, PatternError> {
        if most > 0 {
            let again = (
                least.saturating_sub(1),
                most.saturating_sub(usize::from(most != usize::MAX)),
            );
            let more = self.run(node, at, &mut |matcher, next| {
                // A repetition that takes nothing would never end.
                if next == at && least == 0 {
                    Ok(false)
                } else {
                    matcher.repeat(node, again, next, then)
                }
            })?;
            if more {
                return Ok(true);
            }
        }
        if least == 0 {
            then(self, at)
        } else {
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

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
                Pattern::parse(pattern).unwrap().covers(text),
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

    #[test]
    fn steps_and_terms_are_bounded() {
        let pattern = Pattern::parse("(.+)+(.+)+(.+)+x").unwrap();
        assert_eq!(pattern.covers(&"a".repeat(60)), Err(PatternError::TooLong));
        assert!(Pattern::parse(&"a".repeat(PATTERN_TERMS)).is_ok());
        assert!(Pattern::parse(&"a".repeat(PATTERN_TERMS + 1)).is_err());
    }
}
