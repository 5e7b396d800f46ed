use sha2::{Digest, Sha256};

use super::{CONTENT, ENGINE, FORMAT, MAGIC, Strings, Tables};

/// The bytes of a bundle. Equal tables give equal bytes.
pub(crate) fn encode(realm: u32, tables: &Tables, strings: &Strings, zones: &[u8]) -> Vec<u8> {
    let words: usize = tables.all().iter().map(|t| t.len()).sum();
    let mut out = Vec::with_capacity(
        CONTENT + 64 + 4 * (words + strings.offsets.len()) + strings.text.len() + zones.len(),
    );
    out.extend_from_slice(&MAGIC);
    push(&mut out, FORMAT);
    push(&mut out, ENGINE);
    out.extend_from_slice(&[0; 32]);
    push(&mut out, realm);
    for table in tables.all() {
        push(&mut out, table.len() as u32);
    }
    push(&mut out, strings.count() as u32);
    push(&mut out, strings.text.len() as u32);
    push(&mut out, zones.len() as u32);
    for table in tables.all() {
        for &word in table {
            push(&mut out, word);
        }
    }
    for &offset in &strings.offsets {
        push(&mut out, offset);
    }
    out.extend_from_slice(strings.text.as_bytes());
    out.extend_from_slice(zones);
    let (header, content) = out.split_at_mut(CONTENT);
    header[16..].copy_from_slice(&Sha256::digest(&*content));
    out
}

fn push(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_le_bytes());
}
