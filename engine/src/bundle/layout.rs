//! The tables of a bundle and how their words are read.
//!
//! | table | record |
//! |---|---|
//! | sets | folded name, name, wildcard http groups (list), groups for other names (list), group for names without scheme + 1 |
//! | groups | set, scheme glob, host glob, port glob (0: the host glob covers the whole authority), flags, prefix lengths (list), suffix lengths (list), unkeyed patterns (list), all patterns by literal prefix (list) |
//! | patterns | policies (bit 31: one, itself; else a list), path glob, query glob (0: none), text, group |
//! | policies | name, set, subject node, condition node (0: none), actions (list), attributes (list) |
//! | nodes | kind, number of payload words, payload |
//! | globs | see [`crate::resource::glob`] |
//! | lists | number of items, items |
//! | slots | hash table: tag, posting (bit 31: one item, itself; else a list) |
//!
//! Offset 0 of `nodes`, `globs` and `lists` is reserved: "none", or the empty list.

/// Words of one record.
pub(crate) const SET_WORDS: usize = 5;
/// Words of one record.
pub(crate) const GROUP_WORDS: usize = 9;
/// Words of one record.
pub(crate) const PATTERN_WORDS: usize = 5;
/// Words of one record.
pub(crate) const POLICY_WORDS: usize = 6;
/// Marks a posting, or the owners of a pattern, that are one item rather than a list.
pub(crate) const SINGLE: u32 = 1 << 31;
/// Group flag: some pattern is found by a literal segment.
pub(crate) const BY_SEGMENT: u32 = 1;
/// Group flag: some pattern is found by its whole literal path.
pub(crate) const BY_PATH: u32 = 2;

/// All tables of words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) sets: Vec<u32>,
    pub(crate) groups: Vec<u32>,
    pub(crate) patterns: Vec<u32>,
    pub(crate) policies: Vec<u32>,
    pub(crate) nodes: Vec<u32>,
    pub(crate) globs: Vec<u32>,
    pub(crate) lists: Vec<u32>,
    pub(crate) slots: Vec<u32>,
}

/// Number of tables.
pub(crate) const TABLES: usize = 8;

impl Tables {
    #[cfg(feature = "compile")]
    pub(crate) fn all(&self) -> [&Vec<u32>; TABLES] {
        [
            &self.sets,
            &self.groups,
            &self.patterns,
            &self.policies,
            &self.nodes,
            &self.globs,
            &self.lists,
            &self.slots,
        ]
    }

    /// The record number `index` of a table.
    pub(crate) fn record<const N: usize>(table: &[u32], index: u32) -> [u32; N] {
        let start = index as usize * N;
        table
            .get(start..start + N)
            .and_then(|r| r.try_into().ok())
            .unwrap_or([0; N])
    }

    /// The items of the list at `offset`.
    pub(crate) fn list(&self, offset: u32) -> &[u32] {
        let offset = offset as usize;
        let count = self.lists.get(offset).copied().unwrap_or_default() as usize;
        self.lists
            .get(offset + 1..offset + 1 + count)
            .unwrap_or_default()
    }

    /// Kind and payload of the node at `offset`.
    pub(crate) fn node(&self, offset: u32) -> (u32, &[u32]) {
        let offset = offset as usize;
        let kind = self.nodes.get(offset).copied().unwrap_or_default();
        let count = self.nodes.get(offset + 1).copied().unwrap_or_default() as usize;
        (
            kind,
            self.nodes
                .get(offset + 2..offset + 2 + count)
                .unwrap_or_default(),
        )
    }
}

/// The texts of a bundle, each known by its number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Strings {
    pub(crate) text: String,
    /// Where each string begins, and at last where the text ends.
    pub(crate) offsets: Vec<u32>,
}

impl Strings {
    pub(crate) fn get(&self, id: u32) -> &str {
        let id = id as usize;
        match self.offsets.get(id..id.saturating_add(2)) {
            Some(&[start, end]) => self
                .text
                .get(start as usize..end as usize)
                .unwrap_or_default(),
            _ => "",
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }
}

/// Reads a payload word by word. A payload that ends early reads as zeros and is remembered, so
/// that the check at load time and the evaluation use the same code.
#[derive(Debug, Clone)]
pub(crate) struct Payload<'b> {
    words: &'b [u32],
    strings: &'b Strings,
    pub(crate) damaged: bool,
}

impl<'b> Payload<'b> {
    pub(crate) fn new(words: &'b [u32], strings: &'b Strings) -> Self {
        Self {
            words,
            strings,
            damaged: false,
        }
    }

    pub(crate) fn word(&mut self) -> u32 {
        match self.words.split_first() {
            Some((&word, rest)) => {
                self.words = rest;
                word
            }
            None => {
                self.damaged = true;
                0
            }
        }
    }

    pub(crate) fn signed(&mut self) -> i32 {
        self.word().cast_signed()
    }

    pub(crate) fn long(&mut self) -> i64 {
        let (low, high) = (self.word(), self.word());
        (u64::from(high) << 32 | u64::from(low)).cast_signed()
    }

    pub(crate) fn text(&mut self) -> &'b str {
        let id = self.word();
        if id as usize >= self.strings.count() {
            self.damaged = true;
        }
        self.strings.get(id)
    }

    /// How many records follow: never more than there are words, so that a loop over them ends.
    pub(crate) fn count(&mut self) -> u32 {
        let count = self.word();
        if count as usize > self.words.len() {
            self.damaged = true;
            return 0;
        }
        count
    }

    /// How many words are left.
    pub(crate) fn rest(&self) -> usize {
        self.words.len()
    }

    /// How many strings the counted run holds that comes next.
    pub(crate) fn ids_ahead(&self) -> usize {
        self.words.first().copied().unwrap_or_default() as usize
    }

    /// The next `count` words.
    pub(crate) fn run(&mut self, count: usize) -> &'b [u32] {
        match self.words.split_at_checked(count) {
            Some((run, rest)) => {
                self.words = rest;
                run
            }
            None => {
                self.damaged = true;
                &[]
            }
        }
    }

    /// A counted run of strings, as their ids.
    pub(crate) fn ids(&mut self) -> &'b [u32] {
        let count = self.word() as usize;
        let ids = self.run(count);
        if ids.iter().any(|&id| id as usize >= self.strings.count()) {
            self.damaged = true;
        }
        ids
    }

    /// A counted run of strings.
    pub(crate) fn texts(&mut self) -> impl Iterator<Item = &'b str> + Clone + use<'b> {
        let strings = self.strings;
        self.ids().iter().map(move |&id| strings.get(id))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}
