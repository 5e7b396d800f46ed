//! The plain exports of the floor compiled to WebAssembly.
//!
//! A caller asks for room with `input`, writes a policy file or a request there, and calls `load` or `decide`; the answer lies
//! at `output` for as many bytes as `decide` says, until the next call.

#![allow(
    unsafe_code,
    reason = "an export's name is an unsafe attribute; no memory is touched beside the language's rules"
)]

use std::sync::{Mutex, PoisonError};

use crate::Index;

static STATE: Mutex<State> = Mutex::new(State {
    index: None,
    input: Vec::new(),
    output: Vec::new(),
});

struct State {
    index: Option<Index>,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Makes room for `length` bytes and says where.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn input(length: usize) -> *mut u8 {
    with(|state| {
        state.input.resize(length.max(state.input.len()), 0);
        state.input.as_mut_ptr()
    })
}

/// Reads a policy file of `length` bytes from the input. 1 if it could be read, else 0.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn load(length: usize) -> u32 {
    with(|state| {
        let file = std::mem::take(&mut state.input);
        state.index = file.get(..length).and_then(Index::build);
        u32::from(state.index.is_some())
    })
}

/// Decides a request of `length` bytes in the input; the number of bytes at the output, 0 if there is no answer.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn decide(length: usize) -> usize {
    with(|state| {
        state.output.clear();
        if let (Some(index), Some(request)) = (&state.index, state.input.get(..length)) {
            crate::decide(index, request, &mut state.output);
        }
        state.output.len()
    })
}

/// Where the last answer lies.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn output() -> *const u8 {
    with(|state| state.output.as_ptr())
}

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    work(&mut STATE.lock().unwrap_or_else(PoisonError::into_inner))
}
