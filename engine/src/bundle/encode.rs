use sha2::{Digest, Sha256};

use super::checksum::checksum;
use super::{Bundle, BundleError, CONTENT, DIGEST, ENGINE, FORMAT, MAGIC, Strings, Tables};

/// The bytes of a bundle. Equal tables give equal bytes.
pub(crate) fn encode(
    realm: u32,
    tables: &Tables,
    strings: &Strings,
    zones: &[u8],
    scripts: &str,
) -> Vec<u8> {
    let words: usize = tables.all().iter().map(|t| t.len()).sum();
    let mut out = Vec::with_capacity(
        CONTENT
            + 64
            + 4 * (words + strings.offsets.len())
            + strings.text.len()
            + zones.len()
            + scripts.len(),
    );
    out.extend_from_slice(&MAGIC);
    push(&mut out, FORMAT);
    push(&mut out, ENGINE);
    out.resize(CONTENT, 0);
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
    out.extend_from_slice(scripts.as_bytes());
    let (header, content) = out.split_at_mut(CONTENT);
    header[DIGEST].copy_from_slice(&Sha256::digest(&*content));
    header[DIGEST.end..].copy_from_slice(&checksum(content).to_le_bytes());
    out
}

/// The digest that the content of a bundle has, in hex: to be compared with
/// [`Bundle::digest`], which is what its header says.
///
/// # Errors
/// The bytes are no bundle.
pub fn digest_of(bundle: &[u8]) -> Result<String, BundleError> {
    Bundle::load(bundle.to_vec())?;
    let content = bundle.get(CONTENT..).unwrap_or_default();
    Ok(super::hex(&Sha256::digest(content)))
}

fn push(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_le_bytes());
}
