//! The rule at the end of TZif data: a POSIX `TZ` string with the extensions of RFC 9636 §3.3.1.

use super::super::civil::{DAY_SECONDS, Date, is_leap, month_length, weekday};
use super::Segment;

/// More days than a change's time (167 hours), an offset and a leap day can move it into a neighbouring year.
const SPILL_DAYS: i64 = 10;

/// Standard time, and daylight saving time where the zone has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PosixZone {
    /// Seconds east of UT.
    standard: i32,
    daylight: Option<Daylight>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Daylight {
    offset: i32,
    start: Change,
    end: Change,
}

/// A yearly change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    day: Day,
    /// Seconds from that day's local midnight, by the clock before the change; -167 to 167 hours.
    time: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// `Jn`: day 1 to 365, never 29 February.
    Julian(i64),
    /// `n`: day 0 to 365.
    OfYear(i64),
    /// `Mm.w.d`: weekday of the w-th week of a month, 5 being the last.
    OfMonth { month: i64, week: i64, weekday: i64 },
}

impl PosixZone {
    /// Reads a rule such as `CET-1CEST,M3.5.0,M10.5.0/3` or `<+0330>-3:30`. `None` when malformed, or when daylight saving time
    /// has no dates.
    pub fn parse(text: &[u8]) -> Option<PosixZone> {
        let mut text = Text(text);
        text.name()?;
        let standard = text.clock(24)?.checked_neg()?;
        if text.0.is_empty() {
            return Some(PosixZone {
                standard,
                daylight: None,
            });
        }
        text.name()?;
        let offset = if text.peek() == Some(b',') {
            standard + 3_600
        } else {
            text.clock(24)?.checked_neg()?
        };
        let start = text.change()?;
        let end = text.change()?;
        text.0.is_empty().then_some(PosixZone {
            standard,
            daylight: Some(Daylight { offset, start, end }),
        })
    }

    /// The stretch with one offset that holds an instant (epoch seconds).
    pub(super) fn segment_at(&self, utc: i64) -> Segment {
        let Some(daylight) = self.daylight else {
            return Segment {
                start: i64::MIN,
                offset: self.standard,
            };
        };
        let local_day = (utc + i64::from(self.standard)).div_euclid(DAY_SECONDS);
        let year = Date::of_days(local_day).year;
        let first_day = Date {
            year,
            month: 1,
            day: 1,
        }
        .days();
        let mut latest = daylight.latest(
            year,
            utc,
            self.standard,
            Segment {
                start: i64::MIN,
                offset: self.standard,
            },
        );
        // A change may lie up to a week inside a neighbouring year, and before this year's first the last one was the year before.
        if local_day - first_day > 365 - SPILL_DAYS {
            latest = daylight.latest(year + 1, utc, self.standard, latest);
        }
        if latest.start < (first_day + SPILL_DAYS) * DAY_SECONDS {
            latest = daylight.latest(year - 1, utc, self.standard, latest);
        }
        latest
    }
}

impl Daylight {
    /// The later of a segment and those that begin with a year's changes, up to an instant.
    fn latest(&self, year: i64, utc: i64, standard: i32, segment: Segment) -> Segment {
        let mut latest = segment;
        let start = self.start.instant(year, standard);
        let end = self.end.instant(year, self.offset);
        if end <= utc && end > latest.start {
            latest = Segment {
                start: end,
                offset: standard,
            };
        }
        // Where an end and a start fall together daylight saving goes on: permanent daylight saving is written so.
        let goes_on = start == latest.start && latest.offset == standard;
        if start <= utc && (start > latest.start || goes_on) {
            latest = Segment {
                start,
                offset: self.offset,
            };
        }
        latest
    }
}

impl Change {
    fn instant(self, year: i64, offset: i32) -> i64 {
        self.day.days(year) * DAY_SECONDS + i64::from(self.time) - i64::from(offset)
    }
}

impl Day {
    fn days(self, year: i64) -> i64 {
        let first = Date {
            year,
            month: 1,
            day: 1,
        };
        match self {
            Day::Julian(number) => {
                first.days() + number - 1 + i64::from(is_leap(year) && number > 59)
            }
            Day::OfYear(number) => first.days() + number,
            Day::OfMonth {
                month,
                week,
                weekday: wanted,
            } => {
                let first = Date {
                    year,
                    month,
                    day: 1,
                }
                .days();
                let hit = 1 + (wanted - weekday(first)).rem_euclid(7) + 7 * (week - 1);
                let over = hit > month_length(year, month);
                first + hit - 1 - if over { 7 } else { 0 }
            }
        }
    }
}

/// What is left to read.
struct Text<'t>(&'t [u8]);

impl Text<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let (&first, rest) = self.0.split_first()?;
        if first != wanted {
            return None;
        }
        self.0 = rest;
        Some(())
    }

    /// Skips a designation: letters, or letters, digits and signs between `<` and `>`; three of them at least.
    fn name(&mut self) -> Option<()> {
        let quoted = self.take(b'<').is_some();
        let part = |byte: &u8| {
            byte.is_ascii_alphabetic()
                || quoted && (byte.is_ascii_digit() || matches!(byte, b'+' | b'-'))
        };
        let length = self.0.iter().take_while(|byte| part(byte)).count();
        if length < 3 {
            return None;
        }
        self.0 = self.0.get(length..)?;
        if quoted { self.take(b'>') } else { Some(()) }
    }

    /// Seconds of `[+-]h[:mm[:ss]]`.
    fn clock(&mut self, most_hours: i32) -> Option<i32> {
        let negative = self.take(b'-').is_some();
        if !negative {
            let _ = self.take(b'+');
        }
        let mut seconds = self.number(most_hours)? * 3_600;
        if self.take(b':').is_some() {
            seconds += self.number(59)? * 60;
            if self.take(b':').is_some() {
                seconds += self.number(59)?;
            }
        }
        Some(if negative { -seconds } else { seconds })
    }

    fn number(&mut self, most: i32) -> Option<i32> {
        let length = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if !(1..=3).contains(&length) {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let value = digits
            .iter()
            .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
        (value <= most).then_some(value)
    }

    fn number_from(&mut self, least: i32, most: i32) -> Option<i64> {
        self.number(most)
            .filter(|&value| value >= least)
            .map(i64::from)
    }

    fn change(&mut self) -> Option<Change> {
        self.take(b',')?;
        let day = if self.take(b'J').is_some() {
            Day::Julian(self.number_from(1, 365)?)
        } else if self.take(b'M').is_some() {
            let month = self.number_from(1, 12)?;
            self.take(b'.')?;
            let week = self.number_from(1, 5)?;
            self.take(b'.')?;
            Day::OfMonth {
                month,
                week,
                weekday: self.number_from(0, 6)?,
            }
        } else {
            Day::OfYear(self.number_from(0, 365)?)
        };
        let time = if self.take(b'/').is_some() {
            self.clock(167)?
        } else {
            2 * 3_600
        };
        Some(Change { day, time })
    }
}
