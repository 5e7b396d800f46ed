use super::{KeyKind, hash};
use crate::bundle::layout::{BY_PATH, BY_SEGMENT, GROUP_WORDS, PATTERN_WORDS, SET_WORDS, SINGLE};
use crate::bundle::{Bundle, Tables};
use crate::evaluate::Evaluation;
use crate::resource::fold;
use crate::resource::glob::Glob;
use crate::resource::name::{HttpName, Name};

/// Bytes hashed or compared that count as one step.
const BYTES_A_STEP: u64 = 64;

/// The policy set of a name, found without regard to case.
pub(crate) fn find_set(bundle: &Bundle, name: &str) -> Option<u32> {
    let name = fold(name);
    let sets = &bundle.tables.sets;
    let (mut low, mut high) = (0, (sets.len() / SET_WORDS) as u32);
    while low < high {
        let middle = low + (high - low) / 2;
        let [folded, ..] = Tables::record::<SET_WORDS>(sets, middle);
        match bundle.strings.get(folded).cmp(&name) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle),
        }
    }
    None
}

/// The policies with a pattern that covers a name, each once, in order of their number.
pub(crate) fn covering(
    run: &mut Evaluation<'_>,
    set: u32,
    name: &Name<'_>,
    policies: &mut Vec<u32>,
) {
    let (path, query) = path_of(name);
    groups(run, set, name, |run, group| {
        in_group(run, group, path, |run, pattern| {
            let [owners, path_glob, query_glob, shown, _] =
                Tables::record::<PATTERN_WORDS>(&run.bundle.tables.patterns, pattern);
            let covered = covers(run, path_glob, path)
                && match query {
                    None => query_glob == 0,
                    Some(query) => query_glob != 0 && covers(run, query_glob, query),
                };
            if covered {
                let single = [owners & !SINGLE];
                let owners = match owners & SINGLE {
                    0 => run.bundle.tables.list(owners),
                    _ => &single,
                };
                // A path may lead to the same pattern by each of its segments, and each time all who have it are taken.
                if run.step(owners.len() as u64) {
                    policies.extend_from_slice(owners);
                    run.record_covering(owners, shown);
                }
            }
        });
    });
    if policies.len() > 1 {
        policies.sort_unstable();
        policies.dedup();
    }
}

/// The patterns that can cover some name at or beneath a root, whatever its query.
pub(crate) fn beneath(
    run: &mut Evaluation<'_>,
    set: u32,
    root: &Name<'_>,
    patterns: &mut Vec<u32>,
) {
    let (path, _) = path_of(root);
    let inside = if path.ends_with('/') {
        path.to_owned()
    } else {
        format!("{path}/")
    };
    groups(run, set, root, |run, group| {
        let [.., all] = Tables::record::<GROUP_WORDS>(&run.bundle.tables.groups, group);
        let all = run.bundle.tables.list(all);
        let bundle = run.bundle;
        let prefix = |pattern: u32| {
            let [_, glob, ..] = Tables::record::<PATTERN_WORDS>(&bundle.tables.patterns, pattern);
            decode(bundle, glob).map_or("", |glob| glob.prefix())
        };
        let mut consider = |run: &mut Evaluation<'_>, pattern: u32| {
            let [_, glob, ..] =
                Tables::record::<PATTERN_WORDS>(&run.bundle.tables.patterns, pattern);
            let work = 2 + inside.len() as u64 / 8;
            let Some(glob) = decode(run.bundle, glob).filter(|_| run.step(work)) else {
                return;
            };
            if glob.covers(path) || glob.covers_something_from(&inside) {
                patterns.push(pattern);
            }
        };
        // The patterns are sorted by their literal beginning: those that begin with the root's
        // path lie together, and so do those that begin with each shorter part of it.
        let start = all.partition_point(|&p| prefix(p) < path);
        for &pattern in all.get(start..).unwrap_or_default() {
            if !prefix(pattern).starts_with(path) {
                break;
            }
            consider(run, pattern);
        }
        for end in (0..path.len()).filter(|&end| path.is_char_boundary(end)) {
            let part = path.get(..end).unwrap_or_default();
            // A search among the patterns compares up to so many bytes a few times.
            if !run.step(1 + end as u64 / BYTES_A_STEP) {
                return;
            }
            let from = all.partition_point(|&p| prefix(p) < part);
            for &pattern in all.get(from..).unwrap_or_default() {
                if prefix(pattern) != part {
                    break;
                }
                consider(run, pattern);
            }
        }
    });
}

/// The number of a pattern's text and the policies that have it.
pub(crate) fn owners(bundle: &Bundle, pattern: u32) -> (u32, Vec<u32>) {
    let [owners, _, _, shown, _] = Tables::record(&bundle.tables.patterns, pattern);
    let owners = match owners & SINGLE {
        0 => bundle.tables.list(owners).to_vec(),
        _ => vec![owners & !SINGLE],
    };
    (shown, owners)
}

/// Calls `found` for each group of patterns whose authority covers the name's.
fn groups<'x>(
    run: &mut Evaluation<'x>,
    set: u32,
    name: &Name<'_>,
    mut found: impl FnMut(&mut Evaluation<'x>, u32),
) {
    let bundle = run.bundle;
    let [_, _, wild, other, plain] = Tables::record(&bundle.tables.sets, set);
    match name {
        Name::Http(name) => {
            let mut consider = |run: &mut Evaluation<'x>, group: u32| {
                if run.step(1) && covers_authority(bundle, group, name) {
                    found(run, group);
                }
            };
            let key = hash::add(hash::start(KeyKind::Authority, set), &name.scheme);
            let key = hash::add(hash::add(key, &name.host), &name.port);
            each(bundle, key, |group| consider(run, group));
            if !bundle.tables.list(wild).is_empty() {
                let key = hash::add(hash::start(KeyKind::Host, set), &name.host);
                each(bundle, key, |group| consider(run, group));
                let dots = name.host.match_indices('.').map(|(at, _)| at);
                for end in dots.chain([name.host.len()]) {
                    let suffix = name.host.get(end..).unwrap_or_default();
                    if !run.step(suffix.len() as u64 / BYTES_A_STEP) {
                        break;
                    }
                    let key = hash::add(hash::start(KeyKind::HostSuffix, set), suffix);
                    each(bundle, key, |group| consider(run, group));
                }
            }
        }
        Name::Other {
            scheme, authority, ..
        } => {
            let mut consider = |run: &mut Evaluation<'x>, group: u32| {
                let [_, scheme_glob, authority_glob, ..] = group_record(bundle, group);
                let covered = run.step(1)
                    && covers(run, scheme_glob, scheme)
                    && covers(run, authority_glob, authority);
                if covered {
                    found(run, group);
                }
            };
            let key = hash::add(hash::start(KeyKind::Other, set), scheme);
            each(bundle, hash::add(key, authority), |group| {
                consider(run, group)
            });
            for &group in bundle.tables.list(other) {
                consider(run, group);
            }
        }
        Name::Plain(_) => {
            if let Some(group) = plain.checked_sub(1) {
                found(run, group);
            }
        }
    }
}

fn covers_authority(bundle: &Bundle, group: u32, name: &HttpName<'_>) -> bool {
    let [_, scheme, host, port, ..] = group_record(bundle, group);
    let glob_covers = |glob, text: &str| decode(bundle, glob).is_some_and(|g| g.covers(text));
    glob_covers(scheme, &name.scheme)
        && if port == 0 {
            // Only a name without a host has no port.
            let colon = if name.port.is_empty() { "" } else { ":" };
            glob_covers(host, &[&name.host, colon, &name.port].concat())
        } else {
            glob_covers(host, &name.host) && glob_covers(port, &name.port)
        }
}

/// Calls `consider` for each pattern of a group that may cover a path.
fn in_group<'x>(
    run: &mut Evaluation<'x>,
    group: u32,
    path: &str,
    mut consider: impl FnMut(&mut Evaluation<'x>, u32),
) {
    let bundle = run.bundle;
    let [_, _, _, _, flags, prefixes, suffixes, unkeyed, _] = group_record(bundle, group);
    if flags & BY_PATH != 0 {
        let key = hash::add(hash::start(KeyKind::Path, group), path);
        each(bundle, key, |pattern| consider(run, pattern));
    }
    if flags & BY_SEGMENT != 0 {
        let start = hash::start(KeyKind::Segment, group);
        let mut rest = path;
        while !rest.is_empty() {
            let end = rest.bytes().position(|b| b == b'/').unwrap_or(rest.len());
            let (segment, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if !segment.is_empty() {
                let key = hash::add(start, segment);
                each(bundle, key, |pattern| consider(run, pattern));
            }
            rest = behind.get(1..).unwrap_or_default();
        }
    }
    for &length in bundle.tables.list(prefixes) {
        if !run.step(u64::from(length) / BYTES_A_STEP) {
            return;
        }
        if let Some(prefix) = path.get(..length as usize) {
            let key = hash::add(hash::start(KeyKind::Prefix, group), prefix);
            each(bundle, key, |pattern| consider(run, pattern));
        }
    }
    for &length in bundle.tables.list(suffixes) {
        if !run.step(u64::from(length) / BYTES_A_STEP) {
            return;
        }
        let suffix = path
            .len()
            .checked_sub(length as usize)
            .and_then(|at| path.get(at..));
        if let Some(suffix) = suffix {
            let key = hash::add(hash::start(KeyKind::Suffix, group), suffix);
            each(bundle, key, |pattern| consider(run, pattern));
        }
    }
    for &pattern in bundle.tables.list(unkeyed) {
        consider(run, pattern);
    }
}

/// Calls `found` for what is filed under a key, and perhaps for what shares its tag.
fn each(bundle: &Bundle, key: u64, mut found: impl FnMut(u32)) {
    let slots = &bundle.tables.slots;
    let count = slots.len() / 2;
    let (start, tag) = hash::finish(key);
    for step in 0..count {
        let at = (start.wrapping_add(step) & (count - 1)) * 2;
        match slots.get(at..at + 2) {
            Some(&[_, 0]) | None => return,
            Some(&[known, posting]) if known == tag => {
                if posting & SINGLE != 0 {
                    found(posting & !SINGLE);
                } else {
                    for &item in bundle.tables.list(posting) {
                        found(item);
                    }
                }
                // Another key may have the same tag: only an empty slot ends the search.
            }
            Some(_) => {}
        }
    }
}

fn group_record(bundle: &Bundle, group: u32) -> [u32; GROUP_WORDS] {
    Tables::record(&bundle.tables.groups, group)
}

fn decode(bundle: &Bundle, glob: u32) -> Option<Glob<'_>> {
    let words = bundle.tables.globs.get(glob as usize..)?;
    Glob::decode(words, &bundle.strings)
}

/// Whether a glob covers a text, at the price of what is compared.
fn covers(run: &mut Evaluation<'_>, glob: u32, text: &str) -> bool {
    let Some(glob) = decode(run.bundle, glob) else {
        return false;
    };
    run.step(1 + text.len() as u64 * glob.pieces() as u64 / 64) && glob.covers(text)
}

fn path_of<'n>(name: &'n Name<'_>) -> (&'n str, Option<&'n str>) {
    match name {
        Name::Http(HttpName { path, query, .. }) => (path, query.as_deref()),
        Name::Other { rest, .. } => (rest, None),
        Name::Plain(text) => (text, None),
    }
}
