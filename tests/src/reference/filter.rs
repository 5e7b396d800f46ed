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
}

/// Whether the user's entry satisfies the filter; undetermined without a profile or with a filter that cannot be read.
pub(super) fn holds(text: &str, facts: Facts<'_>) -> Truth {
    let text = text.trim();
    let whole = if text.starts_with('(') {
        text.to_owned()
    } else {
        format!("({text})")
    };
    if facts.subject("profile").is_none() {
        return Truth::Undetermined;
    }
    match filter(&whole) {
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
    let name = left.strip_suffix('~').unwrap_or(left);
    let name = name.strip_suffix(':').unwrap_or(name).trim().to_owned();
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
        values.iter().any(|v| test(&prepared(v)))
    };
    match filter {
        Filter::All(children) => children.iter().all(|c| matches(c, facts)),
        Filter::Any(children) => children.iter().any(|c| matches(c, facts)),
        Filter::Not(child) => !matches(child, facts),
        Filter::Present(name) => any(name, &|_| true),
        Filter::Pieces(name, pieces) => match pieces.as_slice() {
            [whole] => any(name, &|v| v == prepared(whole)),
            _ => any(name, &|v| pieces_match(pieces, v)),
        },
        Filter::AtLeast(name, bound) => any(name, &|v| compare(v, &prepared(bound)).is_ge()),
        Filter::AtMost(name, bound) => any(name, &|v| compare(v, &prepared(bound)).is_le()),
    }
}

/// A value, or what a value is compared with: letter case folded, one space at each end, two between words (RFC 4518 §2.6.1).
fn prepared(value: &str) -> String {
    let folded = fold(value);
    let words: Vec<&str> = folded.split(' ').filter(|w| !w.is_empty()).collect();
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
    let folded = fold(piece);
    let words: Vec<&str> = folded.split(' ').filter(|w| !w.is_empty()).collect();
    if words.is_empty() {
        return " ".to_owned();
    }
    let before = place == Place::Initial || folded.starts_with(' ');
    let after = place == Place::Final || folded.ends_with(' ');
    let space = |there: bool| if there { " " } else { "" };
    format!("{}{}{}", space(before), words.join("  "), space(after))
}

/// Numbers by value, other texts by their characters.
fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    match (a.trim().parse::<i64>(), b.trim().parse::<i64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

/// Whether the value is the pieces with anything between them; the first and the last may be empty.
fn pieces_match(pieces: &[String], value: &str) -> bool {
    let mut parts: Vec<String> = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        let place = match n {
            0 => Place::Initial,
            n if n + 1 == pieces.len() => Place::Final,
            _ => Place::Any,
        };
        parts.push(if piece.is_empty() {
            String::new()
        } else {
            prepared_piece(piece, place)
        });
    }
    in_order(&parts, value)
}

fn in_order(parts: &[String], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return false;
    };
    let Some(text) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    if rest.is_empty() {
        return text.is_empty();
    }
    let starts = text.char_indices().map(|(n, _)| n).chain([text.len()]);
    starts
        .filter_map(|n| text.get(n..))
        .any(|later| in_order(rest, later))
}
