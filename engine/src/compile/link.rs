//! Lowered policies to the bytes of a bundle.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::lower::{CompiledPolicy, Zones};
use super::tree::{Tree, Word};
use crate::bundle::layout::POLICY_WORDS;
use crate::bundle::{Strings, Tables, encode};
use crate::evaluate::{FROM_PROFILE, STATIC};
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
    let mut policies: Vec<(usize, &CompiledPolicy)> = policies
        .into_iter()
        .filter(|policy| policy.active)
        .filter_map(|policy| {
            let set = names.binary_search_by(|(folded, _)| folded.cmp(&policy.policy_set));
            set.ok().map(|set| (set, policy))
        })
        .collect();
    policies.sort_by(|(a_set, a), (b_set, b)| (a_set, &a.name).cmp(&(b_set, &b.name)));
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
    for (number, (set, policy)) in policies.iter().enumerate() {
        let record = lower(policy, *set as u32, &mut pool, &mut tables);
        tables.policies.extend_from_slice(&record);
        for pattern in &policy.patterns {
            index.add_pattern(
                *set as u32,
                number as u32,
                (&pattern.shown, &pattern.folded),
                &mut pool,
                &mut tables,
            );
        }
    }
    index.finish(&mut pool, &mut tables);
    let zones = pack_zones(policies.iter().map(|(_, policy)| &policy.zones));
    encode(realm, &tables, &pool.strings, &zones, "")
}

fn lower(
    policy: &CompiledPolicy,
    set: u32,
    pool: &mut Pool,
    tables: &mut Tables,
) -> [u32; POLICY_WORDS] {
    let name = pool.text(&policy.name);
    let subject = pool.node(&policy.subject, tables);
    let condition = policy
        .condition
        .as_ref()
        .map_or(0, |tree| pool.node(tree, tables));
    let actions: Vec<u32> = policy
        .actions
        .iter()
        .map(|(action, allowed)| pool.text(action) << 1 | u32::from(*allowed))
        .collect();
    let actions = pool.list(&actions, tables);
    let mut attributes = Vec::new();
    for attribute in &policy.attributes {
        attributes.push(if attribute.from_profile {
            FROM_PROFILE
        } else {
            STATIC
        });
        attributes.push(pool.text(&attribute.name));
        attributes.push(attribute.values.len() as u32);
        attributes.extend(attribute.values.iter().map(|value| pool.text(value)));
    }
    let attributes = pool.list(&attributes, tables);
    [name, set, subject, condition, actions, attributes]
}

fn pack_zones<'a>(needs: impl Iterator<Item = &'a Zones>) -> Vec<u8> {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for need in needs {
        match need {
            Zones::All => return zones::pack(&database::all()),
            Zones::Named(names) => named.extend(names),
        }
    }
    let entries: Vec<(&str, &[u8])> = named.into_iter().filter_map(database::find).collect();
    zones::pack(&entries)
}

/// What equal parts share: texts, nodes, lists and globs, each written once.
#[derive(Default)]
pub(crate) struct Pool {
    texts: Known,
    strings: Strings,
    nodes: Known,
    lists: Known,
    globs: Known,
    /// Where a node's words are put together.
    scratch: Vec<u32>,
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
    fn node(&mut self, tree: &Tree, tables: &mut Tables) -> u32 {
        let mut words = Vec::with_capacity(16);
        words.extend([tree.kind_word(), 0]);
        match tree {
            Tree::Join(_, children) => {
                words.push(children.len() as u32);
                for child in children {
                    words.push(self.node(child, tables));
                }
            }
            Tree::Not(child) => words.push(self.node(child, tables)),
            Tree::Leaf(_, _, payload) => {
                for word in payload {
                    words.push(match word {
                        Word::Number(number) => *number,
                        Word::Text(text) => self.text(text),
                    });
                }
            }
        }
        let width = words.len() as u32 - 2;
        if let Some(slot) = words.get_mut(1) {
            *slot = width;
        }
        write_once(&mut self.nodes, &words, &mut tables.nodes)
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
