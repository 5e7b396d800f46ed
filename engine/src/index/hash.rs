//! The hash of the index: fast, and the same on every machine.
//!
//! Requests cannot add keys, and every hit is compared in full, so the hash need not withstand
//! anyone; it must be quick for texts of 5 to 50 bytes.

use super::KeyKind;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Starts a key of a kind, for a policy set or group.
pub(crate) fn start(kind: KeyKind, owner: u32) -> u64 {
    mix(0, u64::from(kind as u32) << 32 | u64::from(owner))
}

/// Adds a text to a key.
pub(crate) fn add(key: u64, text: &str) -> u64 {
    let mut key = mix(key, text.len() as u64);
    let mut chunks = text.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        key = mix(key, chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        key = mix(key, u64::from_le_bytes(last));
    }
    key
}

/// Ends a key: where to look first, and the tag by which its slot is told from its neighbours.
pub(crate) fn finish(key: u64) -> (usize, u32) {
    let key = key ^ (key >> 29);
    let key = key.wrapping_mul(MULTIPLIER);
    ((key >> 32) as usize, key as u32)
}

fn mix(key: u64, word: u64) -> u64 {
    (key.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER)
}

/// The hash of a text, for whatever is written once.
#[cfg(feature = "compile")]
pub(crate) fn of_text(text: &str) -> u64 {
    add(0, text)
}

/// The hash of words.
#[cfg(feature = "compile")]
pub(crate) fn of_words(words: &[u32]) -> u64 {
    words
        .iter()
        .fold(words.len() as u64, |key, &word| mix(key, u64::from(word)))
}

/// Where to look when something else has this hash.
#[cfg(feature = "compile")]
pub(crate) fn another(key: u64) -> u64 {
    mix(key, 1)
}

/// The same hash for maps.
#[cfg(feature = "compile")]
#[derive(Default)]
pub(crate) struct Hasher(u64);

#[cfg(feature = "compile")]
impl std::hash::Hasher for Hasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.0 = mix(self.0, chunk.try_into().map_or(0, u64::from_le_bytes));
        }
        let rest = chunks.remainder();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.0 = mix(self.0, u64::from_le_bytes(last));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = mix(self.0, u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = mix(self.0, number as u64);
    }

    fn finish(&self) -> u64 {
        let (high, low) = finish(self.0);
        (high as u64) << 32 | u64::from(low)
    }
}
