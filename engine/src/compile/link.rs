//! Lowered policies to the bytes of a bundle.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::lower::{CompiledPolicy, Lowered, Zones, unpack_pattern};
use super::packed::Unpacker;
use super::tree::{Shape, unpack_words};
use crate::bundle::layout::POLICY_WORDS;
use crate::bundle::{Strings, Tables, encode};
use crate::index::build::Index;
use crate::index::hash;
use crate::lang::zone::database;
use crate::resource::fold;
use crate::zones;

/// Puts policies together into a bundle of one realm. `sets` names the realm's policy sets, be
/// they empty: a request for a set that is not among them is an error.
///
/// INVARIANT: the bytes depend on the policies and the names alone, not on their order.
pub fn link<'a>(
    realm: &str,
    sets: impl IntoIterator<Item = &'a str>,
    policies: impl IntoIterator<Item = &'a CompiledPolicy>,
) -> Vec<u8> {
    let mut names: Vec<(String, &str)> = sets
        .into_iter()
        .map(|n| (fold(n).into_owned(), n))
        .collect();
    names.sort();
    names.dedup_by(|a, b| a.0 == b.0);
    let mut policies: Vec<(u32, Lowered<'a>)> = policies
        .into_iter()
        .map(CompiledPolicy::read)
        .filter(|policy| policy.active)
        .filter_map(|policy| {
            let set = names.binary_search_by(|(folded, _)| folded.as_str().cmp(policy.policy_set));
            set.ok().map(|set| (set as u32, policy))
        })
        .collect();
    policies.sort_by(|(a_set, a), (b_set, b)| (a_set, a.name).cmp(&(b_set, b.name)));
    let mut pool = Pool::with_room_for(policies.len());
    let mut tables = Tables {
        // Node 0 is "no condition"; list 0 is the empty list; glob 0 is "none".
        nodes: vec![0, 0],
        lists: vec![0],
        globs: vec![0],
        ..Tables::default()
    };
    let realm = pool.text(realm);
    let mut index = Index::with_room_for(policies.len());
    for (folded, name) in &names {
        index.add_set(folded, name, &mut pool);
    }
    let mut zones = Zones::Named(BTreeSet::new());
    for (number, (set, policy)) in policies.into_iter().enumerate() {
        let mut from = policy.rest;
        zones.unpack(&mut from);
        let record = lower(policy.name, set, &mut from, &mut pool, &mut tables);
        tables.policies.extend_from_slice(&record);
        for _ in 0..from.number() {
            let pattern = unpack_pattern(&mut from);
            index.add_pattern(set, number as u32, pattern, &mut pool, &mut tables);
        }
    }
    index.finish(&mut pool, &mut tables);
    encode(realm, &tables, &pool.strings, &pack_zones(&zones), "")
}

/// The record of a policy.
fn lower(
    name: &str,
    set: u32,
    from: &mut Unpacker<'_>,
    pool: &mut Pool,
    tables: &mut Tables,
) -> [u32; POLICY_WORDS] {
    let name = pool.text(name);
    let subject = pool.node(from, tables);
    let condition = match from.number() {
        0 => 0,
        _ => pool.node(from, tables),
    };
    let mut items = std::mem::take(&mut pool.items);
    items.clear();
    for _ in 0..from.number() {
        let action = pool.text(from.text());
        items.push(action << 1 | from.number());
    }
    let actions = pool.list(&items, tables);
    items.clear();
    for _ in 0..from.number() {
        items.push(from.number());
        items.push(pool.text(from.text()));
        let values = from.number();
        items.push(values);
        items.extend((0..values).map(|_| pool.text(from.text())));
    }
    let attributes = pool.list(&items, tables);
    pool.items = items;
    [name, set, subject, condition, actions, attributes]
}

fn pack_zones(zones: &Zones<'_>) -> Vec<u8> {
    match zones {
        Zones::All => zones::pack(&database::all()),
        Zones::Named(names) => {
            let entries: Vec<(&str, &[u8])> = names
                .iter()
                .filter_map(|name| database::find(name))
                .collect();
            zones::pack(&entries)
        }
    }
}

/// What equal parts share: texts, nodes, lists and globs, each written once.
#[derive(Default)]
pub(crate) struct Pool {
    texts: Known,
    strings: Strings,
    nodes: Known,
    lists: Known,
    globs: Known,
    /// Where a list is put together.
    scratch: Vec<u32>,
    /// Where a policy's lists and a pattern's globs are: memory that is asked for once.
    pub(crate) items: Vec<u32>,
    /// The words of nodes that are not complete yet, a child's above those of its parents.
    unfinished: Vec<u32>,
}

/// Where something of a hash stands. What stands there is compared: a hash decides nothing.
type Known = HashMap<u64, u32, Hashing>;

impl Pool {
    fn with_room_for(policies: usize) -> Self {
        let room = |count| Known::with_capacity_and_hasher(count, Hashing);
        Self {
            texts: room(policies * 4),
            nodes: room(policies),
            lists: room(policies),
            globs: room(policies),
            ..Self::default()
        }
    }

    /// The number of a text.
    pub(crate) fn text(&mut self, text: &str) -> u32 {
        let strings = &mut self.strings;
        if strings.offsets.is_empty() {
            strings.offsets.push(0);
        }
        let mut key = hash::of_text(text);
        loop {
            match self.texts.entry(key) {
                Entry::Occupied(known) if strings.get(*known.get()) == text => return *known.get(),
                Entry::Occupied(_) => key = hash::another(key),
                Entry::Vacant(free) => {
                    strings.text.push_str(text);
                    strings.offsets.push(strings.text.len() as u32);
                    return *free.insert(strings.count() as u32 - 1);
                }
            }
        }
    }

    /// The offset of a list.
    pub(crate) fn list(&mut self, items: &[u32], tables: &mut Tables) -> u32 {
        if items.is_empty() {
            return 0;
        }
        self.scratch.clear();
        self.scratch.push(items.len() as u32);
        self.scratch.extend_from_slice(items);
        write_once(&mut self.lists, &self.scratch, &mut tables.lists)
    }

    /// The offset of a glob.
    pub(crate) fn glob(&mut self, words: &[u32], tables: &mut Tables) -> u32 {
        write_once(&mut self.globs, words, &mut tables.globs)
    }

    /// The offset of a tree's root, its children before it.
    fn node(&mut self, from: &mut Unpacker<'_>, tables: &mut Tables) -> u32 {
        let start = self.unfinished.len();
        self.unfinished.extend([from.number(), 0]);
        match Shape::unpack(from) {
            Shape::Join(count) => {
                self.unfinished.push(count);
                for _ in 0..count {
                    let child = self.node(from, tables);
                    self.unfinished.push(child);
                }
            }
            Shape::Not => {
                let child = self.node(from, tables);
                self.unfinished.push(child);
            }
            Shape::Leaf(count) => unpack_words(count, from, |word| {
                let word = word.unwrap_or_else(|text| self.text(text));
                self.unfinished.push(word);
            }),
        }
        let words = self.unfinished.get_mut(start..).unwrap_or_default();
        let width = words.len() as u32 - 2;
        if let Some(slot) = words.get_mut(1) {
            *slot = width;
        }
        let at = write_once(&mut self.nodes, words, &mut tables.nodes);
        self.unfinished.truncate(start);
        at
    }
}

/// Where these words stand in a table, which they are added to if they do not.
fn write_once(known: &mut Known, words: &[u32], table: &mut Vec<u32>) -> u32 {
    let mut key = hash::of_words(words);
    loop {
        match known.entry(key) {
            Entry::Occupied(place) => {
                let at = *place.get() as usize;
                if table.get(at..at + words.len()) == Some(words) {
                    return at as u32;
                }
                key = hash::another(key);
            }
            Entry::Vacant(free) => {
                let at = table.len() as u32;
                table.extend_from_slice(words);
                return *free.insert(at);
            }
        }
    }
}

/// Hashing for maps of our own words and texts: quick, and nothing iterates over them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hashing;

impl std::hash::BuildHasher for Hashing {
    type Hasher = crate::index::hash::Hasher;
    fn build_hasher(&self) -> Self::Hasher {
        Self::Hasher::default()
    }
}
