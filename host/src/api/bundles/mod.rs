//! Bundles for enforcement points: sealed, scoped, and told about when they change (DESIGN §4).

pub(crate) mod keys;
