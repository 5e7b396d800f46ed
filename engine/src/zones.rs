//! The time-zone data inside a bundle: TZif by name, so that no host's own zones are ever asked.
//!
//! Number of entries, then for each the offsets of its name's and its data's beginning and end,
//! sorted by name; then names and data. All numbers are 32-bit, little-endian; offsets count from
//! the beginning. Zones that are the same under two names share their data.

/// The data of a zone; `None` where the bundle does not hold it, or the data is damaged.
pub(crate) fn find<'b>(zones: &'b [u8], name: &str) -> Option<&'b [u8]> {
    let count = word(zones, 0)? as usize;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = 4 + middle.checked_mul(16)?;
        let known = zones.get(word(zones, entry)? as usize..word(zones, entry + 4)? as usize)?;
        match known.cmp(name.as_bytes()) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => {
                return zones
                    .get(word(zones, entry + 8)? as usize..word(zones, entry + 12)? as usize);
            }
        }
    }
    None
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

/// Packs zones; `entries` is sorted by name.
#[cfg(feature = "compile")]
pub(crate) fn pack(entries: &[(&str, &[u8])]) -> Vec<u8> {
    if entries.is_empty() {
        return Vec::new();
    }
    let header = 4 + entries.len() * 16;
    let mut table = (entries.len() as u32).to_le_bytes().to_vec();
    let mut data: Vec<u8> = Vec::new();
    let mut known: std::collections::HashMap<&[u8], (u32, u32)> = std::collections::HashMap::new();
    let put = |data: &mut Vec<u8>, bytes: &[u8]| {
        let start = (header + data.len()) as u32;
        data.extend_from_slice(bytes);
        (start, start + bytes.len() as u32)
    };
    for &(name, bytes) in entries {
        let name = put(&mut data, name.as_bytes());
        let rules = *known.entry(bytes).or_insert_with(|| put(&mut data, bytes));
        for offset in [name.0, name.1, rules.0, rules.1] {
            table.extend_from_slice(&offset.to_le_bytes());
        }
    }
    table.extend_from_slice(&data);
    table
}
