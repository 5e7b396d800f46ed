use super::checksum::checksum;
use super::layout::{GROUP_WORDS, PATTERN_WORDS, POLICY_WORDS, SET_WORDS, SINGLE, TABLES};
use super::{Bundle, BundleError, CONTENT, DIGEST, ENGINE, FORMAT, MAGIC, Strings, Tables, hex};
use crate::evaluate::check_node;
use crate::limits::MAX_BUNDLE_BYTES;
use crate::resource::glob::Glob;

/// Reads a bundle. Total: every byte string is either a sound bundle or an error.
pub(crate) fn decode(bytes: &[u8]) -> Result<Bundle, BundleError> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLarge(bytes.len()));
    }
    if !bytes.starts_with(&MAGIC) || bytes.len() < CONTENT {
        return Err(BundleError::NotABundle);
    }
    let (header, content) = bytes.split_at(CONTENT);
    let mut reader = Reader {
        bytes: header.get(8..).unwrap_or_default(),
    };
    match reader.word()? {
        FORMAT => {}
        other => return Err(BundleError::Format(other)),
    }
    match reader.word()? {
        needed if needed <= ENGINE => {}
        needed => return Err(BundleError::Engine(needed)),
    }
    let digest = hex(header.get(DIGEST).unwrap_or_default());
    if header.get(DIGEST.end..) != Some(&checksum(content).to_le_bytes()) {
        return Err(BundleError::Checksum);
    }
    let bundle = read_content(content, digest)?;
    check(&bundle)?;
    Ok(bundle)
}

fn read_content(content: &[u8], digest: String) -> Result<Bundle, BundleError> {
    let mut reader = Reader { bytes: content };
    let realm = reader.word()?;
    let mut lengths = [0_usize; TABLES + 3];
    for length in &mut lengths {
        *length = reader.word()? as usize;
    }
    let [
        sets,
        groups,
        patterns,
        policies,
        nodes,
        globs,
        lists,
        slots,
        strings,
        text,
        zones,
    ] = lengths;
    let tables = Tables {
        sets: reader.words(sets)?,
        groups: reader.words(groups)?,
        patterns: reader.words(patterns)?,
        policies: reader.words(policies)?,
        nodes: reader.words(nodes)?,
        globs: reader.words(globs)?,
        lists: reader.words(lists)?,
        slots: reader.words(slots)?,
    };
    let offsets = reader.words(strings.saturating_add(1))?;
    let text = std::str::from_utf8(reader.take(text)?)
        .map_err(|_| BundleError::Damaged("text is not UTF-8"))?
        .to_owned();
    let zones = reader.take(zones)?.to_vec();
    let scripts = std::str::from_utf8(reader.bytes)
        .map_err(|_| BundleError::Damaged("scripts are not UTF-8"))?
        .to_owned();
    let mut bundle = Bundle {
        strings: Strings { text, offsets },
        tables,
        zones,
        scripts,
        realm,
        digest,
        revision: 0,
        signature: String::new(),
    };
    bundle.set_revision(0);
    Ok(bundle)
}

/// INVARIANT: after this every offset that evaluation follows lies inside its table, and every
/// node's children lie before it, so that no evaluation runs in a circle.
fn check(bundle: &Bundle) -> Result<(), BundleError> {
    let (tables, strings) = (&bundle.tables, &bundle.strings);
    let damaged = |sound: bool, what: &'static str| {
        if sound {
            Ok(())
        } else {
            Err(BundleError::Damaged(what))
        }
    };
    let ends_fit = strings.offsets.first() == Some(&0)
        && strings
            .offsets
            .last()
            .is_some_and(|&e| e as usize == strings.text.len());
    let ordered = strings.offsets.is_sorted()
        && strings
            .offsets
            .iter()
            .all(|&o| strings.text.is_char_boundary(o as usize));
    damaged(ends_fit && ordered, "string offsets")?;
    let text = |id: u32| (id as usize) < strings.count();
    damaged(text(bundle.realm), "realm")?;
    for (table, width) in [
        (&tables.sets, SET_WORDS),
        (&tables.groups, GROUP_WORDS),
        (&tables.patterns, PATTERN_WORDS),
        (&tables.policies, POLICY_WORDS),
        (&tables.slots, 2),
    ] {
        damaged(
            table.len().is_multiple_of(width),
            "a table ends inside a record",
        )?;
    }
    let slot_count = tables.slots.len() / 2;
    damaged(slot_count.is_power_of_two(), "slots")?;
    let count = |table: &Vec<u32>, width: usize| (table.len() / width) as u32;
    let (sets, groups) = (
        count(&tables.sets, SET_WORDS),
        count(&tables.groups, GROUP_WORDS),
    );
    let (patterns, policies) = (
        count(&tables.patterns, PATTERN_WORDS),
        count(&tables.policies, POLICY_WORDS),
    );
    let lists = Lists::read(&tables.lists).ok_or(BundleError::Damaged("lists"))?;
    let list = |offset: u32, below: u32| lists.holds(offset, below);
    let glob = |offset: u32| {
        tables
            .globs
            .get(offset as usize..)
            .and_then(|words| Glob::decode(words, strings).map(|g| (words, g)))
            .is_some_and(|(words, _)| {
                let n = words.first().copied().unwrap_or_default() as usize;
                words
                    .get(2..2 + n)
                    .is_some_and(|ids| ids.iter().all(|&id| text(id)))
            })
    };
    for set in tables.sets.chunks_exact(SET_WORDS) {
        if let &[folded, name, wild, other, plain] = set {
            let sound = text(folded) && text(name) && list(wild, groups) && list(other, groups);
            damaged(sound && plain <= groups, "a policy set")?;
        }
    }
    for group in tables.groups.chunks_exact(GROUP_WORDS) {
        if let &[set, scheme, host, port, _, prefixes, suffixes, unkeyed, all] = group {
            let globs = glob(scheme) && glob(host) && (port == 0 || glob(port));
            let lists = list(prefixes, u32::MAX)
                && list(suffixes, u32::MAX)
                && list(unkeyed, patterns)
                && list(all, patterns);
            damaged(set < sets && globs && lists, "a group of patterns")?;
        }
    }
    for pattern in tables.patterns.chunks_exact(PATTERN_WORDS) {
        if let &[owners, path, query, shown, group] = pattern {
            let globs = glob(path) && (query == 0 || glob(query));
            let owned = match owners & SINGLE {
                0 => list(owners, policies),
                _ => owners & !SINGLE < policies,
            };
            damaged(globs && owned && text(shown) && group < groups, "a pattern")?;
        }
    }
    check_nodes(bundle)?;
    for policy in tables.policies.chunks_exact(POLICY_WORDS) {
        if let &[name, set, subject, condition, actions, attributes] = policy {
            let lists = list(actions, u32::MAX) && list(attributes, u32::MAX);
            let nodes = tables.nodes.len() as u32;
            let trees = subject < nodes && condition < nodes;
            damaged(text(name) && set < sets && lists && trees, "a policy")?;
        }
    }
    // Slots hold patterns, or groups: the lookup checks what it gets, so only lists are checked.
    for slot in tables.slots.chunks_exact(2) {
        if let &[_, posting] = slot {
            let sound = posting & SINGLE != 0 || list(posting, u32::MAX);
            damaged(sound, "a slot")?;
        }
    }
    Ok(())
}

/// The lists of a bundle, which lie one behind the other.
///
/// A short one is looked through for each record that names it. Of a long one only the largest item is kept, so that checking takes
/// time in the size of the bundle, however many records name however long a list.
struct Lists<'t> {
    words: &'t [u32],
    /// Offset and largest item of each long list, by offset.
    long: Vec<(u32, u32)>,
}

/// Items of the longest list that is looked through again and again.
const SHORT_LIST: usize = 16;

impl<'t> Lists<'t> {
    /// `None` where the last list ends early.
    fn read(words: &'t [u32]) -> Option<Self> {
        let mut long = Vec::new();
        let mut at = 0_usize;
        while let Some(&count) = words.get(at) {
            let end = (at + 1).checked_add(count as usize)?;
            let items = words.get(at + 1..end)?;
            if items.len() > SHORT_LIST {
                long.push((at as u32, items.iter().copied().max()?));
            }
            at = end;
        }
        Some(Self { words, long })
    }

    /// Whether a list lies at `offset` whose items are all below a number.
    fn holds(&self, offset: u32, below: u32) -> bool {
        let at = offset as usize;
        match self.words.get(at).map(|&count| count as usize) {
            Some(count) if count <= SHORT_LIST => self
                .words
                .get(at + 1..at + 1 + count)
                .is_some_and(|items| items.iter().all(|&item| item < below)),
            Some(_) => {
                let place = self.long.binary_search_by_key(&offset, |&(at, _)| at);
                let known = place.ok().and_then(|place| self.long.get(place));
                known.is_some_and(|&(_, largest)| largest < below)
            }
            None => false,
        }
    }
}

fn check_nodes(bundle: &Bundle) -> Result<(), BundleError> {
    let nodes = &bundle.tables.nodes;
    // Where each node begins, and how deep its tree is.
    let mut known: Vec<(u32, usize)> = Vec::new();
    let mut at = 0_usize;
    while at < nodes.len() {
        let (kind, payload) = bundle.tables.node(at as u32);
        let width = nodes.get(at + 1).copied().unwrap_or_default() as usize;
        let depth = check_node(bundle, kind, payload, &known).filter(|_| payload.len() == width);
        let Some(depth) = depth else {
            return Err(BundleError::Damaged("a condition or subject"));
        };
        known.push((at as u32, depth));
        at = at.saturating_add(2).saturating_add(width);
    }
    let known = |offset: u32| known.binary_search_by_key(&offset, |&(o, _)| o).is_ok();
    let sound = bundle.tables.policies.chunks_exact(POLICY_WORDS).all(|policy| {
        matches!(policy, &[_, _, subject, condition, _, _] if known(subject) && known(condition))
    });
    if sound {
        Ok(())
    } else {
        Err(BundleError::Damaged("a policy's subject or condition"))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], BundleError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or(BundleError::Damaged("it ends early"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u32, BundleError> {
        let bytes = self.take(4)?;
        Ok(bytes.try_into().map_or(0, u32::from_le_bytes))
    }

    fn words(&mut self, count: usize) -> Result<Vec<u32>, BundleError> {
        let bytes = self.take(count.saturating_mul(4))?;
        Ok(bytes
            .chunks_exact(4)
            .map(|c| c.try_into().map_or(0, u32::from_le_bytes))
            .collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Lists, SHORT_LIST};

    #[test]
    fn a_list_is_where_one_was_written_and_holds_what_is_below() {
        let mut words = vec![0, 2, 5, 7];
        let long = words.len() as u32;
        words.push(SHORT_LIST as u32 + 1);
        // Its items read as a long list themselves, at a place where none begins.
        words.extend([SHORT_LIST as u32 + 1; SHORT_LIST + 1]);
        let lists = Lists::read(&words).unwrap();
        let largest = SHORT_LIST as u32 + 1;
        for (offset, below, holds) in [
            (0, 0, true),
            (1, 8, true),
            (1, 7, false),
            (long, largest + 1, true),
            (long, largest, false),
            (long + 1, u32::MAX, false),
            (words.len() as u32, u32::MAX, false),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(lists.holds(offset, below), holds, "{offset} {below}");
        }
        words.pop();
        assert!(Lists::read(&words).is_none(), "the last list ends early");
    }
}
