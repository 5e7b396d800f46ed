//! CPU time, which a busy machine disturbs far less than time by the clock.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of CPU that this thread has used.
pub fn thread_nanoseconds() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// Nanoseconds of CPU that this process has used, over all its threads.
pub fn process_nanoseconds() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

/// Nanoseconds of CPU that `work` takes on this thread, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let start = thread_nanoseconds();
    let given = work();
    (thread_nanoseconds() - start, given)
}

/// The middle value; of two middle ones the upper. 0 for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
