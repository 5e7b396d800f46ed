//! The module's own name for itself, so that an answer can be traced to the engine that gave it.

use std::hint::black_box;

/// The engine's version and build id, as JSON.
pub(crate) fn about() -> String {
    format!(
        r#"{{"version":"{}","build":"{}"}}"#,
        env!("CARGO_PKG_VERSION"),
        build_id()
    )
}

/// SHA-256, in lower-case hex, of the module as it was before this very text was written into it.
///
/// A module that did not come out of the build of `host/module` still has the blank: it calls itself "unnamed".
pub(crate) fn build_id() -> &'static str {
    // The optimiser must not look inside: the bytes it sees are not the ones that will be there.
    let place: &'static [u8; 64] = black_box(&PLACE);
    if place.starts_with(b"assize-build-id-") {
        return "unnamed";
    }
    std::str::from_utf8(place).unwrap_or("unnamed")
}

/// The blank that the build of `host/module` looks for, once in the module, and replaces by the id.
static PLACE: [u8; 64] = *b"assize-build-id-................................................";
