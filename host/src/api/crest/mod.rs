//! The rules that AM's REST endpoints share (CREST): paths and realms, versions, operations, parameters, layout.

pub(crate) mod body;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod operation;
pub(crate) mod parameters;
pub(crate) mod path;
pub(crate) mod pattern;
pub(crate) mod pretty;
pub(crate) mod version;
