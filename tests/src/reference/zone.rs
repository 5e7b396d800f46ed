//! Time zones by the names that Java knows (conditions.md §2.8), and their clocks, however far away the instant.

use super::instant::day_number;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// Three letters that Java knows and the tz database does not, or otherwise.
const SHORT: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// The zone of a name; letter case counts, as it does for Java.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "GMT" | "UTC" | "UT" | "Z" => return Some(TimeZone::UTC),
        "EST" => return fixed(-300),
        "MST" => return fixed(-420),
        "HST" => return fixed(-600),
        _ => {}
    }
    if let Some(minutes) = custom(name) {
        return fixed(minutes);
    }
    let long = SHORT.iter().find(|(short, _)| *short == name);
    let name = long.map_or(name, |(_, long)| long);
    TimeZone::get(name)
        .ok()
        .filter(|zone| zone.iana_name() == Some(name))
}

fn fixed(minutes: i32) -> Option<TimeZone> {
    Offset::from_seconds(minutes * 60).ok().map(TimeZone::fixed)
}

/// Minutes of `GMT+h`, `GMT+hh`, `GMT+hmm`, `GMT+hhmm`, `GMT+h:mm`, `GMT+hh:mm`, up to a day; `UTC` and `UT` alike, up to 18 hours.
fn custom(name: &str) -> Option<i32> {
    let (rest, most) = if let Some(rest) = name.strip_prefix("GMT") {
        (rest, 24 * 60 - 1)
    } else {
        (
            name.strip_prefix("UTC").or(name.strip_prefix("UT"))?,
            18 * 60,
        )
    };
    let sign = match rest.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let clock = rest.get(1..)?;
    let form: String = clock
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    let minutes_at = match form.as_str() {
        "9" | "99" => clock.len(),
        "999" | "9999" => clock.len() - 2,
        "9:99" | "99:99" => clock.len() - 3,
        _ => return None,
    };
    let (hours, minutes) = clock.split_at_checked(minutes_at)?;
    let hours: i32 = hours.parse().ok()?;
    let minutes: i32 = match minutes.trim_start_matches(':') {
        "" => 0,
        minutes => minutes.parse().ok()?,
    };
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= most).then_some(sign * total)
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Days of 400 years, after which dates and days of the week repeat; so do the rules of zones, in a future or past far enough.
const ERA: i64 = 146_097;

/// How many eras a day is moved by, so that jiff, whose years end with 9999, can work on it.
fn eras(day: i64) -> i64 {
    const NEAR: i64 = 6_000 * 365;
    if day > NEAR {
        (day - NEAR) / ERA + 1
    } else if day < -NEAR {
        (day + NEAR) / ERA - 1
    } else {
        0
    }
}

/// The local date at an instant, as days since 1970-01-01.
pub(super) fn local_day(instant: i64, zone: &TimeZone) -> Option<i64> {
    let eras = eras(instant.div_euclid(DAY));
    let near = jiff::Timestamp::from_millisecond(instant - eras * ERA * DAY).ok()?;
    Some(day_number(near.to_zoned(zone.clone()).date()) + eras * ERA)
}

/// The instant at which clocks show a minute of a day: past a gap as if they had not been changed, the later one of an overlap.
pub(super) fn wall(day: i64, minute: i64, zone: &TimeZone) -> Option<i64> {
    let day = day + minute / 1440;
    let minute = minute % 1440;
    let eras = eras(day);
    let date = Date::new(1970, 1, 1)
        .ok()?
        .checked_add(jiff::Span::new().try_days(day - eras * ERA).ok()?)
        .ok()?;
    let time = Time::new(
        i8::try_from(minute / 60).ok()?,
        i8::try_from(minute % 60).ok()?,
        0,
        0,
    )
    .ok()?;
    let instant = zone
        .to_ambiguous_timestamp(DateTime::from_parts(date, time))
        .later()
        .ok()?;
    Some(instant.as_millisecond() + eras * ERA * DAY)
}
