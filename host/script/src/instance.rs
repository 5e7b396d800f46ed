//! One instance for one call, and what ended it where it gave no answer.

use wasmtime::{Store, Trap, Val};

use crate::Runtime;
use crate::runtime::RUN_TICKS;

/// Which of the module's two calls is made.
pub(crate) enum Call<'a> {
    Run { script: &'a [u8], inputs: &'a [u8] },
    Check { script: &'a [u8] },
}

/// Makes an instance, calls it, and gives its answer's JSON.
///
/// # Errors
/// The words of what ended it, the same in every runtime but for the last two: too many steps, calls too deep, too much
/// memory; a trap inside the engine; the deadline.
pub(crate) fn call(runtime: &Runtime, call: &Call<'_>) -> Result<Vec<u8>, String> {
    let mut store = Store::new(runtime.pre.module().engine(), ());
    store.set_epoch_deadline(RUN_TICKS);
    let failed =
        |error: wasmtime::Error| format!("the script engine could not be started: {error:#}");
    let instance = runtime.pre.instantiate(&mut store).map_err(failed)?;
    let memory = instance
        .get_memory(&mut store, "memory")
        .ok_or_else(broken)?;
    let input = instance
        .get_typed_func::<u32, u32>(&mut store, "assize_script_input")
        .map_err(failed)?;
    let (first, second): (&[u8], &[u8]) = match *call {
        Call::Run { script, inputs } => (script, inputs),
        Call::Check { script } => (script, &[]),
    };
    let answered = (|| -> wasmtime::Result<u32> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(wasmtime::Error::from);
        let (one, two) = (length(first)?, length(second)?);
        let address = input.call(&mut store, one.saturating_add(two))? as usize;
        memory.write(&mut store, address, first)?;
        memory.write(&mut store, address.saturating_add(first.len()), second)?;
        match call {
            Call::Run { .. } => instance
                .get_typed_func::<(u32, u32), u32>(&mut store, "assize_script_run")?
                .call(&mut store, (one, two)),
            Call::Check { .. } => instance
                .get_typed_func::<u32, u32>(&mut store, "assize_script_check")?
                .call(&mut store, one),
        }
    })();
    let record = match answered {
        Ok(record) => record as usize,
        Err(error) => {
            let fault = instance.get_global(&mut store, "assize_fault");
            let fault = fault.map(|global| global.get(&mut store));
            return Err(ended(&fault, &error));
        }
    };
    let bytes = memory.data(&store);
    let word = |at: usize| -> Option<usize> {
        let bytes = bytes.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let answer = || {
        let start = word(record)?;
        bytes.get(start..start.checked_add(word(record.checked_add(4)?)?)?)
    };
    answer().map(<[u8]>::to_vec).ok_or_else(broken)
}

fn ended(fault: &Option<Val>, error: &wasmtime::Error) -> String {
    let words = match fault {
        Some(Val::I32(1)) => "the script takes too many steps",
        Some(Val::I32(2)) => "the script's calls are nested too deeply",
        Some(Val::I32(3)) => "the script needs too much memory",
        _ if matches!(error.downcast_ref::<Trap>(), Some(Trap::Interrupt)) => {
            "the script takes too long"
        }
        _ => return broken(),
    };
    words.to_owned()
}

fn broken() -> String {
    "the script broke its engine".to_owned()
}
