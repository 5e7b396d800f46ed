//! The compiled form of policies: what the engine evaluates and what travels to enforcement points.
//!
//! A bundle is a header, then tables of 32-bit words (little-endian), then text and time-zone
//! data. Loading checks the tables and builds nothing; evaluation only reads them.
//!
//! ```text
//! offset  size
//!      0     8  magic "ASZBNDL\0"
//!      8     4  format version
//!     12     4  lowest engine version that can evaluate it
//!     16    32  digest: SHA-256 of everything from offset 56 on
//!     48     8  checksum of the same
//!     56     4  realm (string id)
//!     60  4×11  lengths: words of each table in `Tables` order, number of strings, bytes of text, bytes of zones
//!    104        the tables, the string offsets, the text, the zone data, and up to the end the scripts
//! ```
//!
//! The scripts are text for whoever resolves outside conditions; the engine carries it and reads none of it. Most bundles
//! have none.
//!
//! Loading verifies the checksum, which finds damage; the digest names the content, and the
//! signature around a published bundle covers it. Whoever verifies a signature computes the digest
//! with the platform's own SHA-256, which is many times faster than one inside the module.

mod checksum;
mod decode;
#[cfg(feature = "compile")]
mod encode;
mod facts;
pub(crate) mod layout;
pub(crate) mod node;

use std::fmt;

#[cfg(feature = "compile")]
pub use encode::digest_of;
#[cfg(feature = "compile")]
pub(crate) use encode::encode;
pub use facts::RequiredFacts;
pub(crate) use layout::{Strings, Tables};

/// First bytes of every bundle.
pub(crate) const MAGIC: [u8; 8] = *b"ASZBNDL\0";
/// Version of the layout. A bundle of another version is refused.
pub(crate) const FORMAT: u32 = 1;
/// Version of the evaluation semantics: a bundle names the lowest that it needs.
pub(crate) const ENGINE: u32 = 1;
/// Where the content begins that the digest covers.
pub(crate) const CONTENT: usize = 56;
/// Where the header names the digest.
pub(crate) const DIGEST: std::ops::Range<usize> = 16..48;

/// Policies of one realm, loaded and ready to be evaluated. Immutable.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(crate) strings: Strings,
    pub(crate) tables: Tables,
    pub(crate) zones: Vec<u8>,
    scripts: String,
    realm: u32,
    digest: String,
    revision: u64,
    /// `{"digest":…,"revision":…}`, which every answer ends with.
    signature: String,
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}

impl Bundle {
    /// Checks and loads a bundle.
    ///
    /// # Errors
    /// [`BundleError`] when the bytes are no bundle, are damaged, or need another engine. No
    /// input makes this panic.
    pub fn load(bytes: Vec<u8>) -> Result<Self, BundleError> {
        decode::decode(&bytes)
    }

    /// Hex SHA-256 of the content: equal policies have equal digests.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The realm whose policies these are, in path form.
    pub fn realm(&self) -> &str {
        self.strings.get(self.realm)
    }

    /// The scripts that came along: `[[id, name, source], …]` as JSON text; empty where there are none.
    pub fn scripts(&self) -> &str {
        &self.scripts
    }

    /// The bytes of the same bundle with these scripts in the place of those that it had.
    #[cfg(feature = "compile")]
    pub fn with_scripts(&self, scripts: &str) -> Vec<u8> {
        encode(
            self.realm,
            &self.tables,
            &self.strings,
            &self.zones,
            scripts,
        )
    }

    /// The revision under which the bundle was published; 0 where it was never published.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Names the revision. It travels outside the content: older content can be published again.
    pub fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
        self.name_in_answers();
    }

    /// What names this bundle in an answer.
    pub(crate) fn signature(&self) -> &str {
        &self.signature
    }

    fn name_in_answers(&mut self) {
        let (digest, revision) = (&self.digest, self.revision);
        self.signature = format!("{{\"digest\":\"{digest}\",\"revision\":{revision}}}");
    }

    /// How many policies the bundle holds.
    pub fn policy_count(&self) -> usize {
        self.tables.policies.len() / layout::POLICY_WORDS
    }

    /// Names of the policy sets that the bundle holds, sorted.
    pub fn policy_sets(&self) -> impl Iterator<Item = &str> {
        self.tables
            .sets
            .chunks_exact(layout::SET_WORDS)
            .map(|set| self.strings.get(set.get(1).copied().unwrap_or_default()))
    }
}

/// Why bytes are not a bundle that this engine evaluates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleError {
    /// The bytes do not begin as a bundle does.
    NotABundle,
    /// The layout is of another version.
    Format(u32),
    /// The policies need a newer engine.
    Engine(u32),
    /// The content does not have the checksum that the header names.
    Checksum,
    /// A table ends early or points outside of another one; the text says which.
    Damaged(&'static str),
    /// Larger than [`crate::limits::MAX_BUNDLE_BYTES`].
    TooLarge(usize),
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABundle => f.write_str("not a bundle"),
            Self::Format(version) => {
                write!(
                    f,
                    "bundle format {version}; this engine reads format {FORMAT}"
                )
            }
            Self::Engine(version) => write!(
                f,
                "the bundle needs engine version {version}; this is version {ENGINE}"
            ),
            Self::Checksum => f.write_str("damaged bundle: its checksum does not match"),
            Self::Damaged(what) => write!(f, "damaged bundle: {what}"),
            Self::TooLarge(size) => write!(
                f,
                "a bundle of {size} bytes; at most {} are loaded",
                crate::limits::MAX_BUNDLE_BYTES
            ),
        }
    }
}

impl std::error::Error for BundleError {}
