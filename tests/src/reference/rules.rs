//! ResourceEnvIP (conditions.md §2.13, ruling C12).

use super::address::{self, Address};
use super::authentication::{Level, in_realms, in_service, level, scheme_met};
use super::condition::is_blank;
use super::facts::{Facts, pieces, same, strings};
use super::truth::{Outcome, Truth};
use serde_json::Value;

/// `IF name=value THEN name=value`.
struct Rule<'a> {
    key: &'a str,
    wanted: &'a str,
    what: String,
    value: &'a str,
}

/// The `ResourceEnvIP` condition.
pub(super) fn holds(condition: &Value, facts: Facts<'_>) -> Outcome {
    let texts = condition
        .get("resourceEnvIPConditionValue")
        .map(strings)
        .unwrap_or_default();
    let rules: Option<Vec<Rule<'_>>> = texts.iter().map(|t| rule(t)).collect();
    let Some(rules) = rules else {
        return Outcome::new(Truth::Undetermined);
    };
    let addresses: Vec<Option<&str>> = match facts.environment("requestIp") {
        None => vec![None],
        Some(sent) if sent.is_empty() => vec![facts.client_ip()],
        Some(sent) => sent.into_iter().map(Some).collect(),
    };
    let outcomes: Vec<Outcome> = addresses
        .into_iter()
        .map(|ip| with_address(&rules, ip, facts))
        .collect();
    Outcome::agreed(&outcomes)
}

fn with_address(rules: &[Rule<'_>], ip: Option<&str>, facts: Facts<'_>) -> Outcome {
    let ip = ip.and_then(address::parse);
    let mut selected = None;
    for rule in rules {
        let sent = facts
            .environment(rule.key)
            .filter(|values| !values.is_empty());
        if let Some(values) = sent {
            if values.iter().any(|v| same(v, rule.wanted)) {
                selected = Some(rule);
            }
        } else if ip.is_some_and(|ip| address_matches(rule.wanted, ip)) {
            selected = Some(rule);
            break;
        }
    }
    selected.map_or(Outcome::new(Truth::False), |rule| consequence(rule, facts))
}

/// The parts of `IF name = value THEN name = value`: keywords without regard to case, blanks between the parts or none.
fn rule(text: &str) -> Option<Rule<'_>> {
    let (key, rest) = assignment(keyword(text.trim_matches(is_blank), "IF")?)?;
    let run = rest.find(is_blank).unwrap_or(rest.len());
    // A value is a run without blanks; where none stands before THEN, the longest run that leaves a THEN is the value.
    let ends = (1..=run).rev().filter(|end| rest.is_char_boundary(*end));
    ends.map(|end| rest.split_at(end))
        .find_map(|(wanted, after)| {
            let after = after.trim_start_matches(is_blank);
            let (what, value) = assignment(keyword(after, "THEN")?)?;
            let whole = !value.is_empty() && !value.contains(is_blank);
            whole.then(|| Rule {
                key,
                wanted,
                what: what.to_ascii_lowercase(),
                value,
            })
        })
}

fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(..word.len())
        .filter(|t| t.eq_ignore_ascii_case(word))
        .and(text.get(word.len()..))
}

/// A name of letters, digits and `_` before `=`, and what follows.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim_matches(is_blank);
    let legal = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    legal.then_some((name, rest.trim_matches(is_blank)))
}

/// `[a]`, `[a-b]`, `[10.*]` or `[10.0.0.0/8]`, in the exact form that policies keep to (ruling C9).
fn address_matches(wanted: &str, ip: Address) -> bool {
    let Some(body) = wanted.strip_prefix('[').and_then(|w| w.strip_suffix(']')) else {
        return false;
    };
    if let Some((low, high)) = body.split_once('-') {
        return address::exact(low)
            .zip(address::exact(high))
            .is_some_and(|(low, high)| address::within(ip, low, high));
    }
    if let Some((base, length)) = body.split_once('/') {
        let plain = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
        return address::exact(base)
            .filter(|_| plain)
            .zip(length.parse().ok())
            .is_some_and(|(base, length)| in_network(ip, base, length));
    }
    if body.contains('*') {
        return body == "*" || begins(body, ip);
    }
    address::exact(body) == Some(ip)
}

fn in_network(ip: Address, base: Address, length: u32) -> bool {
    let (a, b, width) = match (ip, base) {
        (Address::V4(a), Address::V4(b)) => (u128::from(a), u128::from(b), 32),
        (Address::V6(a), Address::V6(b)) => (a, b, 128),
        _ => return false,
    };
    length <= width && (a ^ b).checked_shr(width - length).unwrap_or(0) == 0
}

/// `10.*`, `10.0.*.*`, `2001:db8:*`: whole parts, then nothing but stars, no more parts than an address has.
fn begins(body: &str, ip: Address) -> bool {
    let (own, separator): (Vec<u128>, char) = match ip {
        Address::V4(bits) => (bits.to_be_bytes().map(u128::from).to_vec(), '.'),
        Address::V6(bits) => (
            (0..8).rev().map(|n| bits >> (16 * n) & 0xffff).collect(),
            ':',
        ),
    };
    let parts: Vec<&str> = body.split(separator).collect();
    let stars = parts.iter().rev().take_while(|p| **p == "*").count();
    let (whole, _) = parts.split_at(parts.len() - stars);
    let value = |part: &&str| match ip {
        Address::V4(_) => address::octet(part).map(u128::from),
        Address::V6(_) => Some(*part)
            .filter(|p| p.len() <= 4 && p.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|p| u128::from_str_radix(p, 16).ok()),
    };
    stars > 0
        && parts.len() <= own.len()
        && whole
            .iter()
            .zip(&own)
            .all(|(part, own)| value(part) == Some(*own))
}

fn consequence(rule: &Rule<'_>, facts: Facts<'_>) -> Outcome {
    let value = rule.value;
    let listed = |name: &str| match facts.session() {
        None => Truth::Undetermined,
        Some(session) => pieces(session, name).iter().any(|p| p == value).into(),
    };
    let (truth, advice) = match rule.what.as_str() {
        "module" => (scheme_met(value, facts), "AuthSchemeConditionAdvice"),
        "service" => (
            in_service(facts, value),
            "AuthenticateToServiceConditionAdvice",
        ),
        "authlevel" => (level_met(value, facts), "AuthLevelConditionAdvice"),
        "role" => (listed("Role"), "AuthRoleConditionAdvice"),
        "user" => (listed("UserToken"), "AuthUserConditionAdvice"),
        "redirecturl" => (federated(facts), "AuthRedirectionConditionAdvice"),
        "realm" | "org" => (
            in_realms(facts, |r| r == value),
            "AuthenticateToRealmConditionAdvice",
        ),
        _ => return Outcome::new(Truth::Undetermined),
    };
    Outcome::new(truth).advising(advice, [value])
}

fn level_met(value: &str, facts: Facts<'_>) -> Truth {
    let (realm, wanted) = match value.split_once(':') {
        Some((realm, wanted)) => (Some(realm.trim()), wanted.trim()),
        None => (None, value),
    };
    let Ok(wanted) = wanted.parse::<i32>() else {
        return Truth::Undetermined;
    };
    match level(facts, realm) {
        Level::Unknown | Level::Junk => Truth::Undetermined,
        Level::Known(highest) => highest.is_some_and(|h| h >= wanted).into(),
    }
}

/// Whether the session came from a federation module: the only one whose name says so is `Federation` itself.
fn federated(facts: Facts<'_>) -> Truth {
    match facts.session() {
        None => Truth::Undetermined,
        Some(session) => pieces(session, "AuthType")
            .iter()
            .any(|m| super::facts::data_of(m) == "Federation")
            .into(),
    }
}
