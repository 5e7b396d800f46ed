//! The guest side of `script.wasm`: one JavaScript engine that runs one policy script and is then thrown away.
//!
//! `prepare` is called once, when the module is made: what it leaves in memory is the module's first memory from then
//! on. A host instantiates the module, writes what a script is and is told, calls `assize_script_run` once, and reads the
//! answer.
//!
//! ```text
//! assize_script_input(size) -> address                     a buffer for what the next call takes, one after the other
//! assize_script_run(script, inputs, session) -> record     lengths in bytes; runs the script
//! assize_script_check(script) -> record                    only looks whether it can be parsed
//! ```
//! A record is two words: address and length of a JSON text. Its shapes, and those of inputs and session, stand in
//! `prelude.js`.

mod clock;
mod marks;
mod sandbox;

use std::cell::RefCell;

use sandbox::Sandbox;

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State { sandbox: None, input: Vec::new(), answer: String::new(), record: [0, 0] }) };
}

struct State {
    sandbox: Option<Sandbox>,
    input: Vec<u8>,
    answer: String,
    record: [usize; 2],
}

/// Makes the engine and what scripts find in it. Called once, by whoever makes the module. True if it worked.
#[unsafe(no_mangle)]
pub extern "C" fn prepare() -> bool {
    STATE.with_borrow_mut(|state| {
        state.sandbox = Sandbox::new();
        state.sandbox.is_some()
    })
}

/// A buffer of so many bytes for what the next call takes.
#[unsafe(no_mangle)]
pub extern "C" fn assize_script_input(size: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.input = vec![0; size];
        state.input.as_mut_ptr()
    })
}

/// Runs the script of `script` bytes with the inputs (JSON) of `inputs` bytes behind it, and behind them the session's
/// JSON of `session` bytes: none where there is no session.
#[unsafe(no_mangle)]
pub extern "C" fn assize_script_run(script: usize, inputs: usize, session: usize) -> *const usize {
    answer(|sandbox, input| {
        let (script, rest) = input.split_at_checked(script)?;
        let (inputs, rest) = rest.split_at_checked(inputs)?;
        sandbox.run(script, inputs, rest.get(..session)?)
    })
}

/// Looks whether the script of `script` bytes can be parsed.
#[unsafe(no_mangle)]
pub extern "C" fn assize_script_check(script: usize) -> *const usize {
    answer(|sandbox, input| sandbox.check(input.get(..script)?))
}

fn answer(work: impl FnOnce(&mut Sandbox, &[u8]) -> Option<String>) -> *const usize {
    STATE.with_borrow_mut(|state| {
        let answer = state
            .sandbox
            .as_mut()
            .and_then(|sandbox| work(sandbox, &state.input));
        state.answer = answer.unwrap_or_else(|| {
            r#"{"result":{"error":"the script engine gave no answer"},"log":[]}"#.to_owned()
        });
        state.record = [state.answer.as_ptr() as usize, state.answer.len()];
        state.record.as_ptr()
    })
}
