//! Building the index that [`super::lookup`] reads.

use std::collections::{BTreeSet, HashMap};

use super::keys::{Candidate, Keys};
use super::{KeyKind, hash};
use crate::bundle::Tables;
use crate::bundle::layout::{GROUP_WORDS, SET_WORDS, SINGLE};
use crate::compile::link::{Hashing, Pool};
use crate::resource::pieces::Pieces;
use crate::resource::view::{Authority, View, views};

/// The index of all policy sets, in the making.
#[derive(Default)]
pub(crate) struct Index<'a> {
    sets: Vec<Set>,
    groups: Vec<Group<'a>>,
    known_groups: HashMap<(u32, Authority<'a>), u32, Hashing>,
    patterns: Vec<Pattern<'a>>,
    /// By the number of a text: the latest pattern with that text, + 1.
    by_text: Vec<u32>,
    /// Pattern and policy.
    owners: Vec<(u32, u32)>,
    /// Where parts are split: memory that is asked for once.
    pieces: Pieces<'a>,
}

struct Set {
    folded: u32,
    name: u32,
    wild: Vec<u32>,
    other: Vec<u32>,
    plain: Option<u32>,
}

struct Group<'a> {
    set: u32,
    authority: Authority<'a>,
    patterns: Vec<u32>,
}

struct Pattern<'a> {
    group: u32,
    shown: u32,
    path: &'a str,
    /// What the path begins with before its first wildcard.
    beginning: &'a str,
    path_glob: u32,
    query_glob: u32,
    /// Another pattern with the same text in another group, + 1.
    same_text: u32,
}

impl<'a> Index<'a> {
    pub(crate) fn with_room_for(policies: usize) -> Self {
        Self {
            patterns: Vec::with_capacity(policies),
            owners: Vec::with_capacity(policies),
            ..Self::default()
        }
    }

    pub(crate) fn add_set(&mut self, folded: &str, name: &str, pool: &mut Pool) {
        self.sets.push(Set {
            folded: pool.text(folded),
            name: pool.text(name),
            wild: Vec::new(),
            other: Vec::new(),
            plain: None,
        });
    }

    /// Adds a pattern of a policy: its normal form and that folded.
    pub(crate) fn add_pattern(
        &mut self,
        set: u32,
        policy: u32,
        (shown, folded): (&'a str, &'a str),
        pool: &mut Pool,
        tables: &mut Tables,
    ) {
        let shown = pool.text(shown);
        for View {
            authority,
            path,
            query,
        } in views(folded)
        {
            let group = self.group(set, authority);
            let number = match self.known_pattern(group, shown) {
                Some(known) => known,
                None => match self.new_pattern(group, shown, (path, query), pool, tables) {
                    Some(number) => number,
                    None => continue,
                },
            };
            self.owners.push((number, policy));
        }
    }

    fn known_pattern(&self, group: u32, shown: u32) -> Option<u32> {
        let mut at = self.by_text.get(shown as usize).copied()?;
        while let Some(number) = at.checked_sub(1) {
            let pattern = self.patterns.get(number as usize)?;
            if pattern.group == group {
                return Some(number);
            }
            at = pattern.same_text;
        }
        None
    }

    /// Writes a pattern's parts next to its text: a decision reads them together.
    fn new_pattern(
        &mut self,
        group: u32,
        shown: u32,
        (path, query): (&'a str, Option<&'a str>),
        pool: &mut Pool,
        tables: &mut Tables,
    ) -> Option<u32> {
        let pieces = &mut self.pieces;
        let query_glob = match query {
            None => 0,
            Some(query) if pieces.refill(query) => glob(pieces, pool, tables),
            Some(_) => return None,
        };
        if !pieces.refill(path) {
            return None;
        }
        let path_glob = glob(pieces, pool, tables);
        let beginning = pieces.literals.first().copied().unwrap_or_default();
        let number = self.patterns.len() as u32;
        let texts = self.by_text.len().max(shown as usize + 1);
        self.by_text.resize(texts, 0);
        let latest = self.by_text.get_mut(shown as usize)?;
        let same_text = std::mem::replace(latest, number + 1);
        self.patterns.push(Pattern {
            group,
            shown,
            path,
            beginning,
            path_glob,
            query_glob,
            same_text,
        });
        if let Some(group) = self.groups.get_mut(group as usize) {
            group.patterns.push(number);
        }
        Some(number)
    }

    fn group(&mut self, set: u32, authority: Authority<'a>) -> u32 {
        let groups = &mut self.groups;
        *self
            .known_groups
            .entry((set, authority))
            .or_insert_with(|| {
                groups.push(Group {
                    set,
                    authority,
                    patterns: Vec::new(),
                });
                groups.len() as u32 - 1
            })
    }

    /// Writes the tables.
    pub(crate) fn finish(mut self, pool: &mut Pool, tables: &mut Tables) {
        let mut keys = Keys::default();
        self.choose_keys(&mut keys);
        self.owners.sort_unstable();
        let mut owners = self.owners.chunk_by(|a, b| a.0 == b.0);
        let mut policies: Vec<u32> = Vec::new();
        for pattern in &self.patterns {
            policies.clear();
            // Every pattern has an owner, and both are in order of the patterns' numbers.
            let run = owners.next().unwrap_or_default();
            policies.extend(run.iter().map(|&(_, policy)| policy));
            policies.dedup();
            let owners = match *policies.as_slice() {
                [only] => only | SINGLE,
                _ => pool.list(&policies, tables),
            };
            tables.patterns.extend_from_slice(&[
                owners,
                pattern.path_glob,
                pattern.query_glob,
                pattern.shown,
                pattern.group,
            ]);
        }
        for (number, group) in self.groups.iter().enumerate() {
            let number = number as u32;
            if let Some(set) = self.sets.get_mut(group.set as usize) {
                file_group(set, number, group, &mut keys);
            }
            let record = self.group_record(number, group, &mut keys, pool, tables);
            tables.groups.extend_from_slice(&record);
        }
        for set in self.sets {
            let wild = pool.list(&set.wild, tables);
            let other = pool.list(&set.other, tables);
            let plain = set.plain.map_or(0, |group| group + 1);
            let record: [u32; SET_WORDS] = [set.folded, set.name, wild, other, plain];
            tables.sets.extend_from_slice(&record);
        }
        keys.write(pool, tables);
    }

    /// Files each pattern under the rarest key that it has.
    fn choose_keys(&mut self, keys: &mut Keys) {
        let room = self.patterns.len() * 3;
        let mut counters: HashMap<u64, u32, Hashing> =
            HashMap::with_capacity_and_hasher(room, Hashing);
        let mut counts: Vec<u32> = Vec::with_capacity(room);
        let mut candidates: Vec<(Candidate, u32)> = Vec::with_capacity(room);
        let mut ends: Vec<usize> = Vec::with_capacity(self.patterns.len());
        for pattern in &self.patterns {
            // It was split before, when it was added.
            self.pieces.refill(pattern.path);
            pattern.candidates(&self.pieces, |candidate| {
                let next = counts.len() as u32;
                let counter = *counters.entry(candidate.key).or_insert(next);
                match counts.get_mut(counter as usize) {
                    Some(count) => *count += 1,
                    None => counts.push(1),
                }
                candidates.push((candidate, counter));
            });
            ends.push(candidates.len());
        }
        let mut candidates = candidates.into_iter();
        let mut start = 0;
        for ((number, pattern), end) in self.patterns.iter().enumerate().zip(ends) {
            let rarest =
                candidates
                    .by_ref()
                    .take(end - start)
                    .min_by_key(|(candidate, counter)| {
                        let count = counts.get(*counter as usize).copied().unwrap_or_default();
                        let longest_first = u32::MAX - candidate.length;
                        let rarity = count.max(FEW_PER_KEY);
                        (rarity, candidate.kind as u32, longest_first, candidate.key)
                    });
            start = end;
            let rarest = rarest.map(|(candidate, _)| candidate);
            keys.file(pattern.group, number as u32, rarest);
        }
    }

    fn group_record(
        &self,
        number: u32,
        group: &Group<'a>,
        keys: &mut Keys,
        pool: &mut Pool,
        tables: &mut Tables,
    ) -> [u32; GROUP_WORDS] {
        let part = |text: &'a str, pool: &mut Pool, tables: &mut Tables| {
            Pieces::split(text).map_or(0, |pieces| glob(&pieces, pool, tables))
        };
        let (scheme, host, port) = match group.authority {
            Authority::Http { scheme, host, port } => (scheme, host, port),
            Authority::Other { scheme, authority } => (scheme, authority, None),
            Authority::Plain => ("", "", None),
        };
        let scheme = part(scheme, pool, tables);
        let host = part(host, pool, tables);
        let port = port.map_or(0, |port| part(port, pool, tables));
        let all = self.by_literal_beginning(&group.patterns);
        let filed = keys.groups.remove(&number).unwrap_or_default();
        let lengths = |lengths: BTreeSet<u32>| -> Vec<u32> { lengths.into_iter().collect() };
        [
            group.set,
            scheme,
            host,
            port,
            filed.flags,
            pool.list(&lengths(filed.prefixes), tables),
            pool.list(&lengths(filed.suffixes), tables),
            pool.list(&filed.unkeyed, tables),
            pool.list(&all, tables),
        ]
    }

    /// Patterns in order of their literal beginnings, then of their paths.
    fn by_literal_beginning(&self, patterns: &[u32]) -> Vec<u32> {
        let key = |number: u32| {
            let pattern = self.patterns.get(number as usize);
            pattern.map(|p| (p.beginning, p.path, p.shown))
        };
        let mut order: Vec<(u128, u32)> = patterns
            .iter()
            .map(|&number| {
                let beginning = key(number).map(|(beginning, ..)| beginning);
                (head(beginning.unwrap_or_default()), number)
            })
            .collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))));
        order.into_iter().map(|(_, number)| number).collect()
    }
}

/// The first bytes of a text as a number: texts in order have them in order.
fn head(text: &str) -> u128 {
    let mut head = [0; 16];
    for (to, from) in head.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    u128::from_be_bytes(head)
}

/// Files a group under what its authority must be, or end with.
fn file_group(set: &mut Set, number: u32, group: &Group<'_>, keys: &mut Keys) {
    let literal = |text: &str| !text.contains('*');
    match group.authority {
        Authority::Http {
            scheme,
            host,
            port: Some(port),
        } if literal(scheme) && literal(host) && literal(port) => {
            let key = hash::add(hash::start(KeyKind::Authority, group.set), scheme);
            keys.add(hash::add(hash::add(key, host), port), number);
        }
        Authority::Http {
            host,
            port: Some(_),
            ..
        } if literal(host) => {
            set.wild.push(number);
            keys.add(
                hash::add(hash::start(KeyKind::Host, group.set), host),
                number,
            );
        }
        Authority::Http { host, .. } => {
            set.wild.push(number);
            let end = host.rfind('*').map_or("", |star| {
                // What a wildcard is written with belongs to it: `-*-`.
                let end = host.get(star + 1..).unwrap_or_default();
                end.strip_prefix('-').unwrap_or(end)
            });
            let suffix = end
                .find('.')
                .and_then(|dot| end.get(dot..))
                .unwrap_or_default();
            keys.add(
                hash::add(hash::start(KeyKind::HostSuffix, group.set), suffix),
                number,
            );
        }
        Authority::Other { scheme, authority } if literal(scheme) && literal(authority) => {
            let key = hash::add(hash::start(KeyKind::Other, group.set), scheme);
            keys.add(hash::add(key, authority), number);
        }
        Authority::Other { .. } => set.other.push(number),
        Authority::Plain => set.plain = Some(number),
    }
}

fn glob(pieces: &Pieces<'_>, pool: &mut Pool, tables: &mut Tables) -> u32 {
    let mut words = std::mem::take(&mut pool.items);
    words.clear();
    pieces.encode(&mut words, |literal| pool.text(literal));
    let glob = pool.glob(&words, tables);
    pool.items = words;
    glob
}

/// So many patterns under one key are as good as one. A request looks its segments up in any case, but every
/// length of a prefix or suffix that occurs costs it one more look: more than comparing a few patterns does.
const FEW_PER_KEY: u32 = 4;

impl Pattern<'_> {
    /// Calls `visit` with each key that the pattern may be filed under; `path` is its path, split.
    fn candidates(&self, path: &Pieces<'_>, mut visit: impl FnMut(Candidate)) {
        let mut consider = |kind, text: &str| {
            visit(Candidate {
                kind,
                length: text.len() as u32,
                key: hash::add(hash::start(kind, self.group), text),
            });
        };
        if path.is_literal() {
            return consider(KeyKind::Path, self.path);
        }
        literal_segments(path, |segment| consider(KeyKind::Segment, segment));
        if self.beginning.len() > 1 {
            consider(KeyKind::Prefix, self.beginning);
        }
        if let Some(suffix) = path.literals.last().filter(|s| !s.is_empty()) {
            consider(KeyKind::Suffix, suffix);
        }
    }
}

/// Calls `visit` with the segments that every covered path has: literal, with a `/` or an end on both sides.
fn literal_segments(path: &Pieces<'_>, mut visit: impl FnMut(&str)) {
    let last = path.literals.len() - 1;
    for (i, literal) in path.literals.iter().enumerate() {
        let mut parts = literal.split('/').enumerate().peekable();
        while let Some((n, part)) = parts.next() {
            let open_before = n == 0 && i > 0;
            let open_behind = parts.peek().is_none() && i < last;
            if !part.is_empty() && !open_before && !open_behind {
                visit(part);
            }
        }
    }
}
