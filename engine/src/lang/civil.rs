//! Days of the proleptic Gregorian calendar, counted from 1970-01-01.

use core::fmt;

/// Seconds of one civil day.
pub const DAY_SECONDS: i64 = 86_400;

/// Days in 400 Gregorian years, after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;

/// Days from 0000-03-01, where a calendar year with its leap day at the end begins, to 1970-01-01.
const EPOCH_SHIFT: i64 = 719_468;

/// Largest count of days that this module works with: past every epoch millisecond that fits 64 bits.
const DAY_LIMIT: i64 = 200_000_000_000;

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Astronomical year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

impl Date {
    /// The date so many days after 1970-01-01; counts far outside the range of epoch milliseconds are clamped.
    pub fn of_days(days: i64) -> Date {
        let shifted = days.clamp(-DAY_LIMIT, DAY_LIMIT) + EPOCH_SHIFT;
        let era = shifted.div_euclid(ERA_DAYS);
        let of_era = shifted.rem_euclid(ERA_DAYS);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date { year, month, day }
    }

    /// Days from 1970-01-01 to this date. The inverse of [`Date::of_days`] for dates that exist.
    pub fn days(self) -> i64 {
        let year = self.year.clamp(-1_000_000_000, 1_000_000_000) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let march_month = if self.month > 2 {
            self.month.clamp(3, 12) - 3
        } else {
            self.month.clamp(1, 2) + 9
        };
        let of_year = (153 * march_month + 2) / 5 + self.day.clamp(1, 31) - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        era * ERA_DAYS + of_era - EPOCH_SHIFT
    }

    /// Whether the calendar has this date.
    pub fn exists(self) -> bool {
        (1..=12).contains(&self.month)
            && (1..=month_length(self.year, self.month)).contains(&self.day)
    }
}

/// `2026:01:31`, the form of AM's date members.
impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}:{:02}:{:02}", self.year, self.month, self.day)
    }
}

/// Days in a month; 31 for a month that does not exist.
pub fn month_length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Whether the year has a 29 February.
pub fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Day of the week of a count of days: 0 is Sunday, as in POSIX and in the order of AM's day names.
pub fn weekday(days: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    days.rem_euclid(7).wrapping_add(4).rem_euclid(7)
}
