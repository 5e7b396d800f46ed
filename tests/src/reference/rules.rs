//! ResourceEnvIP (conditions.md §2.13, ruling C12).

use super::address::{self, Address};
use super::authentication::{Level, in_realms, in_service, level, scheme_met};
use super::facts::{Facts, pieces, realm_of, same, strings};
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
    let (key, rest) = assignment(keyword(text.trim(), "IF")?)?;
    let run = rest.find(char::is_whitespace).unwrap_or(rest.len());
    // A value is a run without blanks; where none stands before THEN, the longest run that leaves a THEN is the value.
    let ends = (1..=run).rev().filter(|end| rest.is_char_boundary(*end));
    ends.map(|end| rest.split_at(end))
        .find_map(|(wanted, after)| {
            let (what, value) = assignment(keyword(after.trim_start(), "THEN")?)?;
            let whole = !value.is_empty() && !value.contains(char::is_whitespace);
            whole.then(|| Rule {
                key,
                wanted,
                what: what.to_lowercase(),
                value,
            })
        })
}

fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(..word.len())
        .filter(|t| same(t, word))
        .and(text.get(word.len()..))
}

/// A name of letters, digits and `_` before `=`, and what follows.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim();
    let legal = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    legal.then_some((name, rest.trim()))
}

/// `[a]`, `[a-b]`, `[10.*]` or `[10.0.0.0/8]`.
fn address_matches(wanted: &str, ip: Address) -> bool {
    let Some(body) = wanted.strip_prefix('[').and_then(|w| w.strip_suffix(']')) else {
        return false;
    };
    if let Some((low, high)) = body.split_once('-') {
        return address::parse(low)
            .zip(address::parse(high))
            .is_some_and(|(low, high)| address::within(ip, low, high));
    }
    if let Some((base, length)) = body.split_once('/') {
        return address::parse(base)
            .zip(length.parse().ok())
            .is_some_and(|(base, length)| in_network(ip, base, length));
    }
    if body.contains('*') {
        return begins(body, ip);
    }
    address::parse(body) == Some(ip)
}

fn in_network(ip: Address, base: Address, length: u32) -> bool {
    match (ip, base) {
        (Address::V4(a), Address::V4(b)) => {
            length == 0 || (a ^ b).checked_shr(32 - length).unwrap_or(0) == 0
        }
        (Address::V6(a), Address::V6(b)) => {
            length == 0 || (a ^ b).checked_shr(128 - length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// `*` matches every address, `10.*` and `10.0.*.*` the IPv4 addresses that begin so.
fn begins(body: &str, ip: Address) -> bool {
    if body == "*" {
        return true;
    }
    let Address::V4(bits) = ip else {
        return false;
    };
    let own = bits.to_be_bytes();
    body.split('.')
        .zip(own)
        .all(|(part, byte)| part == "*" || part.parse() == Ok(byte))
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
    match level(facts, |text| realm.is_none() || realm_of(text) == realm) {
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
