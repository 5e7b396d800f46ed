//! The hash table that patterns and groups are filed in.

use std::collections::{BTreeSet, HashMap};

use super::{KeyKind, hash};
use crate::bundle::Tables;
use crate::bundle::layout::{BY_PATH, BY_SEGMENT, SINGLE};
use crate::compile::link::{Hashing, Pool};

/// A key under which a pattern may be filed.
pub(super) struct Candidate {
    pub(super) kind: KeyKind,
    /// Bytes of the text that it is made of.
    pub(super) length: u32,
    pub(super) key: u64,
}

/// Keys and what is filed under them.
#[derive(Default)]
pub(super) struct Keys {
    entries: Vec<(u64, u32)>,
    pub(super) groups: HashMap<u32, Filed, Hashing>,
}

/// How the patterns of one group are filed.
#[derive(Default)]
pub(super) struct Filed {
    pub(super) flags: u32,
    pub(super) prefixes: BTreeSet<u32>,
    pub(super) suffixes: BTreeSet<u32>,
    pub(super) unkeyed: Vec<u32>,
}

impl Keys {
    /// Files an item under a key.
    pub(super) fn add(&mut self, key: u64, item: u32) {
        self.entries.push((key, item));
    }

    /// Files a pattern of a group; one without a key is looked at for every name.
    pub(super) fn file(&mut self, group: u32, pattern: u32, under: Option<Candidate>) {
        let filed = self.groups.entry(group).or_default();
        let Some(candidate) = under else {
            filed.unkeyed.push(pattern);
            return;
        };
        match candidate.kind {
            KeyKind::Path => filed.flags |= BY_PATH,
            KeyKind::Segment => filed.flags |= BY_SEGMENT,
            KeyKind::Prefix => {
                filed.prefixes.insert(candidate.length);
            }
            _ => {
                filed.suffixes.insert(candidate.length);
            }
        }
        self.add(candidate.key, pattern);
    }

    /// Writes the hash table. At most two thirds of its slots are taken, so that a search ends.
    pub(super) fn write(mut self, pool: &mut Pool, tables: &mut Tables) {
        self.entries.sort_unstable();
        let mut postings: Vec<(u64, u32)> = Vec::with_capacity(self.entries.len());
        for run in self.entries.chunk_by(|a, b| a.0 == b.0) {
            if let Some(&(key, first)) = run.first() {
                let posting = match run {
                    [_] => first | SINGLE,
                    _ => {
                        let items: Vec<u32> = run.iter().map(|&(_, item)| item).collect();
                        pool.list(&items, tables)
                    }
                };
                postings.push((key, posting));
            }
        }
        let count = (postings.len() * 3 / 2 + 1).next_power_of_two();
        tables.slots = vec![0; count * 2];
        for (key, posting) in postings {
            let (start, tag) = hash::finish(key);
            let free = (0..count)
                .map(|step| (start.wrapping_add(step) & (count - 1)) * 2)
                .find(|&at| tables.slots.get(at + 1) == Some(&0));
            if let Some(slot) = free.and_then(|at| tables.slots.get_mut(at..at + 2)) {
                slot.copy_from_slice(&[tag, posting]);
            }
        }
    }
}
