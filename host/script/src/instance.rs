//! One instance for one call, and what ended it where it gave no answer.

use wasmtime::{Instance, Store, Trap, Val};

use crate::Runtime;
use crate::runtime::RUN_TICKS;

/// Which of the module's two calls is made.
pub(crate) enum Call<'a> {
    Run { script: &'a [u8], inputs: &'a [u8] },
    Check { script: &'a [u8] },
}

/// Makes an instance, calls it, and gives its answer's JSON. `steps` is set to the steps that were taken.
///
/// # Errors
/// The words of what ended it, the same in every runtime but for the last two: too many steps, calls too deep, too much
/// memory; a trap inside the engine; the deadline.
pub(crate) fn call(runtime: &Runtime, call: &Call<'_>, steps: &mut u32) -> Result<Vec<u8>, String> {
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
    let most = counter(&instance, &mut store, "assize_steps");
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
    // The counter stands at -1 where there was one step too many.
    let left = counter(&instance, &mut store, "assize_steps").max(0);
    *steps = u32::try_from(most.saturating_sub(left)).unwrap_or(0);
    let record = match answered {
        Ok(record) => record as usize,
        Err(error) => {
            let fault = counter(&instance, &mut store, "assize_fault");
            return Err(ended(fault, &error));
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

fn counter(instance: &Instance, store: &mut Store<()>, name: &str) -> i32 {
    let global = instance.get_global(&mut *store, name);
    match global.map(|global| global.get(store)) {
        Some(Val::I32(value)) => value,
        _ => 0,
    }
}

fn ended(fault: i32, error: &wasmtime::Error) -> String {
    let words = match fault {
        1 => "the script takes too many steps",
        2 => "the script's calls are nested too deeply",
        3 => "the script needs too much memory",
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
