//! Subject and condition trees as words.

use super::packed::{Packer, Unpacker};
use crate::bundle::node::{Kind, VOLATILE};
use crate::evaluate::filter as form;
use crate::lang::address::{Family, Range};
use crate::lang::filter::Filter;
use crate::lang::zone::ZoneName;
use crate::model::{Condition, Subject};

/// A tree whose leaves are payloads, with texts still in place of their numbers.
pub(crate) enum Tree {
    /// AND or OR.
    Join(Kind, Vec<Tree>),
    Not(Box<Tree>),
    Leaf(Kind, Volatility, Vec<Word>),
}

/// Whether a node's result may be kept for the rest of the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volatility {
    Stable,
    Volatile,
}

/// One word of a payload.
pub(crate) enum Word {
    Number(u32),
    Text(String),
}

/// What follows the kind word of a packed node.
pub(super) enum Shape {
    /// So many nodes.
    Join(u32),
    /// One node.
    Not,
    /// So many words.
    Leaf(u32),
}

impl Shape {
    const BITS: u32 = 2;

    fn pack(&self, to: &mut Packer) {
        let (tag, count) = match self {
            Self::Join(count) => (0, *count),
            Self::Not => (1, 0),
            Self::Leaf(count) => (2, *count),
        };
        to.number(count << Self::BITS | tag);
    }

    pub(super) fn unpack(from: &mut Unpacker<'_>) -> Self {
        let word = from.number();
        let count = word >> Self::BITS;
        match word & ((1 << Self::BITS) - 1) {
            0 => Self::Join(count),
            1 => Self::Not,
            _ => Self::Leaf(count),
        }
    }
}

/// Calls `visit` with each word of a packed leaf: a number, or a text.
pub(super) fn unpack_words<'a>(
    count: u32,
    from: &mut Unpacker<'a>,
    mut visit: impl FnMut(Result<u32, &'a str>),
) {
    let mut texts = 0;
    for word in 0..count {
        if word % u32::BITS == 0 {
            texts = from.number();
        }
        visit(if texts >> (word % u32::BITS) & 1 == 1 {
            Err(from.text())
        } else {
            Ok(from.number())
        });
    }
}

impl Tree {
    /// Writes the tree, parents before their children.
    pub(super) fn pack(&self, to: &mut Packer) {
        to.number(self.kind_word());
        match self {
            Self::Join(_, children) => {
                Shape::Join(children.len() as u32).pack(to);
                children.iter().for_each(|child| child.pack(to));
            }
            Self::Not(child) => {
                Shape::Not.pack(to);
                child.pack(to);
            }
            Self::Leaf(_, _, payload) => {
                Shape::Leaf(payload.len() as u32).pack(to);
                for words in payload.chunks(u32::BITS as usize) {
                    // A bit for each word, the lowest first: whether it is a text.
                    let texts = words.iter().enumerate().fold(0, |texts, (at, word)| {
                        texts | u32::from(matches!(word, Word::Text(_))) << at
                    });
                    to.number(texts);
                    for word in words {
                        match word {
                            Word::Number(number) => to.number(*number),
                            Word::Text(text) => to.text(text),
                        }
                    }
                }
            }
        }
    }

    /// The kind word: volatile where some leaf is.
    fn kind_word(&self) -> u32 {
        let kind = match self {
            Self::Join(kind, _) | Self::Leaf(kind, ..) => *kind,
            Self::Not(_) => Kind::Not,
        };
        kind as u32 | if self.is_volatile() { VOLATILE } else { 0 }
    }

    fn is_volatile(&self) -> bool {
        match self {
            Self::Join(_, children) => children.iter().any(Self::is_volatile),
            Self::Not(child) => child.is_volatile(),
            Self::Leaf(_, volatility, _) => *volatility == Volatility::Volatile,
        }
    }

    pub(crate) fn of_subject(subject: &Subject) -> Self {
        let join = |kind, children: &[Subject]| {
            Self::Join(kind, children.iter().map(Self::of_subject).collect())
        };
        let leaf = |kind, words: Words| Self::Leaf(kind, Volatility::Stable, words.0);
        match subject {
            Subject::And(children) => join(Kind::And, children),
            Subject::Or(children) => join(Kind::Or, children),
            Subject::Not(child) => Self::Not(Box::new(Self::of_subject(child))),
            Subject::AuthenticatedUsers => leaf(Kind::AuthenticatedUsers, Words::default()),
            Subject::Never => leaf(Kind::Never, Words::default()),
            Subject::Legacy => leaf(Kind::Legacy, Words::default()),
            Subject::Identity(values) => {
                let groups = values
                    .iter()
                    .any(|value| crate::evaluate::names_group(value));
                leaf(
                    Kind::Identity,
                    Words::default().number(u32::from(groups)).texts(values),
                )
            }
            Subject::JwtClaim { name, value } => {
                leaf(Kind::JwtClaim, Words::default().text(name).text(value))
            }
        }
    }

    pub(crate) fn of_condition(condition: &Condition) -> Self {
        let join = |kind, children: &[Condition]| {
            Self::Join(kind, children.iter().map(Self::of_condition).collect())
        };
        match condition {
            Condition::And(children) => join(Kind::And, children),
            Condition::Or(children) => join(Kind::Or, children),
            Condition::Not(child) => Self::Not(Box::new(Self::of_condition(child))),
            leaf => {
                let (kind, volatility, words) = lower_leaf(leaf);
                Self::Leaf(kind, volatility, words.0)
            }
        }
    }
}

fn lower_leaf(condition: &Condition) -> (Kind, Volatility, Words) {
    let mut volatility = Volatility::Stable;
    let words = Words::default();
    let (kind, words) = match condition {
        // Joins and NOT are trees, not leaves; as leaves they would be undetermined.
        Condition::And(_) | Condition::Or(_) | Condition::Not(_) | Condition::Legacy => {
            (Kind::Legacy, words)
        }
        Condition::AuthLevel(level) => (Kind::AuthLevel, words.level(*level)),
        Condition::LeAuthLevel(level) => (Kind::LeAuthLevel, words.level(*level)),
        Condition::AuthScheme { schemes, idle } => {
            let (minutes, property) = match idle {
                Some(idle) => {
                    volatility = Volatility::Volatile;
                    let name = &idle.application;
                    (
                        idle.minutes,
                        format!("am.protected.policy.AppIdleTimesoutAt.{name}"),
                    )
                }
                None => (-1, String::new()),
            };
            (
                Kind::AuthScheme,
                words.signed(minutes).text(&property).texts(schemes),
            )
        }
        Condition::AuthenticateToRealm(realm) => (Kind::AuthenticateToRealm, words.text(realm)),
        Condition::AuthenticateToService(service) => {
            (Kind::AuthenticateToService, words.text(service))
        }
        Condition::AmIdentityMembership(ids) => (Kind::AmIdentityMembership, words.texts(ids)),
        Condition::Session { minutes, terminate } => (
            Kind::Session,
            words.long(*minutes).number(u32::from(*terminate)),
        ),
        Condition::SessionProperty {
            ignore_case,
            properties,
        } => {
            let start = words
                .number(u32::from(*ignore_case))
                .number(properties.len() as u32);
            let all = properties.iter().fold(start, |words, (name, values)| {
                words.text(name).texts(values)
            });
            (Kind::SessionProperty, all)
        }
        Condition::SimpleTime { window, zone } => {
            let words = window.to_words().into_iter().fold(words, Words::signed);
            let words = match zone {
                None => words.number(0),
                Some(ZoneName::Fixed(offset)) => words.number(1).signed(*offset),
                Some(ZoneName::Named(name)) => words.number(2).text(name),
            };
            (Kind::SimpleTime, words)
        }
        Condition::Ip {
            family,
            dns_names,
            ranges,
        } => {
            let kind = match family {
                Family::V4 => Kind::Ipv4,
                Family::V6 => Kind::Ipv6,
            };
            (kind, words.texts(dns_names).ranges(ranges))
        }
        Condition::LdapFilter(filter) => (
            Kind::LdapFilter,
            words.text(&filter.to_string()).filter(filter),
        ),
        Condition::OAuth2Scope(scopes) => (Kind::OAuth2Scope, words.texts(scopes)),
        Condition::ResourceEnvIp(rules) => {
            let start = words.number(rules.len() as u32);
            let all = rules.iter().fold(start, |words, rule| {
                words
                    .text(&rule.name)
                    .text(&rule.value)
                    .ranges(rule.addresses.as_deref().unwrap_or_default())
                    .number(rule.then.to_word())
                    .text(&rule.then_value)
            });
            (Kind::ResourceEnvIp, all)
        }
        Condition::Script(id) => {
            volatility = Volatility::Volatile;
            (Kind::Script, words.text(id))
        }
        Condition::Transaction {
            strategy,
            specifier,
        } => {
            volatility = Volatility::Volatile;
            (Kind::Transaction, words.text(strategy).text(specifier))
        }
    };
    (kind, volatility, words)
}

/// A payload in the making.
#[derive(Default)]
struct Words(Vec<Word>);

impl Words {
    fn number(mut self, number: u32) -> Self {
        self.0.push(Word::Number(number));
        self
    }

    fn signed(self, number: i32) -> Self {
        self.number(number.cast_unsigned())
    }

    fn long(self, number: i64) -> Self {
        let bits = number.cast_unsigned();
        self.number(bits as u32).number((bits >> 32) as u32)
    }

    fn text(mut self, text: &str) -> Self {
        self.0.push(Word::Text(text.to_owned()));
        self
    }

    fn texts(self, texts: &[String]) -> Self {
        texts
            .iter()
            .fold(self.number(texts.len() as u32), |words, text| {
                words.text(text)
            })
    }

    fn level(self, level: i32) -> Self {
        self.signed(level).text(&level.to_string())
    }

    fn ranges(self, ranges: &[Range]) -> Self {
        let start = self.number(ranges.len() as u32);
        ranges.iter().fold(start, |words, range| {
            let family = match range.family {
                Family::V4 => 4,
                Family::V6 => 6,
            };
            words.number(family).wide(range.low).wide(range.high)
        })
    }

    fn wide(self, bits: u128) -> Self {
        (0..4).fold(self, |words, i| words.number((bits >> (32 * i)) as u32))
    }

    fn filter(self, filter: &Filter) -> Self {
        let parts = |words: Self, operator, parts: &[Filter]| {
            let start = words.number(operator).number(parts.len() as u32);
            parts.iter().fold(start, Self::filter)
        };
        match filter {
            Filter::And(children) => parts(self, form::AND, children),
            Filter::Or(children) => parts(self, form::OR, children),
            Filter::Not(child) => self.number(form::NOT).filter(child),
            Filter::Equal(leaf) | Filter::Approx(leaf) => self
                .number(form::EQUAL)
                .text(&leaf.attribute)
                .text(&leaf.value),
            Filter::AtLeast(leaf) => self
                .number(form::AT_LEAST)
                .text(&leaf.attribute)
                .text(&leaf.value),
            Filter::AtMost(leaf) => self
                .number(form::AT_MOST)
                .text(&leaf.attribute)
                .text(&leaf.value),
            Filter::Present(attribute) => self.number(form::PRESENT).text(attribute),
            Filter::Substring(substring) => {
                let initial = u32::from(substring.initial.is_some()) * form::INITIAL;
                let last = u32::from(substring.last.is_some()) * form::LAST;
                let texts: Vec<String> = substring
                    .initial
                    .iter()
                    .chain(&substring.any)
                    .chain(&substring.last)
                    .cloned()
                    .collect();
                self.number(form::SUBSTRING)
                    .text(&substring.attribute)
                    .number(initial | last)
                    .texts(&texts)
            }
            Filter::Extensible(part) => match &part.attribute {
                Some(attribute) => self
                    .number(form::EXTENSIBLE)
                    .text(attribute)
                    .number(u32::from(part.rule.is_some()))
                    .text(part.rule.as_deref().unwrap_or_default())
                    .text(&part.value),
                None => self.number(form::NOTHING),
            },
        }
    }
}
