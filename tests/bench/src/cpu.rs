//! CPU time, which a busy machine disturbs far less than time by the clock.

use cpu_time::ThreadTime;

/// Nanoseconds of CPU that `work` takes on this thread, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let start = ThreadTime::now();
    let given = work();
    // 2⁶⁴ nanoseconds are 584 years.
    (start.elapsed().as_nanos() as u64, given)
}

/// The middle value; of two middle ones the upper. 0 for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
