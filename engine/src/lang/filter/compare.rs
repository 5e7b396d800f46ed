//! Comparisons of attribute values: caseIgnoreMatch and its kin (RFC 4517 §4.2) without a schema.
//!
//! Texts are compared character by character after lower-casing, with leading and trailing spaces dropped and runs of spaces
//! squeezed to one (RFC 4518 §2.6.1). Nothing is allocated.

use core::cmp::Ordering;

use crate::resource::fold;

/// caseIgnoreMatch; also used for approximate matches.
pub fn equals(value: &str, asserted: &str) -> bool {
    squeezed(value).eq(squeezed(asserted))
}

/// `>=`: as numbers when both are whole numbers, else as texts.
pub fn at_least(value: &str, asserted: &str) -> bool {
    order(value, asserted) != Ordering::Less
}

/// `<=`: as numbers when both are whole numbers, else as texts.
pub fn at_most(value: &str, asserted: &str) -> bool {
    order(value, asserted) != Ordering::Greater
}

/// caseIgnoreSubstringsMatch: the value starts with `initial`, ends with `last`, and holds `any` in order between them, without
/// overlap. Texts are prepared as RFC 4518 §2.6.1 says: a value has a space at either end and two between words, a part one where
/// it begins or ends with spaces, and where the value begins or ends; a part of spaces alone is one space.
pub fn substring<'a>(
    initial: Option<&str>,
    any: impl IntoIterator<Item = &'a str>,
    last: Option<&str>,
    value: &str,
) -> bool {
    let value = match words(value) {
        words if words.is_empty() => "  ".to_owned(),
        words => format!(" {words} "),
    };
    let mut rest = value.as_str();
    if let Some(initial) = initial {
        match rest.strip_prefix(part(initial, Edge::Start).as_str()) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    for wanted in any {
        match rest.split_once(part(wanted, Edge::Neither).as_str()) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    last.is_none_or(|last| rest.ends_with(part(last, Edge::End).as_str()))
}

/// Which end of the whole value a part of a substring match lies at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    Neither,
    End,
}

fn part(text: &str, edge: Edge) -> String {
    let words = words(text);
    if words.is_empty() {
        return " ".to_owned();
    }
    let before = edge == Edge::Start || text.starts_with(' ');
    let behind = edge == Edge::End || text.ends_with(' ');
    let space = |there: bool| if there { " " } else { "" };
    format!("{}{words}{}", space(before), space(behind))
}

/// The words of a text in lower case, two spaces between them.
fn words(text: &str) -> String {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    words.join("  ")
}

/// An extensible match: caseIgnoreMatch without a rule, otherwise the rules caseIgnoreMatch, caseExactMatch, integerMatch and the
/// two bit rules of Active Directory, by lower-cased name or OID. Any other rule matches nothing.
pub fn extensible(rule: Option<&str>, value: &str, asserted: &str) -> bool {
    match rule {
        None | Some("caseignorematch" | "2.5.13.2") => equals(value, asserted),
        Some("caseexactmatch" | "2.5.13.5") => squeeze(value.chars()).eq(squeeze(asserted.chars())),
        Some("integermatch" | "2.5.13.14") => {
            integers(value, asserted).is_some_and(|(value, asserted)| value == asserted)
        }
        Some("1.2.840.113556.1.4.803") => {
            integers(value, asserted).is_some_and(|(value, mask)| value & mask == mask)
        }
        Some("1.2.840.113556.1.4.804") => {
            integers(value, asserted).is_some_and(|(value, mask)| value & mask != 0)
        }
        Some(_) => false,
    }
}

fn order(value: &str, asserted: &str) -> Ordering {
    match integers(value, asserted) {
        Some((value, asserted)) => value.cmp(&asserted),
        None => squeezed(value).cmp(squeezed(asserted)),
    }
}

fn integers(value: &str, asserted: &str) -> Option<(i128, i128)> {
    Some((value.trim().parse().ok()?, asserted.trim().parse().ok()?))
}

/// The characters of a text as they are compared.
fn squeezed(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    squeeze(
        text.chars()
            .flat_map(char::to_lowercase)
            .map(|c| if c == 'ς' { 'σ' } else { c }),
    )
}

fn squeeze<I: Iterator<Item = char>>(characters: I) -> Squeeze<I> {
    Squeeze {
        characters,
        held: None,
        started: false,
    }
}

/// Drops leading and trailing spaces and squeezes runs of them.
#[derive(Clone)]
struct Squeeze<I> {
    characters: I,
    /// A character that was read behind a run of spaces.
    held: Option<char>,
    /// Whether spaces from here on are more than leading ones.
    started: bool,
}

impl<I: Iterator<Item = char>> Iterator for Squeeze<I> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let mut spaces = false;
        let next = loop {
            match self.characters.next() {
                Some(' ') => spaces = true,
                next => break next,
            }
        };
        if !spaces || !self.started {
            self.started |= next.is_some();
            return next;
        }
        match next {
            Some(_) => {
                self.held = next;
                Some(' ')
            }
            None => None,
        }
    }
}
