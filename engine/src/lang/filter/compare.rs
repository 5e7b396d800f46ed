//! Comparisons of attribute values: caseIgnoreMatch and its kin (RFC 4517 §4.2) without a schema.
//!
//! Texts are compared as RFC 4518 prepares them: mapped (§2.2), with letter case folded, and with insignificant spaces handled
//! (§2.6.1): none at either end count, and a run of them is one. Two of its steps are left out: values are taken as they are
//! composed (§2.3 needs Unicode's tables, which would outweigh the module), and nothing is prohibited (§2.4). Nothing is allocated,
//! save for substrings.

use core::cmp::Ordering;

use crate::resource::fold::fold_char;

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
    let value = match words(&prepared(value)) {
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
    let text = prepared(text);
    let words = words(&text);
    if words.is_empty() {
        return " ".to_owned();
    }
    let before = edge == Edge::Start || text.starts_with(' ');
    let behind = edge == Edge::End || text.ends_with(' ');
    let space = |there: bool| if there { " " } else { "" };
    format!("{}{words}{}", space(before), space(behind))
}

/// A text mapped and folded, its spaces as they are.
fn prepared(text: &str) -> String {
    text.chars()
        .filter_map(mapped)
        .flat_map(fold_char)
        .collect()
}

/// The words of a prepared text, two spaces between them.
fn words(prepared: &str) -> String {
    let words: Vec<&str> = prepared.split(' ').filter(|w| !w.is_empty()).collect();
    words.join("  ")
}

/// An extensible match: caseIgnoreMatch without a rule, otherwise the rules caseIgnoreMatch, caseExactMatch, integerMatch and the
/// two bit rules of Active Directory, by lower-cased name or OID. Any other rule matches nothing.
pub fn extensible(rule: Option<&str>, value: &str, asserted: &str) -> bool {
    match rule {
        None | Some("caseignorematch" | "2.5.13.2") => equals(value, asserted),
        Some("caseexactmatch" | "2.5.13.5") => exact(value).eq(exact(asserted)),
        Some("integermatch" | "2.5.13.14") => Whole::read(value)
            .zip(Whole::read(asserted))
            .is_some_and(|(value, asserted)| value == asserted),
        Some("1.2.840.113556.1.4.803") => {
            bits(value, asserted).is_some_and(|(value, mask)| value & mask == mask)
        }
        Some("1.2.840.113556.1.4.804") => {
            bits(value, asserted).is_some_and(|(value, mask)| value & mask != 0)
        }
        Some(_) => false,
    }
}

/// Both as the 64-bit numbers that Active Directory's rules are defined for.
fn bits(value: &str, mask: &str) -> Option<(i64, i64)> {
    Whole::read(value)?.bits().zip(Whole::read(mask)?.bits())
}

fn order(value: &str, asserted: &str) -> Ordering {
    match Whole::read(value).zip(Whole::read(asserted)) {
        Some((value, asserted)) => value.cmp(&asserted),
        None => squeezed(value).cmp(squeezed(asserted)),
    }
}

/// A whole number of any size, as text: digits, perhaps a minus before them, spaces around (RFC 4517 §3.3.16, which knows no plus;
/// zeros in front are tolerated).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Whole<'t> {
    negative: bool,
    /// Without zeros in front; none at all for zero.
    digits: &'t str,
}

impl<'t> Whole<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let text = text.trim_matches(' ');
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        Some(Self {
            negative: negative && !digits.is_empty(),
            digits,
        })
    }

    fn bits(self) -> Option<i64> {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}0{}", self.digits).parse().ok()
    }
}

impl Ord for Whole<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |number: &Self| (number.digits.len(), number.digits);
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(self).cmp(&size(other)),
            (true, true) => size(other).cmp(&size(self)),
        }
    }
}

impl PartialOrd for Whole<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a character is mapped to (RFC 4518 §2.2): every kind of space to a space, what cannot be seen to nothing.
fn mapped(character: char) -> Option<char> {
    match character {
        '\t'..='\r' | '\u{85}' => Some(' '),
        ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' => Some(' '),
        '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        // Control codes and functions.
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' => None,
        '\u{6dd}' | '\u{70f}' | '\u{180e}' | '\u{200c}'..='\u{200f}' => None,
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2063}' | '\u{206a}'..='\u{206f}' => None,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' => None,
        '\u{e0001}' | '\u{e0020}'..='\u{e007f}' => None,
        // Hyphens that show only at a line's end, joiners, variation selectors, the zero width space, the object replacement.
        '\u{ad}' | '\u{1806}' | '\u{34f}' | '\u{180b}'..='\u{180d}' => None,
        '\u{fe00}'..='\u{fe0f}' | '\u{200b}' | '\u{fffc}' => None,
        other => Some(other),
    }
}

/// The characters of a text as they are compared.
fn squeezed(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    squeeze(text.chars().filter_map(mapped).flat_map(fold_char))
}

/// The same where letter case counts.
fn exact(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    squeeze(text.chars().filter_map(mapped))
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
