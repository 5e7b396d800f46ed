//! The only clock that scripts have: the instant of the request.

use std::cell::Cell;

thread_local! {
    static NOW: Cell<f64> = const { Cell::new(0.0) };
}

/// Sets the instant, in epoch milliseconds.
pub(crate) fn set(now: f64) {
    NOW.set(now);
}

/// What QuickJS asks for the time: microseconds since the epoch. Without this the module would import a clock.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    NOW.get() * 1000.0
}
