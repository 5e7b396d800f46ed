//! The plain exports: a caller asks for room with `input`, writes there, and calls `load`, or `keep` for each request.

#![allow(
    unsafe_code,
    reason = "an export's name is an unsafe attribute; no memory is touched beside the language's rules"
)]

use std::sync::{Mutex, PoisonError};

use crate::Prepared;

static STATE: Mutex<State> = Mutex::new(State {
    prepared: None,
    input: Vec::new(),
});

struct State {
    prepared: Option<Prepared>,
    input: Vec<u8>,
}

/// Makes room for exactly `length` bytes and says where.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn input(length: usize) -> *mut u8 {
    with(|state| {
        state.input = vec![0; length];
        state.input.as_mut_ptr()
    })
}

/// Loads the bundle that the input holds. 1 if it is one, else 0.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn load() -> u32 {
    with(|state| {
        state.prepared = Prepared::load(std::mem::take(&mut state.input));
        u32::from(state.prepared.is_some())
    })
}

/// Parses and keeps the request that the input holds. 1 if it could be parsed, else 0.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn keep() -> u32 {
    with(|state| {
        let request = std::mem::take(&mut state.input);
        state
            .prepared
            .as_mut()
            .map_or(0, |prepared| u32::from(prepared.keep(request)))
    })
}

/// Evaluates every request once and counts the actions that are allowed.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn evaluate_all() -> u32 {
    with(|state| state.prepared.as_ref().map_or(0, Prepared::evaluate_all))
}

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    work(&mut STATE.lock().unwrap_or_else(PoisonError::into_inner))
}
