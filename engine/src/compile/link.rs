//! Lowered policies to the bytes of a bundle.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use super::lower::{CompiledPolicy, Zones};
use super::tree::{Tree, Word};
use crate::bundle::layout::POLICY_WORDS;
use crate::bundle::{Strings, Tables, encode};
use crate::evaluate::{FROM_PROFILE, STATIC};
use crate::index::build::Index;
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
    let mut pool = Pool::default();
    let mut tables = Tables {
        // Node 0 is "no condition"; list 0 is the empty list; glob 0 is "none".
        nodes: vec![0, 0],
        lists: vec![0],
        globs: vec![0],
        ..Tables::default()
    };
    let realm = pool.text(realm);
    let mut index = Index::default();
    for (folded, name) in &names {
        index.add_set(folded.clone(), name, &mut pool);
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
            );
        }
    }
    index.finish(&mut pool, &mut tables);
    let zones = pack_zones(policies.iter().map(|(_, policy)| &policy.zones));
    encode(realm, &tables, &pool.strings, &zones)
}

fn lower<'a>(
    policy: &'a CompiledPolicy,
    set: u32,
    pool: &mut Pool<'a>,
    tables: &mut Tables,
) -> [u32; POLICY_WORDS] {
    let name = pool.text(&*policy.name);
    let subject = pool.node(&policy.subject, tables);
    let condition = policy
        .condition
        .as_ref()
        .map_or(0, |tree| pool.node(tree, tables));
    let actions: Vec<u32> = policy
        .actions
        .iter()
        .map(|(action, allowed)| pool.text(&**action) << 1 | u32::from(*allowed))
        .collect();
    let actions = pool.list(actions, tables);
    let mut attributes = Vec::new();
    for attribute in &policy.attributes {
        attributes.push(if attribute.from_profile {
            FROM_PROFILE
        } else {
            STATIC
        });
        attributes.push(pool.text(&*attribute.name));
        attributes.push(attribute.values.len() as u32);
        attributes.extend(attribute.values.iter().map(|value| pool.text(&**value)));
    }
    let attributes = pool.list(attributes, tables);
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

/// What equal parts share: texts, nodes and lists.
#[derive(Default)]
pub(crate) struct Pool<'a> {
    texts: HashMap<Cow<'a, str>, u32, Hashing>,
    strings: Strings,
    nodes: HashMap<Vec<u32>, u32, Hashing>,
    lists: HashMap<Vec<u32>, u32, Hashing>,
    globs: HashMap<Vec<u32>, u32, Hashing>,
}

impl<'a> Pool<'a> {
    /// The number of a text.
    pub(crate) fn text(&mut self, text: impl Into<Cow<'a, str>>) -> u32 {
        let text = text.into();
        if let Some(&known) = self.texts.get(&*text) {
            return known;
        }
        let strings = &mut self.strings;
        if strings.offsets.is_empty() {
            strings.offsets.push(0);
        }
        strings.text.push_str(&text);
        strings.offsets.push(strings.text.len() as u32);
        let number = strings.count() as u32 - 1;
        self.texts.insert(text, number);
        number
    }

    /// The offset of a list.
    pub(crate) fn list(&mut self, items: Vec<u32>, tables: &mut Tables) -> u32 {
        if items.is_empty() {
            return 0;
        }
        if let Some(&known) = self.lists.get(&items) {
            return known;
        }
        let offset = tables.lists.len() as u32;
        tables.lists.push(items.len() as u32);
        tables.lists.extend_from_slice(&items);
        self.lists.insert(items, offset);
        offset
    }

    /// The offset of a glob.
    pub(crate) fn glob(&mut self, words: Vec<u32>, tables: &mut Tables) -> u32 {
        if let Some(&known) = self.globs.get(&words) {
            return known;
        }
        let offset = tables.globs.len() as u32;
        tables.globs.extend_from_slice(&words);
        self.globs.insert(words, offset);
        offset
    }

    /// The offset of a tree's root, its children before it.
    fn node(&mut self, tree: &'a Tree, tables: &mut Tables) -> u32 {
        let mut words = vec![tree.kind_word(), 0];
        match tree {
            Tree::Join(_, children) => {
                words.push(children.len() as u32);
                for child in children {
                    let child = self.node(child, tables);
                    words.push(child);
                }
            }
            Tree::Not(child) => {
                let child = self.node(child, tables);
                words.push(child);
            }
            Tree::Leaf(_, _, payload) => {
                for word in payload {
                    words.push(match word {
                        Word::Number(number) => *number,
                        Word::Text(text) => self.text(&**text),
                    });
                }
            }
        }
        let width = words.len() as u32 - 2;
        if let Some(slot) = words.get_mut(1) {
            *slot = width;
        }
        if let Some(&known) = self.nodes.get(&words) {
            return known;
        }
        let offset = tables.nodes.len() as u32;
        tables.nodes.extend_from_slice(&words);
        self.nodes.insert(words, offset);
        offset
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
