//! The one place that reads the clock, and the two formats in which AM writes an instant.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(crate) type Millis = i64;

/// The current instant.
pub(crate) fn now() -> Millis {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

/// An instant on two clocks: the system's, which somebody may set, and one that only goes on, but stands still while the
/// machine sleeps. What must not be trusted for too long is measured by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// By the system's clock.
    pub(crate) wall: Millis,
    /// Since the process first asked.
    pub(crate) uptime: Millis,
}

impl Moment {
    /// Milliseconds since an earlier moment, by the clock that says more; never negative.
    pub(crate) fn since(self, earlier: Moment) -> Millis {
        let by = |later: Millis, earlier: Millis| later.saturating_sub(earlier);
        by(self.wall, earlier.wall)
            .max(by(self.uptime, earlier.uptime))
            .max(0)
    }
}

/// The current instant on both clocks.
pub(crate) fn moment() -> Moment {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Moment {
        wall: now(),
        uptime: i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX),
    }
}

/// `2026-01-02T03:04:05Z`: session instants and `authInstant`.
pub(crate) fn seconds_text(at: Millis) -> String {
    let (date, time, _) = civil(at);
    format!("{date}T{time}Z")
}

/// `2026-01-02T03:04:05.006Z`: creation and modification dates of policies.
pub(crate) fn millis_text(at: Millis) -> String {
    let (date, time, millis) = civil(at);
    format!("{date}T{time}.{millis:03}Z")
}

/// Reads `2026-01-02T03:04:05.006Z`, with or without the fraction, with `Z` or an offset such as `+02:00`.
pub(crate) fn parse(text: &str) -> Option<Millis> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !marks
        .iter()
        .all(|(at, mark)| text.as_bytes().get(*at) == Some(mark))
    {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month)
        || !(1..=days_of(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let rest = text.get(19..)?;
    let (millis, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, zone) = fraction.split_at(digits);
            let padded: String = digits.chars().chain("000".chars()).take(3).collect();
            (padded.parse().ok().filter(|_| !digits.is_empty())?, zone)
        }
    };
    let offset_minutes = offset(zone)?;
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    Some((((days * 24 + hour) * 60 + minute - offset_minutes) * 60 + second) * 1000 + millis)
}

/// Days of a month of the Gregorian calendar.
fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Minutes east of UTC: `Z`, `+hh:mm` or `+hhmm`, at most the 18 hours that Java allows.
fn offset(zone: &str) -> Option<i64> {
    let (sign, hours, minutes) = match *zone.as_bytes() {
        [b'Z'] => return Some(0),
        [sign, h, i, b':', m, n] | [sign, h, i, m, n] => (sign, [h, i], [m, n]),
        _ => return None,
    };
    let number = |digits: [u8; 2]| {
        let digits = digits.map(|digit| i64::from(digit.wrapping_sub(b'0')));
        digits
            .iter()
            .all(|digit| *digit < 10)
            .then(|| digits[0] * 10 + digits[1])
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let offset = hours * 60 + minutes;
    match sign {
        _ if minutes > 59 || offset > 18 * 60 => None,
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

/// As [`parse`], where the seconds may be missing, and the zone, which is UTC then.
pub(crate) fn parse_loosely(text: &str) -> Option<Millis> {
    let minutes = "2026-01-02T03:04".len();
    let (before, after) = (text.get(..minutes)?, text.get(minutes..)?);
    let seconds = if after.starts_with(':') { "" } else { ":00" };
    let whole = format!("{before}{seconds}{after}");
    parse(&whole).or_else(|| parse(&format!("{whole}Z")))
}

/// Days to a civil date: the proleptic Gregorian calendar counted from 0000-03-01, so that leap days end a year.
fn civil(at: Millis) -> (String, String, i64) {
    const DAY: i64 = 86_400_000;
    let (days, millis) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let seconds = millis / 1000;
    let time = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    (
        format!("{year:04}-{month:02}-{day:02}"),
        time,
        millis % 1000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_am_writes_them() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_422_892_465_848, "2015-02-02T15:54:25.848Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(millis_text(at), text);
            assert_eq!(parse(text), Some(at), "{text}");
        }
        assert_eq!(
            parse("2015-02-02T16:54:25.8+01:00"),
            Some(1_422_892_465_800)
        );
        assert_eq!(
            parse("2016-02-29T02:00:00-0330"),
            parse("2016-02-29T05:30:00Z")
        );
        assert!(parse("2000-02-29T00:00:00+18:00").is_some());
        for (loose, strict) in [
            ("2015-02-02T15:54", "2015-02-02T15:54:00Z"),
            ("2015-02-02T15:54Z", "2015-02-02T15:54:00Z"),
            ("2015-02-02T15:54:25", "2015-02-02T15:54:25Z"),
            ("2015-02-02T15:54:25.5", "2015-02-02T15:54:25.500Z"),
            ("2015-02-02T15:54+01:00", "2015-02-02T14:54:00Z"),
        ] {
            assert_eq!(parse_loosely(loose), parse(strict), "{loose}");
            assert_eq!(parse(loose), None, "{loose}");
        }
        for bad in [
            "2015-02-02",
            "2015-02-02T25:00",
            "2015-02-02T15:54:25,5",
            "x",
            "ü2015-02-02T15:54",
        ] {
            assert_eq!(parse_loosely(bad), None, "{bad}");
        }
        for bad in [
            "2015-02-02",
            "2015-13-02T00:00:00Z",
            "2015-02-02T00:00:00",
            "2015-02-02T00:00:00.Z",
            "2015-02-31T00:00:00Z",
            "2015-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2015-04-31T00:00:00Z",
            "2015-02-02T00:00:00+99:99",
            "2015-02-02T00:00:00+01:60",
            "2015-02-02T00:00:00+18:01",
            "2015-02-02T00:00:00+01:00junk",
            "2015-02-02T00:00:00+01:0",
            "2015-02-02T00:00:00+0:1:00",
            "2015-02-02T00:00:00*01:00",
            "x",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(seconds_text(1_422_892_465_848), "2015-02-02T15:54:25Z");
    }
}
