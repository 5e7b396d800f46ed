//! IPv4, IPv6 (conditions.md §2.7, ruling C10).

use super::facts::{Facts, strings};
use super::fold::fold;
use super::truth::{Outcome, Truth};
use serde_json::Value;

/// An address of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    V4(u32),
    V6(u128),
}

/// Four decimal parts, dots taken leniently; or RFC 4291 without a zone.
pub(super) fn parse(text: &str) -> Option<Address> {
    v4(text).map(Address::V4).or_else(|| {
        text.parse::<std::net::Ipv6Addr>()
            .ok()
            .map(|a| Address::V6(a.into()))
    })
}

/// As policies write it: four parts of one to three digits, or RFC 4291 without a zone (ruling C9).
pub(super) fn exact(text: &str) -> Option<Address> {
    let parts: Vec<&str> = text.split('.').collect();
    let plain = parts.iter().all(|p| octet(p).is_some());
    if text.contains(':') || (plain && parts.len() == 4) {
        parse(text)
    } else {
        None
    }
}

/// One part of an IPv4 address as policies write it.
pub(super) fn octet(part: &str) -> Option<u8> {
    let plain = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    part.parse().ok().filter(|_| plain)
}

fn v4(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.split('.').filter(|p| !p.is_empty()).collect();
    let numbers: Vec<i32> = parts
        .iter()
        .filter_map(|p| p.parse().ok())
        .filter(|n| (0..=255).contains(n))
        .collect();
    if parts.len() != 4 || numbers.len() != 4 {
        return None;
    }
    Some(
        numbers
            .iter()
            .fold(0, |sum, n| sum * 256 + u32::try_from(*n).unwrap_or(0)),
    )
}

/// Inclusive; never across families.
pub(super) fn within(address: Address, low: Address, high: Address) -> bool {
    let same_family = matches!(
        (address, low, high),
        (Address::V4(_), Address::V4(_), Address::V4(_))
            | (Address::V6(_), Address::V6(_), Address::V6(_))
    );
    same_family && low <= address && address <= high
}

/// The `IPv4` and `IPv6` conditions.
pub(super) fn holds(condition: &Value, facts: Facts<'_>) -> Outcome {
    let patterns = condition.get("dnsName").map(strings).unwrap_or_default();
    let names = facts.environment("requestDnsName").unwrap_or_default();
    if names
        .iter()
        .any(|n| patterns.iter().any(|p| dns_matches(p, n)))
    {
        return Outcome::new(Truth::True);
    }
    let ranges = ranges(condition);
    let wants_v4 = condition.get("type").and_then(Value::as_str) == Some("IPv4");
    let in_ranges = |text: &str| {
        let address = parse(text).filter(|a| matches!(a, Address::V4(_)) == wants_v4);
        Truth::from(
            address.is_some_and(|a| ranges.iter().any(|(low, high)| within(a, *low, *high))),
        )
    };
    let sent = facts
        .environment("requestIp")
        .filter(|values| !values.is_empty());
    let addresses = sent.or_else(|| facts.client_ip().map(|ip| vec![ip]));
    Outcome::new(match addresses {
        Some(addresses) => Truth::agreed(addresses.into_iter().map(in_ranges)),
        None => Truth::False,
    })
}

fn dns_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (fold(pattern), fold(name));
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => name.ends_with(suffix),
        None => name == pattern,
    }
}

fn ranges(condition: &Value) -> Vec<(Address, Address)> {
    let bound = |member| {
        condition
            .get(member)
            .and_then(Value::as_str)
            .and_then(parse)
    };
    let mut out: Vec<(Address, Address)> =
        bound("startIp").zip(bound("endIp")).into_iter().collect();
    let listed = condition.get("ipRange").map(strings).unwrap_or_default();
    let pairs_of_addresses =
        listed.len().is_multiple_of(2) && listed.iter().all(|entry| !entry.contains('-'));
    if pairs_of_addresses {
        for pair in listed.chunks(2) {
            if let [low, high] = pair {
                out.extend(parse(low).zip(parse(high)));
            }
        }
    } else {
        for entry in listed {
            let (low, high) = entry.split_once('-').unwrap_or((entry, entry));
            out.extend(parse(low).zip(parse(high)));
        }
    }
    out
}
