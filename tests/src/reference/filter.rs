//! LDAPFilter: RFC 4515 over the profile (conditions.md §2.11).

use super::facts::Facts;
use super::fold::fold;
use super::truth::Truth;

/// A filter's syntax tree.
enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Present(String),
    /// Literal pieces with a `*` between each two.
    Pieces(String, Vec<String>),
    AtLeast(String, String),
    AtMost(String, String),
    /// Attribute, rule, value; without an attribute nothing tells what the rule applies to.
    Extensible(Option<String>, Option<String>, String),
}

/// Whether the user's entry satisfies the filter; undetermined without a profile or with a filter that cannot be read. An entry
/// always has attributes: an empty profile is none.
pub(super) fn holds(text: &str, facts: Facts<'_>) -> Truth {
    let text = text.trim();
    let whole = if text.starts_with('(') {
        text.to_owned()
    } else {
        format!("({text})")
    };
    let Some(profile) = facts.subject("profile") else {
        return Truth::Undetermined;
    };
    let nobody = profile.as_object().is_some_and(|entry| entry.is_empty());
    match filter(&whole) {
        Some((_, rest)) if nobody && rest.trim().is_empty() => Truth::False,
        Some((parsed, rest)) if rest.trim().is_empty() => matches(&parsed, facts).into(),
        _ => Truth::Undetermined,
    }
}

fn filter(text: &str) -> Option<(Filter, &str)> {
    let inner = text.trim_start().strip_prefix('(')?.trim_start();
    if let Some(rest) = inner.strip_prefix('&') {
        let (children, rest) = list(rest)?;
        return Some((Filter::All(children), rest));
    }
    if let Some(rest) = inner.strip_prefix('|') {
        let (children, rest) = list(rest)?;
        return Some((Filter::Any(children), rest));
    }
    if let Some(rest) = inner.strip_prefix('!') {
        let (child, rest) = filter(rest)?;
        return Some((
            Filter::Not(Box::new(child)),
            rest.trim_start().strip_prefix(')')?,
        ));
    }
    let (item, rest) = inner.split_once(')')?;
    Some((simple(item)?, rest))
}

fn list(mut text: &str) -> Option<(Vec<Filter>, &str)> {
    let mut children = Vec::new();
    loop {
        let trimmed = text.trim_start();
        if let Some(rest) = trimmed.strip_prefix(')') {
            return Some((children, rest));
        }
        let (child, rest) = filter(trimmed)?;
        children.push(child);
        text = rest;
    }
}

fn simple(item: &str) -> Option<Filter> {
    let (left, value) = item.split_once('=')?;
    if let Some(name) = left.strip_suffix('>') {
        return Some(Filter::AtLeast(name.trim().to_owned(), unescape(value)?));
    }
    if let Some(name) = left.strip_suffix('<') {
        return Some(Filter::AtMost(name.trim().to_owned(), unescape(value)?));
    }
    if let Some(left) = left.strip_suffix(':') {
        let mut parts: Vec<&str> = left.split(':').collect();
        let name = Some(parts.remove(0)).filter(|n| !n.is_empty());
        // The facts hold no parts of the entry's name, which `dn` would add.
        if parts.first().is_some_and(|p| p.eq_ignore_ascii_case("dn")) {
            parts.remove(0);
        }
        let rule = parts.first().map(|r| r.to_ascii_lowercase());
        return Some(Filter::Extensible(
            name.map(str::to_owned),
            rule,
            unescape(value)?,
        ));
    }
    let name = left.strip_suffix('~').unwrap_or(left).trim().to_owned();
    if value == "*" {
        return Some(Filter::Present(name));
    }
    let pieces: Option<Vec<String>> = value.split('*').map(unescape).collect();
    Some(Filter::Pieces(name, pieces?))
}

fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' {
            let pair = std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?;
            out.push(u8::from_str_radix(pair, 16).ok()?);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}

fn matches(filter: &Filter, facts: Facts<'_>) -> bool {
    let any = |name: &str, test: &dyn Fn(&str) -> bool| {
        let values = facts.profile(name).unwrap_or_default();
        values.iter().any(|v| test(v))
    };
    match filter {
        Filter::All(children) => children.iter().all(|c| matches(c, facts)),
        Filter::Any(children) => children.iter().any(|c| matches(c, facts)),
        Filter::Not(child) => !matches(child, facts),
        Filter::Present(name) => any(name, &|_| true),
        Filter::Pieces(name, pieces) => match pieces.as_slice() {
            [whole] => any(name, &|v| equal(v, whole)),
            _ => any(name, &|v| pieces_match(pieces, &prepared(v))),
        },
        Filter::AtLeast(name, bound) => any(name, &|v| compare(v, bound).is_ge()),
        Filter::AtMost(name, bound) => any(name, &|v| compare(v, bound).is_le()),
        Filter::Extensible(None, ..) => false,
        Filter::Extensible(Some(name), rule, wanted) => any(name, &|v| match rule.as_deref() {
            None | Some("caseignorematch" | "2.5.13.2") => equal(v, wanted),
            Some("caseexactmatch" | "2.5.13.5") => spaced(&mapped(v)) == spaced(&mapped(wanted)),
            Some("integermatch" | "2.5.13.14") => whole(v).is_some() && whole(v) == whole(wanted),
            Some("1.2.840.113556.1.4.803") => bits(v, wanted).is_some_and(|(v, m)| v & m == m),
            Some("1.2.840.113556.1.4.804") => bits(v, wanted).is_some_and(|(v, m)| v & m != 0),
            Some(_) => false,
        }),
    }
}

fn equal(value: &str, wanted: &str) -> bool {
    prepared(value) == prepared(wanted)
}

/// A value, or what a value is compared with, prepared as RFC 4518 says: mapped, letter case folded, spaces made significant.
fn prepared(value: &str) -> String {
    spaced(&fold(&mapped(value)))
}

/// RFC 4518 §2.2: spaces of all kinds are spaces, what cannot be seen is nothing.
fn mapped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let code = u32::from(c);
        let within = |ranges: &[(u32, u32)]| {
            ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&code))
        };
        if within(&SPACES) {
            out.push(' ');
        } else if !within(&NOTHING) {
            out.push(c);
        }
    }
    out
}

/// Controls that move to another place or line, and the separators of Unicode.
const SPACES: [(u32, u32); 10] = [
    (0x09, 0x0d),
    (0x20, 0x20),
    (0x85, 0x85),
    (0xa0, 0xa0),
    (0x1680, 0x1680),
    (0x2000, 0x200a),
    (0x2028, 0x2029),
    (0x202f, 0x202f),
    (0x205f, 0x205f),
    (0x3000, 0x3000),
];

/// Soft hyphens, joiners, variation selectors, the object replacement character, the zero width space and all other controls.
const NOTHING: [(u32, u32); 18] = [
    (0x00, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x034f, 0x034f),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x1806, 0x1806),
    (0x180b, 0x180e),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x2063),
    (0x206a, 0x206f),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffc),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
];

/// One space at each end, two between words (RFC 4518 §2.6.1).
fn spaced(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').filter(|w| !w.is_empty()).collect();
    if words.is_empty() {
        "  ".to_owned()
    } else {
        format!(" {} ", words.join("  "))
    }
}

/// Where a piece of a substring filter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Initial,
    Any,
    Final,
}

/// A piece of a substring filter: spaces count where it begins or ends with them, or where the value begins or ends.
fn prepared_piece(piece: &str, place: Place) -> String {
    let folded = fold(&mapped(piece));
    let words: Vec<&str> = folded.split(' ').filter(|w| !w.is_empty()).collect();
    if words.is_empty() {
        return " ".to_owned();
    }
    let before = place == Place::Initial || folded.starts_with(' ');
    let after = place == Place::Final || folded.ends_with(' ');
    let space = |there: bool| if there { " " } else { "" };
    format!("{}{}{}", space(before), words.join("  "), space(after))
}

/// A whole number: whether it is negative, and its digits without zeros in front.
fn whole(text: &str) -> Option<(bool, String)> {
    let text = text.trim_matches(' ');
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0').to_owned();
    Some((text.starts_with('-') && !digits.is_empty(), digits))
}

/// Two numbers of 64 bits.
fn bits(value: &str, mask: &str) -> Option<(i64, i64)> {
    let number = |text: &str| {
        whole(text)?;
        text.trim_matches(' ').parse().ok()
    };
    Some((number(value)?, number(mask)?))
}

/// Numbers by value, other texts by their characters.
fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    match (whole(a), whole(b)) {
        (Some((false, a)), Some((false, b))) => (a.len(), a).cmp(&(b.len(), b)),
        (Some((true, a)), Some((true, b))) => (b.len(), b).cmp(&(a.len(), a)),
        (Some((a, _)), Some((b, _))) => b.cmp(&a),
        _ => prepared(a).cmp(&prepared(b)),
    }
}

/// Whether the value is the pieces with anything between them; the first and the last may be empty.
fn pieces_match(pieces: &[String], value: &str) -> bool {
    // Every place of the value up to which the pieces so far can reach.
    let mut places = vec![0];
    for (n, piece) in pieces.iter().enumerate() {
        let place = match n {
            0 => Place::Initial,
            n if n + 1 == pieces.len() => Place::Final,
            _ => Place::Any,
        };
        let piece = if piece.is_empty() {
            String::new()
        } else {
            prepared_piece(piece, place)
        };
        let first = places.first().copied().unwrap_or(0);
        let starts: Vec<usize> = if place == Place::Initial {
            places
        } else {
            (first..=value.len()).collect()
        };
        places = starts
            .into_iter()
            .filter(|at| {
                value
                    .get(*at..)
                    .is_some_and(|rest| rest.starts_with(&piece))
            })
            .map(|at| at + piece.len())
            .collect();
        if places.is_empty() {
            return false;
        }
    }
    places.contains(&value.len())
}
