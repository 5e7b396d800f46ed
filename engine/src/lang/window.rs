//! Time windows of the SimpleTime condition (conditions §2.8, ruling C9).
//!
//! A window is up to three limits at once: times of the day, days of the week, dates. All of them are taken from the local date of
//! the same instant, so `22:00`–`06:00` with `mon`–`fri` does not hold on Saturday at 02:00. Both ends belong to a limit, to the
//! millisecond; a limit of days reaches 00:00:00.000 of the day after.

use core::fmt;

use super::civil::{DAY_SECONDS, Date, weekday};
use super::zone::ZoneRef;

#[cfg(feature = "compile")]
mod parse;
#[cfg(feature = "compile")]
pub use parse::Fields;

/// `ttl` of what never changes by itself.
pub const NEVER: i64 = i64::MAX;

/// How often the search for the next start may move on. Every step is a whole day, week or more once a limit fails, so that real
/// windows need less than ten.
const MAX_STEPS: usize = 64;

const DAY_MINUTES: i64 = 1_440;

/// Stored in place of a limit that is absent.
const ABSENT: i32 = i32::MIN;

/// The limits, without the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Minutes from local midnight, 0 to 1499: start and end.
    pub time: Option<(i32, i32)>,
    /// Days of the week, 0 (Sunday) to 6: first and last.
    pub days: Option<(i32, i32)>,
    /// Days since 1970-01-01: first and last.
    pub dates: Option<(i32, i32)>,
}

/// Instants (epoch ms) between which a limit holds, both included.
#[derive(Clone, Copy, Debug)]
struct Span {
    low: i64,
    high: i64,
}

impl Span {
    const ALWAYS: Span = Span {
        low: i64::MIN,
        high: NEVER,
    };

    fn holds(self, now_ms: i64) -> bool {
        self.low <= now_ms && now_ms <= self.high
    }
}

/// The limits as they lie around one instant.
struct Frame {
    /// Local date, days since 1970-01-01.
    today: i64,
    /// First day of the days-of-the-week limit's current or last run.
    first_day: i64,
    /// Instant at which today's time limit begins.
    start: i64,
    time: Span,
    days: Span,
    dates: Span,
}

impl Window {
    /// Whether the window holds at an instant (epoch ms), and the next instant at which that may change by itself: the end of the
    /// window, or else its next start; [`NEVER`] when it holds never again.
    pub fn evaluate(&self, now_ms: i64, zone: &ZoneRef<'_>) -> (bool, i64) {
        let frame = self.frame(now_ms, zone);
        if frame.holds(now_ms) {
            return (
                true,
                frame.time.high.min(frame.days.high).min(frame.dates.high),
            );
        }
        (false, self.next_start(now_ms, frame, zone))
    }

    /// Six numbers that [`Window::from_words`] reads back.
    pub fn to_words(&self) -> [i32; 6] {
        let absent = (ABSENT, ABSENT);
        let (time, days, dates) = (
            self.time.unwrap_or(absent),
            self.days.unwrap_or(absent),
            self.dates.unwrap_or(absent),
        );
        [time.0, time.1, days.0, days.1, dates.0, dates.1]
    }

    /// Checks stored numbers: `None` when they are out of range.
    pub fn from_words(words: [i32; 6]) -> Option<Window> {
        let [
            start_time,
            end_time,
            start_day,
            end_day,
            start_date,
            end_date,
        ] = words;
        let limit = |start: i32, end: i32, range: core::ops::Range<i32>| match (start, end) {
            (ABSENT, ABSENT) => Some(None),
            _ if range.contains(&start) && range.contains(&end) => Some(Some((start, end))),
            _ => None,
        };
        let window = Window {
            time: limit(start_time, end_time, 0..1_500)?,
            days: limit(start_day, end_day, 0..7)?,
            dates: limit(start_date, end_date, -1_000_000..4_000_000)?,
        };
        (window.dates.is_none_or(|(start, end)| start <= end)).then_some(window)
    }

    /// The first instant after one at which the window does not hold, at which it does.
    fn next_start(&self, now_ms: i64, frame: Frame, zone: &ZoneRef<'_>) -> i64 {
        let mut now = now_ms;
        let mut frame = frame;
        for _ in 0..MAX_STEPS {
            if now > frame.dates.high {
                return NEVER;
            }
            // A step goes no further than to where the limit that fails, outermost first, can hold again.
            let next = if now < frame.dates.low {
                frame.dates.low
            } else if now < frame.days.low {
                frame.days.low
            } else if now > frame.days.high {
                midnight(frame.first_day + 7, zone)
            } else {
                let tomorrow = midnight(frame.today + 1, zone);
                // Yesterday's start lies ahead where it is later than `24:00`.
                let starts = [frame.time.low, frame.start];
                let ahead = starts.into_iter().filter(|start| *start > now).min();
                ahead.map_or(tomorrow, |start| start.min(tomorrow))
            };
            if now == i64::MAX {
                return NEVER;
            }
            now = next.max(now.saturating_add(1));
            frame = self.frame(now, zone);
            if frame.holds(now) {
                return now;
            }
        }
        NEVER
    }

    fn frame(&self, now_ms: i64, zone: &ZoneRef<'_>) -> Frame {
        let seconds = now_ms.div_euclid(1_000);
        let today = (seconds + i64::from(zone.offset_at(seconds))).div_euclid(DAY_SECONDS);
        let mut frame = Frame {
            today,
            first_day: today,
            start: i64::MIN,
            time: Span::ALWAYS,
            days: Span::ALWAYS,
            dates: Span::ALWAYS,
        };
        if let Some((start, end)) = self.time {
            frame.start = instant(today, i64::from(start), zone);
            frame.time = frame.time_span(i64::from(start), i64::from(end), now_ms, zone);
        }
        if let Some((first, last)) = self.days {
            frame.first_day = today - (weekday(today) - i64::from(first)).rem_euclid(7);
            let length = (i64::from(last) - i64::from(first)).rem_euclid(7) + 1;
            frame.days = day_span(frame.first_day, frame.first_day + length, zone);
        }
        if let Some((first, last)) = self.dates {
            frame.dates = day_span(i64::from(first), i64::from(last) + 1, zone);
        }
        frame
    }
}

/// The limits for people to read, in the forms that policies write: `09:00-17:00 mon-fri 2026:01:01-2026:12:31`.
impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let mut gap = "";
        if let Some((start, end)) = self.time {
            write!(
                out,
                "{:02}:{:02}-{:02}:{:02}",
                start / 60,
                start % 60,
                end / 60,
                end % 60
            )?;
            gap = " ";
        }
        if let Some((first, last)) = self.days {
            let name = |day: i32| {
                usize::try_from(day)
                    .ok()
                    .and_then(|day| NAMES.get(day))
                    .copied()
            };
            write!(
                out,
                "{gap}{}-{}",
                name(first).unwrap_or("?"),
                name(last).unwrap_or("?")
            )?;
            gap = " ";
        }
        if let Some((first, last)) = self.dates {
            let (first, last) = (Date::of_days(first.into()), Date::of_days(last.into()));
            write!(out, "{gap}{first}-{last}")?;
        }
        Ok(())
    }
}

impl Frame {
    fn holds(&self, now_ms: i64) -> bool {
        self.time.holds(now_ms) && self.days.holds(now_ms) && self.dates.holds(now_ms)
    }

    fn time_span(&self, start: i64, end: i64, now_ms: i64, zone: &ZoneRef<'_>) -> Span {
        // INVARIANT: whether a window runs over midnight is a matter of its texts, not of one day's instants; else a window that
        // a change of the clocks swallows would be open all that day.
        let (low, last_day) = match (end < start, now_ms < self.start) {
            (false, _) => (self.start, self.today),
            (true, true) => (instant(self.today - 1, start, zone), self.today),
            (true, false) => (self.start, self.today + 1),
        };
        let high = if end > DAY_MINUTES {
            // `24:01` and later lie on the next date, whose own limit is another: this one ends with its date.
            midnight(self.today + 1, zone).saturating_sub(1)
        } else {
            instant(last_day, end, zone)
        };
        Span { low, high }
    }
}

fn day_span(first: i64, after: i64, zone: &ZoneRef<'_>) -> Span {
    Span {
        low: midnight(first, zone),
        high: midnight(after, zone),
    }
}

fn midnight(day: i64, zone: &ZoneRef<'_>) -> i64 {
    instant(day, 0, zone)
}

/// Epoch ms of a local time, in minutes from the midnight that begins a day.
fn instant(day: i64, minutes: i64, zone: &ZoneRef<'_>) -> i64 {
    zone.local_to_utc(day.saturating_mul(DAY_SECONDS).saturating_add(minutes * 60))
        .saturating_mul(1_000)
}

#[cfg(all(test, feature = "compile"))]
mod tests;
