//! IPv4, IPv6 and ResourceEnvIP: where the request comes from.

use super::level::{
    AUTH_LEVEL, AUTH_REALM, AUTH_SCHEME, AUTH_SERVICE, Known, Sources, data_of, parts, words_of,
};
use super::{Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::explain::Code;
use crate::lang::address::{Address, Family, Range, dns_matches};
use crate::lang::rule::{Standing, Then, auth_level, choose, standing};
use crate::request::Text;
use crate::resource::fold;

/// What `role=` and `user=` look at.
const NAMED: Sources = ("", &["Role", "UserToken"]);

impl<'x> Evaluation<'x> {
    /// IPv4 and IPv6 (§2.7): any of the requester's DNS names, or the address it comes from.
    pub(super) fn ip_address(&mut self, payload: &mut Payload<'x>) -> Truth {
        let patterns = payload.texts();
        let ranges = Ranges::of(payload);
        let request = self.request;
        let names = request.environment("requestDnsName").unwrap_or_default();
        let letters: usize = names.iter().map(|name| words_of(name)).sum();
        if !self.afford(letters, 1 + patterns.clone().count())
            || !self.afford(self.addresses().len(), 4 + ranges.count())
        {
            return Truth::Undetermined;
        }
        let named = names.iter().any(|name| {
            let name = fold(name);
            patterns.clone().any(|pattern| dns_matches(pattern, &name))
        });
        let inside = |text: &str| {
            Truth::of(Address::parse(text).is_some_and(|address| ranges.contain(&address)))
        };
        let truth = if named {
            Truth::True
        } else {
            Truth::agreed(self.addresses().iter().map(|text| inside(text))).unwrap_or(Truth::False)
        };
        let seen = names.iter().chain(self.addresses()).map(|text| &**text);
        self.note(truth, Code::AddressOutside, || ranges.to_string(), seen)
    }

    /// The addresses that the request may come from: those sent, else that of the session.
    fn addresses(&self) -> &'x [Text<'x>] {
        let request = self.request;
        match request.environment("requestIp").unwrap_or_default() {
            [] => request.subject.client_ip.as_slice(),
            sent => sent,
        }
    }

    /// ResourceEnvIP (§2.13, ruling C12): the first rule that applies says what is asked for. With
    /// several addresses the condition holds where it holds for each.
    pub(super) fn resource_env_ip(&mut self, payload: &mut Payload<'x>) -> Truth {
        let request = self.request;
        let rules: Vec<RuleView<'x>> = (0..payload.count())
            .map(|_| RuleView::read(payload))
            .collect();
        let addresses = match self.request.environment("requestIp") {
            // An address that nobody sent selects no rule.
            None => &[],
            Some(_) => self.addresses(),
        };
        let looked_at = rules.iter().map(|rule| {
            let sent = request.environment(rule.name).unwrap_or_default();
            4 + sent.len() + rule.ranges.count()
        });
        let asked = [AUTH_LEVEL, AUTH_SCHEME, AUTH_SERVICE, AUTH_REALM, NAMED]
            .map(|sources| self.facts_of(sources));
        let each = looked_at.chain(asked).fold(0, usize::saturating_add);
        if !self.afford(addresses.len().max(1), each) {
            return Truth::Undetermined;
        }
        let chosen = |ip: Option<&Address>| {
            choose(rules.iter().map(|rule| self.standing(rule, ip)))
                .and_then(|index| rules.get(index).copied())
        };
        let mut choices: Vec<Option<RuleView<'x>>> = addresses
            .iter()
            .map(|text| chosen(Address::parse(text).as_ref()))
            .collect();
        if choices.is_empty() {
            choices.push(chosen(None));
        }
        let mut total: Option<Truth> = None;
        for choice in choices {
            let truth = choice.map_or(Truth::False, |rule| self.then(&rule));
            total = Some(total.map_or(truth, |so_far| {
                if so_far == truth {
                    so_far
                } else {
                    Truth::Undetermined
                }
            }));
        }
        let truth = total.unwrap_or(Truth::False);
        let wanted = || {
            let texts = rules.iter().map(|r| format!("{}={}", r.name, r.value));
            texts.collect::<Vec<_>>().join(" or ")
        };
        self.note(
            truth,
            Code::NoRuleMet,
            wanted,
            addresses.iter().map(|a| &**a),
        )
    }

    fn standing(&self, rule: &RuleView<'x>, ip: Option<&Address>) -> Standing {
        let sent = self.request.environment(rule.name).unwrap_or_default();
        standing(
            rule.value,
            &rule.ranges.list(),
            sent.iter().map(|v| &**v),
            ip,
        )
    }

    /// What follows THEN, with its advice where it is not met.
    fn then(&mut self, rule: &RuleView<'x>) -> Truth {
        let wanted = rule.wanted;
        let property = |name: &str| match self.request.subject.session {
            None => Truth::Undetermined,
            Some(_) => {
                let have = self.request.session(name).unwrap_or_default();
                Truth::of(parts(have).any(|part| part == wanted))
            }
        };
        let truth = match rule.then {
            Then::Module => self.scheme_met(wanted),
            Then::Service => self.service_met(wanted),
            Then::AuthLevel => match auth_level(wanted) {
                None => Truth::False,
                Some((realm, level)) => match self.highest_level(realm) {
                    Known::Unknown | Known::Malformed => Truth::Undetermined,
                    Known::Missing => Truth::False,
                    Known::Level(known) => Truth::of(known >= level),
                },
            },
            Then::Role => property("Role"),
            Then::User => property("UserToken"),
            Then::Realm => self.realm_met(|have| have == wanted),
            // Facts name modules, not their types: the module of type Federation is the one that AM names so.
            Then::RedirectUrl => match self.request.subject.session {
                None => Truth::Undetermined,
                Some(_) => {
                    let have = self.request.session("AuthType").unwrap_or_default();
                    Truth::of(parts(have).any(|part| data_of(part) == "Federation"))
                }
            },
        };
        if truth != Truth::True {
            self.advise(rule.then.advice(), wanted);
        }
        truth
    }
}

/// A rule of ResourceEnvIP in a bundle.
#[derive(Clone, Copy)]
struct RuleView<'b> {
    name: &'b str,
    value: &'b str,
    ranges: Ranges<'b>,
    then: Then,
    wanted: &'b str,
}

impl<'b> RuleView<'b> {
    fn read(payload: &mut Payload<'b>) -> Self {
        let (name, value) = (payload.text(), payload.text());
        let ranges = Ranges::of(payload);
        let then = Then::from_word(payload.word());
        payload.damaged |= then.is_none();
        Self {
            name,
            value,
            ranges,
            then: then.unwrap_or(Then::RedirectUrl),
            wanted: payload.text(),
        }
    }
}

/// Address ranges in a bundle, nine words each.
#[derive(Clone, Copy)]
struct Ranges<'b> {
    words: &'b [u32],
}

/// Words of a range: its family and both ends.
const RANGE_WORDS: usize = 9;

impl<'b> Ranges<'b> {
    fn of(payload: &mut Payload<'b>) -> Self {
        let count = payload.count() as usize;
        Self {
            words: payload.run(count * RANGE_WORDS),
        }
    }

    fn iter(self) -> impl Iterator<Item = Range> + use<'b> {
        self.words.chunks_exact(RANGE_WORDS).map(|words| {
            let wide = |from: usize| {
                words
                    .iter()
                    .skip(from)
                    .take(4)
                    .rev()
                    .fold(0_u128, |bits, &word| bits << 32 | u128::from(word))
            };
            let family = match words.first() {
                Some(4) => Family::V4,
                _ => Family::V6,
            };
            Range {
                family,
                low: wide(1),
                high: wide(5),
            }
        })
    }

    fn count(self) -> usize {
        self.words.len() / RANGE_WORDS
    }

    fn list(self) -> Vec<Range> {
        self.iter().collect()
    }

    fn contain(self, address: &Address) -> bool {
        self.iter().any(|range| range.contains(address))
    }
}

impl std::fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, range) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write_range(&range, f)?;
        }
        Ok(())
    }
}

fn write_range(range: &Range, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let write = |f: &mut std::fmt::Formatter<'_>, bits: u128| match range.family {
        Family::V4 => write!(f, "{}", std::net::Ipv4Addr::from(bits as u32)),
        Family::V6 => write!(f, "{}", std::net::Ipv6Addr::from(bits)),
    };
    write(f, range.low)?;
    if range.low != range.high {
        f.write_str("-")?;
        write(f, range.high)?;
    }
    Ok(())
}

/// Reads over ranges, checking them.
pub(super) fn skip_ranges(payload: &mut Payload<'_>) {
    Ranges::of(payload);
}

/// Reads over the rules of ResourceEnvIP, checking them.
pub(super) fn check_rules(payload: &mut Payload<'_>) {
    for _ in 0..payload.count() {
        RuleView::read(payload);
    }
}

/// The environment keys that the rules of a ResourceEnvIP leaf name.
pub(crate) fn rule_names(payload: &mut Payload<'_>) -> Vec<String> {
    (0..payload.count())
        .map(|_| RuleView::read(payload).name.to_owned())
        .collect()
}
