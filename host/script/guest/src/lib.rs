//! The guest side of `script.wasm`: one JavaScript engine that runs one policy script and is then thrown away.
//!
//! `prepare` is called once, when the module is made: what it leaves in memory is the module's first memory from then
//! on. A host instantiates the module, writes what a script is and is told, calls `assize_script_run` once, and reads the
//! answer.
//!
//! ```text
//! assize_script_input(size) -> address       a buffer for what the next call takes, one after the other
//! assize_script_run(now, script, resource, name, username, environment, session) -> record
//!                                            runs the script: the instant in epoch milliseconds, then lengths in bytes
//! assize_script_check(script) -> record      only looks whether it can be parsed
//! ```
//! Script, resource, the script's name and the username are UTF-8 text as it is; the length of a username that there is none
//! of is -1. Environment and session are JSON, and empty where there is nothing in the one and none of the other. A record is
//! two words: address and length of a JSON text. Its shapes, and those of environment and session, stand in `prelude.js`.

mod clock;
mod input;
mod marks;
mod sandbox;

use std::cell::RefCell;

use sandbox::{Inputs, Sandbox};

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State { sandbox: None, answer: String::new(), record: [0, 0] }) };
}

struct State {
    sandbox: Option<Sandbox>,
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
    input::room(size)
}

/// Runs the script with what it is told.
#[unsafe(no_mangle)]
pub extern "C" fn assize_script_run(
    now: f64,
    script: usize,
    resource: usize,
    name: usize,
    username: usize,
    environment: usize,
    session: usize,
) -> *const usize {
    clock::set(now);
    input::set_session(session);
    answer(|sandbox, input| {
        let mut rest = input;
        let mut text = |length: usize| std::str::from_utf8(rest.split_off(..length)?).ok();
        let script = text(script)?;
        let inputs = Inputs {
            resource: text(resource)?,
            name: text(name)?,
            username: match username {
                usize::MAX => None,
                length => Some(text(length)?),
            },
            environment: text(environment)?,
            has_session: session > 0,
        };
        sandbox.run(script, &inputs)
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
            .and_then(|sandbox| input::read(|input| work(sandbox, input)));
        state.answer = answer.unwrap_or_else(|| {
            r#"{"result":{"error":"the script engine gave no answer"},"log":[]}"#.to_owned()
        });
        state.record = [state.answer.as_ptr() as usize, state.answer.len()];
        state.record.as_ptr()
    })
}
