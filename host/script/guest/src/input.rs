//! What the host wrote: the script and what it is told, one after the other.

use std::cell::{Cell, RefCell};

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static SESSION: Cell<usize> = const { Cell::new(0) };
}

/// Where the host is to write so many bytes.
pub(crate) fn room(size: usize) -> *mut u8 {
    BYTES.with_borrow_mut(|bytes| {
        *bytes = vec![0; size];
        bytes.as_mut_ptr()
    })
}

/// All of it.
pub(crate) fn read<T>(work: impl FnOnce(&[u8]) -> T) -> T {
    BYTES.with_borrow(|bytes| work(bytes))
}

/// Says how long the session's text is, the last thing in the input.
pub(crate) fn set_session(length: usize) {
    SESSION.set(length);
}

/// The session's text. It is longer than all else, so it is looked at when a script asks for something of it: few do.
pub(crate) fn session<T>(work: impl FnOnce(&[u8]) -> T) -> T {
    read(|bytes| {
        let start = bytes.len().saturating_sub(SESSION.get());
        work(bytes.get(start..).unwrap_or_default())
    })
}
