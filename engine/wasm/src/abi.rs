//! Plain exports: bytes in linear memory, numbers for everything else.
//!
//! A call goes like this. The host asks once for an input buffer of the size it needs ([`assize_input`]) and
//! keeps its address; for each request it writes the bytes there, makes one call, and reads the answer where the
//! returned record says. The buffer stays the same until the host asks for another one or loads a bundle, so a
//! request costs one call and two copies.
//!
//! Every call that answers returns the address of one record: the answer's address and its length, two
//! little-endian `u32`. The answer lies there until the next call. Answers are JSON, errors included
//! (`{"error": {"code", "message", "path"}}`); the codes are the engine's, plus `badBundle` and `noBundle`.
//!
//! `evaluate`, `evaluateTree` and `explain` are one export: the request's own members `resources`, `tree` and
//! `explain` say which is meant, so that the same bytes mean the same thing in every runtime.
//!
//! A trap (memory exhausted, or a deadline of the host) leaves the instance unusable: throw it away.

use std::cell::RefCell;

use assize_engine::{AmCall, Bundle};

use crate::{build_id, error};

/// Gives a buffer of at least `size` bytes for the next inputs and returns its address; size 0 gives it back.
/// What it held before is gone. The address holds until the next `assize_input` or `assize_load`.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_input(size: u32) -> *mut u8 {
    with_module(|module| {
        if size == 0 || module.input.len() < size as usize {
            // The old one goes first: the two need never be there together.
            module.input = Vec::new();
            module.input = vec![0; size as usize];
        }
        module.input.as_mut_ptr()
    })
}

/// Loads the bundle in the first `length` bytes of the input buffer, which it takes over (ask for a new one).
/// The revision comes in two halves, since JavaScript has no 64-bit numbers but big ones.
/// Returns a handle, or -1 with a `badBundle` error in the record that [`assize_answer`] gives.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_load(length: u32, revision_low: u32, revision_high: u32) -> i32 {
    with_module(|module| {
        let mut bytes = std::mem::take(&mut module.input);
        if bytes.len() < length as usize {
            module.give(error::bad_length());
            return -1;
        }
        bytes.truncate(length as usize);
        bytes.shrink_to_fit();
        match Bundle::load(bytes) {
            Ok(mut bundle) => {
                bundle.set_revision(u64::from(revision_high) << 32 | u64::from(revision_low));
                module.add(bundle)
            }
            Err(error) => {
                module.give(error::bad_bundle(&error));
                -1
            }
        }
    })
}

/// Gives the bundle another revision: the same content published again. Returns 1, or 0 if there is none.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_set_revision(handle: u32, revision_low: u32, revision_high: u32) -> u32 {
    with_module(|module| {
        let Some(bundle) = find(&mut module.bundles, handle) else {
            return 0;
        };
        bundle.set_revision(u64::from(revision_high) << 32 | u64::from(revision_low));
        1
    })
}

/// Forgets a bundle and frees what it held. Returns 1, or 0 if there is none. Its handle is never given again.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_unload(handle: u32) -> u32 {
    with_module(|module| {
        let before = module.bundles.len();
        module.bundles.retain(|(held, _)| *held != handle);
        u32::from(module.bundles.len() < before)
    })
}

/// Answers the engine request (contract §3) in the first `length` bytes of the input buffer.
/// Returns the record's address.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_evaluate(handle: u32, length: u32) -> *const [u32; 2] {
    with_module(|module| {
        let answer = match (
            find(&mut module.bundles, handle),
            module.input.get(..length as usize),
        ) {
            (None, _) => error::no_bundle(handle),
            (_, None) => error::bad_length(),
            (Some(bundle), Some(request)) => assize_engine::answer(bundle, request),
        };
        module.give(answer)
    })
}

/// Answers AM's own request body: the input buffer holds the resolved context, and right after it the body as sent.
/// `call` is 0 for evaluate and 1 for evaluateTree. Returns the record's address.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_evaluate_am(
    handle: u32,
    context_length: u32,
    body_length: u32,
    call: u32,
) -> *const [u32; 2] {
    with_module(|module| {
        let answer = (|| {
            let bundle =
                find(&mut module.bundles, handle).ok_or_else(|| error::no_bundle(handle))?;
            let (context, rest) = module
                .input
                .split_at_checked(context_length as usize)
                .ok_or_else(error::bad_length)?;
            let body = rest
                .get(..body_length as usize)
                .ok_or_else(error::bad_length)?;
            let call = match call {
                0 => AmCall::Evaluate,
                1 => AmCall::EvaluateTree,
                other => return Err(error::bad_call(other)),
            };
            Ok(assize_engine::answer_am(bundle, context, body, call))
        })();
        module.give(answer.unwrap_or_else(|error| error))
    })
}

/// The record of the last answer.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_answer() -> *const [u32; 2] {
    with_module(|module| &raw const module.record)
}

/// Answers with the engine's version and build id: `{"version", "build"}`. Returns the record's address.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_about() -> *const [u32; 2] {
    with_module(|module| module.give(build_id::about().into_bytes()))
}

/// The bytes of memory that this instance has taken from its host so far.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn assize_memory() -> u32 {
    memory_taken()
}

#[cfg(target_arch = "wasm32")]
fn memory_taken() -> u32 {
    const PAGE: usize = 64 << 10;
    (core::arch::wasm32::memory_size::<0>().saturating_mul(PAGE)) as u32
}

/// Compiled natively the module only type-checks; there is no linear memory to measure.
#[cfg(not(target_arch = "wasm32"))]
fn memory_taken() -> u32 {
    0
}

/// Everything that an instance keeps between calls.
struct Module {
    input: Vec<u8>,
    answer: Vec<u8>,
    record: [u32; 2],
    /// Ascending by handle, since handles only grow.
    bundles: Vec<(u32, Bundle)>,
    next_handle: u32,
}

impl Module {
    /// Keeps `answer` until the next one and returns the record that leads to it.
    fn give(&mut self, answer: Vec<u8>) -> *const [u32; 2] {
        self.answer = answer;
        // Addresses and lengths are 32 bits wide in the memory that this module lives in.
        self.record = [self.answer.as_ptr().addr() as u32, self.answer.len() as u32];
        &raw const self.record
    }

    /// INVARIANT: a handle is never given twice, so that one that has gone stale can only answer `noBundle`
    /// and never from the bundle of another realm.
    fn add(&mut self, bundle: Bundle) -> i32 {
        let handle = self.next_handle;
        self.next_handle = handle.saturating_add(1);
        self.bundles.push((handle, bundle));
        handle as i32
    }
}

/// The bundle under `handle`. Few are loaded at once: looking at each is quickest.
fn find(bundles: &mut [(u32, Bundle)], handle: u32) -> Option<&mut Bundle> {
    bundles
        .iter_mut()
        .find(|(held, _)| *held == handle)
        .map(|(_, bundle)| bundle)
}

thread_local! {
    /// One per instance: the module has no threads.
    static MODULE: RefCell<Module> = const {
        RefCell::new(Module {
            input: Vec::new(),
            answer: Vec::new(),
            record: [0; 2],
            bundles: Vec::new(),
            next_handle: 0,
        })
    };
}

fn with_module<T>(call: impl FnOnce(&mut Module) -> T) -> T {
    // No export calls another, so the cell is always free.
    MODULE.with_borrow_mut(call)
}
