//! IP addresses, ranges and DNS name patterns, as the conditions IPv4, IPv6 and ResourceEnvIP write them.
//!
//! A policy's text is held to a stricter grammar than a request's: nonsense is refused when it is written, while a request is read
//! as leniently as AM reads it (conditions §2.7).

use core::net::Ipv6Addr;

use crate::resource::fold;

/// Version of an address. Addresses of different families are never equal, an IPv4-mapped IPv6 address is an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// 32-bit addresses.
    V4,
    /// 128-bit addresses.
    V6,
}

impl Family {
    /// The highest address of the family.
    pub fn last(self) -> u128 {
        match self {
            Family::V4 => u128::from(u32::MAX),
            Family::V6 => u128::MAX,
        }
    }

    fn width(self) -> u32 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

/// One address; IPv4 uses the low 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Version.
    pub family: Family,
    /// Value, most significant octet first.
    pub bits: u128,
}

impl Address {
    /// Reads an address of a request or session, as leniently as AM does. `None` for anything else.
    pub fn parse(text: &str) -> Option<Address> {
        if text.contains(':') {
            parse_v6(text)
        } else {
            parse_v4(text)
        }
    }

    /// Reads an address of a policy: four decimal parts of at most three digits, or RFC 4291 §2.2.
    pub fn parse_exact(text: &str) -> Option<Address> {
        if text.contains(':') {
            parse_v6(text)
        } else {
            exact_v4(text)
        }
    }
}

/// Four decimal parts 0–255. Empty parts are skipped, leading zeros and a sign are allowed: the text forms that AM takes.
pub fn parse_v4(text: &str) -> Option<Address> {
    four_octets(
        text.split('.').filter(|part| !part.is_empty()),
        signed_octet,
    )
}

/// RFC 4291 §2.2, without zone identifier or brackets.
pub fn parse_v6(text: &str) -> Option<Address> {
    let address: Ipv6Addr = text.parse().ok()?;
    Some(Address {
        family: Family::V6,
        bits: u128::from(address),
    })
}

fn exact_v4(text: &str) -> Option<Address> {
    four_octets(text.split('.'), plain_octet)
}

fn four_octets<'t>(
    mut parts: impl Iterator<Item = &'t str>,
    octet: fn(&str) -> Option<u8>,
) -> Option<Address> {
    let mut bits = 0u32;
    for _ in 0..4 {
        bits = (bits << 8) | u32::from(octet(parts.next()?)?);
    }
    if parts.next().is_some() {
        return None;
    }
    Some(Address {
        family: Family::V4,
        bits: u128::from(bits),
    })
}

fn signed_octet(part: &str) -> Option<u8> {
    match part.strip_prefix('-') {
        // Minus zero is zero; every other negative number is out of range.
        Some(rest) => digits(rest).filter(|&octet| octet == 0),
        None => digits(part.strip_prefix('+').unwrap_or(part)),
    }
}

fn plain_octet(part: &str) -> Option<u8> {
    if part.len() > 3 { None } else { digits(part) }
}

fn digits(part: &str) -> Option<u8> {
    if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    part.parse().ok()
}

/// Addresses of one family between two ends, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Version of both ends.
    pub family: Family,
    /// First address.
    pub low: u128,
    /// Last address.
    pub high: u128,
}

impl Range {
    /// Whether the address is of this family and between the ends.
    pub fn contains(&self, address: &Address) -> bool {
        self.family == address.family && self.low <= address.bits && address.bits <= self.high
    }

    fn of_one(address: Address) -> Range {
        Range {
            family: address.family,
            low: address.bits,
            high: address.bits,
        }
    }

    /// The range between two addresses.
    ///
    /// # Errors
    /// Ends of different families, or the first above the last (AM's error 750).
    pub fn between(first: Address, last: Address) -> Result<Range, String> {
        if first.family != last.family {
            return Err("both ends of a range must be of the same IP version".to_owned());
        }
        if first.bits > last.bits {
            return Err("the start address is above the end address".to_owned());
        }
        Ok(Range {
            family: first.family,
            low: first.bits,
            high: last.bits,
        })
    }

    /// `10.0.0.0/8`, `2001:db8::/32`; bits past the prefix are ignored. `None` for anything else.
    pub fn of_cidr(text: &str) -> Option<Range> {
        let (address, length) = text.split_once('/')?;
        let address = Address::parse_exact(address)?;
        let width = address.family.width();
        let length = digits(length)
            .map(u32::from)
            .filter(|&length| length <= width)?;
        let rest = low_bits(width - length);
        let low = address.bits & !rest;
        Some(Range {
            family: address.family,
            low,
            high: low | rest,
        })
    }

    /// `10.*`, `10.1.*`, `10.1.*.*`, `2001:db8:*`: whole leading parts, then stars to the end. `None` for anything else.
    pub fn of_prefix(text: &str) -> Option<Range> {
        let (family, separator, part_bits) = if text.contains(':') {
            (Family::V6, ':', 16u32)
        } else {
            (Family::V4, '.', 8u32)
        };
        let mut low = 0u128;
        let mut open = family.width();
        let mut stars = 0u32;
        for part in text.split(separator) {
            if part == "*" {
                stars += 1;
            } else if stars > 0 {
                return None;
            } else {
                open = open.checked_sub(part_bits)?;
                let value = match family {
                    Family::V4 => u128::from(plain_octet(part)?),
                    Family::V6 => group(part)?,
                };
                low |= value.checked_shl(open)?;
            }
        }
        if stars == 0 || stars > open / part_bits {
            return None;
        }
        Some(Range {
            family,
            low,
            high: low | low_bits(open),
        })
    }
}

fn low_bits(count: u32) -> u128 {
    u128::MAX
        .checked_shr(128u32.saturating_sub(count))
        .unwrap_or(0)
}

fn group(part: &str) -> Option<u128> {
    let fits = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits {
        u128::from_str_radix(part, 16).ok()
    } else {
        None
    }
}

/// The ranges that the text between the brackets of a ResourceEnvIP rule stands for: one address, `first-last`, CIDR, a prefix with
/// stars, or `*` for every address of both versions.
///
/// # Errors
/// Text that can match no address.
pub fn expression(text: &str) -> Result<Vec<Range>, String> {
    if text == "*" {
        let all = |family: Family| Range {
            family,
            low: 0,
            high: family.last(),
        };
        return Ok(vec![all(Family::V4), all(Family::V6)]);
    }
    if let Some((first, last)) = text.split_once('-') {
        let address = |end: &str| {
            Address::parse_exact(end).ok_or_else(|| format!("`{end}` is not an IP address"))
        };
        return Range::between(address(first)?, address(last)?).map(|range| vec![range]);
    }
    Address::parse_exact(text)
        .map(Range::of_one)
        .or_else(|| Range::of_cidr(text))
        .or_else(|| Range::of_prefix(text))
        .map(|range| vec![range])
        .ok_or_else(|| {
            format!("`{text}` is not an IP address, range, CIDR block or prefix such as `10.*`")
        })
}

/// Checks `startIp` and `endIp` of an IPv4 or IPv6 condition. `None` when both are absent.
///
/// # Errors
/// The member at fault and why: one without the other (741), an unparsable address or one of the other version, ends the wrong way
/// round (750).
pub fn ip_pair(
    family: Family,
    start: Option<&str>,
    end: Option<&str>,
) -> Result<Option<Range>, (&'static str, String)> {
    let (first, last) = match (start, end) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(("endIp", "endIp is needed beside startIp".to_owned())),
        (None, Some(_)) => return Err(("startIp", "startIp is needed beside endIp".to_owned())),
        (Some(first), Some(last)) => (first, last),
    };
    let first = of_family(family, first).map_err(|why| ("startIp", why))?;
    let last = of_family(family, last).map_err(|why| ("endIp", why))?;
    Range::between(first, last)
        .map(Some)
        .map_err(|why| ("startIp", why))
}

/// Reads the `ipRange` member. A list made wholly of pairs of lone addresses is read as ranges, because that is how AM shows ranges;
/// in any other list a lone address is a range of one.
///
/// # Errors
/// Index of the entry at fault and why: more than one `-`, an address that is none or of the other version, inverted ends.
pub fn ip_range_list(family: Family, entries: &[String]) -> Result<Vec<Range>, (usize, String)> {
    let mut ranges = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let range = match entry.split_once('-') {
            None => of_family(family, entry).map(Range::of_one),
            Some((first, last)) => of_family(family, first)
                .and_then(|first| Ok((first, of_family(family, last)?)))
                .and_then(|(first, last)| Range::between(first, last)),
        };
        ranges.push(range.map_err(|why| (index, why))?);
    }
    let all_lone = entries.iter().all(|entry| !entry.contains('-'));
    if !all_lone || !entries.len().is_multiple_of(2) {
        return Ok(ranges);
    }
    let mut paired = Vec::with_capacity(ranges.len() / 2);
    for (index, pair) in ranges.chunks_exact(2).enumerate() {
        if let [first, last] = pair {
            if first.low > last.low {
                return Err((
                    index * 2,
                    "the start address is above the end address".to_owned(),
                ));
            }
            paired.push(Range {
                family,
                low: first.low,
                high: last.low,
            });
        }
    }
    Ok(paired)
}

/// How `ipRange` is shown: flattened as AM does, unless that would lose which address stood alone.
pub fn ip_range_shown(entries: &[String]) -> Vec<String> {
    if !entries.iter().all(|entry| entry.contains('-')) {
        return entries.to_vec();
    }
    entries
        .iter()
        .flat_map(|entry| entry.split('-'))
        .map(str::to_owned)
        .collect()
}

fn of_family(family: Family, text: &str) -> Result<Address, String> {
    Address::parse_exact(text)
        .filter(|address| address.family == family)
        .ok_or_else(|| {
            let version = match family {
                Family::V4 => "IPv4",
                Family::V6 => "IPv6",
            };
            format!("`{text}` is not an {version} address")
        })
}

/// A checked pattern of `dnsName`, folded: the form that is stored, shown and matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPattern(String);

impl DnsPattern {
    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks a pattern of `dnsName`: `*`, a name without stars, or `*.` and a name without stars.
///
/// # Errors
/// A blank name, or a star anywhere else.
pub fn dns_pattern(text: &str) -> Result<DnsPattern, String> {
    let name = match text.strip_prefix("*.") {
        Some(rest) => rest,
        None if text == "*" => "any",
        None => text,
    };
    if name.trim().is_empty() {
        return Err("a DNS name must not be blank".to_owned());
    }
    if name.contains('*') {
        return Err(format!(
            "`{text}`: a star may only stand alone or be the first label"
        ));
    }
    Ok(DnsPattern(fold(text).into_owned()))
}

/// Whether a pattern covers a name, both folded: `*.x` covers every name that ends in `.x`, not `x` itself.
pub fn dns_matches(pattern_folded: &str, value_folded: &str) -> bool {
    match pattern_folded.strip_prefix('*') {
        Some(suffix) => value_folded.ends_with(suffix),
        None => pattern_folded == value_folded,
    }
}

#[cfg(test)]
mod tests;
