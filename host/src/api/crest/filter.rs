//! `_queryFilter`: CREST's filter language, read into a tree.
//!
//! ```text
//! or := and { "or" and }     and := not { "and" not }     not := "!" primary | primary
//! primary := "(" or ")" | "true" | "false" | pointer "pr" | pointer operator value
//! ```
//! Keywords go without regard to case; `and` binds tighter than `or`. `!` stands alone: before anything but a space or
//! a bracket it belongs to the word that it begins.

use std::cmp::Ordering;

use crate::api::error::ApiError;
use crate::limits::{FILTER_COMPARISONS, FILTER_DEPTH};

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Literal(bool),
    Present(Field),
    Compare(Field, Operator, Literal),
}

/// The JSON pointer on the left of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field(pub(crate) Vec<String>);

/// How a field is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Contains,
    StartsWith,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// A name that CREST leaves to the endpoint.
    Extended(String),
}

impl Operator {
    /// Whether it holds between two values in this order; never for what compares texts only.
    pub(crate) fn accepts(&self, order: Ordering) -> bool {
        match self {
            Operator::Equal => order.is_eq(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Contains | Operator::StartsWith | Operator::Extended(_) => false,
        }
    }
}

/// The value on the right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Integer(i64),
    Real(f64),
    Boolean(bool),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// 400 in CREST's words for what is none, is nested deeper than [`FILTER_DEPTH`], or has more comparisons than
    /// [`FILTER_COMPARISONS`].
    pub(crate) fn parse(text: &str) -> Result<Filter, ApiError> {
        let mut parser = Parser {
            rest: text,
            comparisons: 0,
            bound: None,
        };
        let filter = parser
            .or(0)
            .filter(|_| parser.rest.trim_start_matches(' ').is_empty());
        filter.ok_or_else(|| {
            let bound = parser.bound.unwrap_or_default();
            ApiError::bad_request(format!(
                "The value '{text}' for parameter '_queryFilter' could not be parsed as a valid query filter{bound}"
            ))
        })
    }

    /// The filters that must all hold, where this is nothing but a conjunction.
    pub(crate) fn conjuncts(&self) -> Vec<&Filter> {
        match self {
            Filter::And(parts) => parts.iter().flat_map(Filter::conjuncts).collect(),
            other => vec![other],
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, parts: &[Filter], word: &str| {
            f.write_str("(")?;
            for (n, part) in parts.iter().enumerate() {
                write!(f, "{}{part}", if n == 0 { "" } else { word })?;
            }
            f.write_str(")")
        };
        match self {
            Filter::And(parts) => list(f, parts, " and "),
            Filter::Or(parts) => list(f, parts, " or "),
            Filter::Not(part) => write!(f, "! ({part})"),
            Filter::Literal(value) => write!(f, "{value}"),
            Filter::Present(field) => write!(f, "{field} pr"),
            Filter::Compare(field, operator, value) => write!(f, "{field} {operator} {value}"),
        }
    }
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Operator::Equal => "eq",
            Operator::Contains => "co",
            Operator::StartsWith => "sw",
            Operator::Less => "lt",
            Operator::LessOrEqual => "le",
            Operator::Greater => "gt",
            Operator::GreaterOrEqual => "ge",
            Operator::Extended(name) => name,
        })
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Literal::Text(text) => {
                write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Literal::Integer(n) => write!(f, "{n}"),
            Literal::Real(n) => write!(f, "{n}"),
            Literal::Boolean(value) => write!(f, "{value}"),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    comparisons: usize,
    /// The bound that it is beyond.
    bound: Option<String>,
}

enum Token {
    Open,
    Close,
    Not,
    Word(String),
    Quoted(String),
}

impl<'a> Parser<'a> {
    fn or(&mut self, depth: usize) -> Option<Filter> {
        let mut parts = vec![self.and(depth)?];
        while self.keyword("or") {
            parts.push(self.and(depth)?);
        }
        if parts.len() == 1 {
            parts.pop()
        } else {
            Some(Filter::Or(parts))
        }
    }

    fn and(&mut self, depth: usize) -> Option<Filter> {
        let mut parts = vec![self.not(depth)?];
        while self.keyword("and") {
            parts.push(self.not(depth)?);
        }
        if parts.len() == 1 {
            parts.pop()
        } else {
            Some(Filter::And(parts))
        }
    }

    fn not(&mut self, depth: usize) -> Option<Filter> {
        match self.token()? {
            Token::Not => {
                let token = self.token()?;
                Some(Filter::Not(Box::new(self.primary(token, depth + 1)?)))
            }
            token => self.primary(token, depth),
        }
    }

    fn primary(&mut self, first: Token, depth: usize) -> Option<Filter> {
        if depth > FILTER_DEPTH {
            self.bound = Some(format!(": it is nested deeper than {FILTER_DEPTH}"));
            return None;
        }
        self.comparisons += usize::from(matches!(first, Token::Word(_)));
        if self.comparisons > FILTER_COMPARISONS {
            self.bound = Some(format!(
                ": it has more than {FILTER_COMPARISONS} comparisons"
            ));
            return None;
        }
        match first {
            Token::Open => {
                let inside = self.or(depth + 1)?;
                matches!(self.token()?, Token::Close).then_some(inside)
            }
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Some(Filter::Literal(true)),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Some(Filter::Literal(false)),
            Token::Word(pointer) => self.comparison(field(&pointer)),
            Token::Not | Token::Close | Token::Quoted(_) => None,
        }
    }

    fn comparison(&mut self, field: Field) -> Option<Filter> {
        let Token::Word(word) = self.token()? else {
            return None;
        };
        let operator = match word.to_ascii_lowercase().as_str() {
            "pr" => return Some(Filter::Present(field)),
            "eq" => Operator::Equal,
            "co" => Operator::Contains,
            "sw" => Operator::StartsWith,
            "lt" => Operator::Less,
            "le" => Operator::LessOrEqual,
            "gt" => Operator::Greater,
            "ge" => Operator::GreaterOrEqual,
            _ if word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.".contains(c)) =>
            {
                Operator::Extended(word)
            }
            _ => return None,
        };
        let value = match self.token()? {
            Token::Quoted(text) => Literal::Text(text),
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            Token::Word(word) if word.contains('.') => Literal::Real(word.parse().ok()?),
            Token::Word(word) => Literal::Integer(word.parse().ok()?),
            _ => return None,
        };
        Some(Filter::Compare(field, operator, value))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        let found =
            matches!(self.token(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        if !found {
            self.rest = before;
        }
        found
    }

    fn token(&mut self) -> Option<Token> {
        self.rest = self.rest.trim_start_matches(' ');
        let first = self.rest.chars().next()?;
        let after = self.rest.get(first.len_utf8()..)?;
        match first {
            '(' | ')' => {
                self.rest = after;
                Some(if first == '(' {
                    Token::Open
                } else {
                    Token::Close
                })
            }
            '!' if after.is_empty() || after.starts_with([' ', '(', ')']) => {
                self.rest = after;
                Some(Token::Not)
            }
            '"' | '\'' => self.quoted(first, after),
            _ => {
                let end = self.rest.find([' ', '(', ')']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                Some(Token::Word(word.to_owned()))
            }
        }
    }

    fn quoted(&mut self, quote: char, text: &'a str) -> Option<Token> {
        let mut out = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => out.push(chars.next()?.1),
                c if c == quote => {
                    self.rest = text.get(at + c.len_utf8()..)?;
                    return Some(Token::Quoted(out));
                }
                c => out.push(c),
            }
        }
        None
    }
}

/// A pointer as AM reads it: the slash before it and one after it say nothing.
fn field(pointer: &str) -> Field {
    let pointer = pointer.strip_prefix('/').unwrap_or(pointer);
    let pointer = pointer.strip_suffix('/').unwrap_or(pointer);
    let tokens = pointer.split('/');
    Field(
        tokens
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn filters_are_read_and_written() {
        for (text, written) in [
            ("true", "true"),
            ("name eq \"x\"", "/name eq \"x\""),
            ("/a/b EQ 'it''s'", ""),
            (
                "a eq 1 and b gt 2.5 or ! (c pr)",
                "((/a eq 1 and /b gt 2.5) or ! (/c pr))",
            ),
            (
                "name eq \"a\\\"b\" AND x sw 'c d'",
                "(/name eq \"a\\\"b\" and /x sw \"c d\")",
            ),
            ("!x pr", "/!x pr"),
            ("! x pr", "! (/x pr)"),
            ("/a/ eq 1", "/a eq 1"),
            ("a//b eq 1", "/a//b eq 1"),
            ("// eq 1", "/ eq 1"),
            ("!(x pr)", "! (/x pr)"),
            ("a zz true", "/a zz true"),
            (
                "name eq \"^(?!sunAMDelegationService$).*\"",
                "/name eq \"^(?!sunAMDelegationService$).*\"",
            ),
        ] {
            match Filter::parse(text) {
                Ok(filter) => assert_eq!(filter.to_string(), written, "{text}"),
                Err(_) => assert_eq!(written, "", "{text}"),
            }
        }
        for bad in [
            "",
            "name",
            "name eq",
            "name eq x",
            "!true",
            "( !true )",
            "!!(true)",
            "! ! (true)",
            "!",
            "!(",
            "(true",
            "true)",
            "a eq \"x",
            "and",
            "a eq 1 b",
            "\"a\" eq 1",
        ] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn comparisons_are_bounded() {
        for one in ["a pr", "true", "(!(a eq 1))"] {
            let joined = |n: usize| vec![one; n].join(" and ");
            assert!(Filter::parse(&joined(FILTER_COMPARISONS)).is_ok());
            assert!(Filter::parse(&joined(FILTER_COMPARISONS + 1)).is_err());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| format!("{}true{}", "(".repeat(n), ")".repeat(n));
        assert!(Filter::parse(&nested(FILTER_DEPTH)).is_ok());
        assert!(Filter::parse(&nested(FILTER_DEPTH + 1)).is_err());
    }
}
