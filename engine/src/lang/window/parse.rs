//! The texts of a SimpleTime condition.

use super::super::civil::Date;
use super::super::zone::{ZoneName, database};
use super::Window;

/// The members as written; `""` counts as absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    /// `startTime`, `H:M`.
    pub start_time: Option<&'a str>,
    /// `endTime`, `H:M`.
    pub end_time: Option<&'a str>,
    /// `startDay`, `sun` to `sat`.
    pub start_day: Option<&'a str>,
    /// `endDay`, `sun` to `sat`.
    pub end_day: Option<&'a str>,
    /// `startDate`, `yyyy:MM:dd`.
    pub start_date: Option<&'a str>,
    /// `endDate`, `yyyy:MM:dd`.
    pub end_date: Option<&'a str>,
    /// `enforcementTimeZone`, see [`ZoneName::parse`].
    pub zone: Option<&'a str>,
}

/// Collects what is wrong, by member.
type Faults = Vec<(&'static str, String)>;

impl Window {
    /// Reads and checks the texts. The zone, if one is given, is a fixed offset or a name of the tz database.
    ///
    /// # Errors
    /// Each member at fault and why: unreadable text, a start without its end or the reverse (AM's 741), no start at all (740), dates
    /// the wrong way round (402), a zone that nobody knows.
    pub fn parse(fields: &Fields<'_>) -> Result<(Window, Option<ZoneName<'static>>), Faults> {
        let mut faults = Faults::new();
        let time = limit(
            ("startTime", fields.start_time),
            ("endTime", fields.end_time),
            time_of,
            &mut faults,
        );
        let days = limit(
            ("startDay", fields.start_day),
            ("endDay", fields.end_day),
            day_of,
            &mut faults,
        );
        let dates = limit(
            ("startDate", fields.start_date),
            ("endDate", fields.end_date),
            date_of,
            &mut faults,
        );
        let zone = fields
            .zone
            .filter(|name| !name.is_empty())
            .and_then(|name| {
                let known = zone_of(name);
                if known.is_none() {
                    faults.push((
                        "enforcementTimeZone",
                        format!("`{name}` is not a known time zone"),
                    ));
                }
                known
            });
        if dates.is_some_and(|(start, end)| start > end) {
            faults.push((
                "startDate",
                "the start date is after the end date".to_owned(),
            ));
        }
        let window = Window { time, days, dates };
        if faults.is_empty() && time.is_none() && days.is_none() && dates.is_none() {
            faults.push((
                "startTime",
                "one of startTime, startDay and startDate is needed".to_owned(),
            ));
        }
        if faults.is_empty() {
            Ok((window, zone))
        } else {
            Err(faults)
        }
    }
}

/// Reads both ends of a limit. `None` when it is absent or at fault.
fn limit(
    start: (&'static str, Option<&str>),
    end: (&'static str, Option<&str>),
    read: fn(&str) -> Result<i32, String>,
    faults: &mut Faults,
) -> Option<(i32, i32)> {
    let mut value = |(member, text): (&'static str, Option<&str>),
                     other: (&'static str, Option<&str>)| {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            if other.1.is_some_and(|text| !text.is_empty()) {
                faults.push((member, format!("{member} is needed beside {}", other.0)));
            }
            return None;
        };
        read(text).map_err(|why| faults.push((member, why))).ok()
    };
    let (first, last) = (value(start, end), value(end, start));
    first.zip(last)
}

/// Minutes of `H:M`: hours to 24, minutes to 59.
fn time_of(text: &str) -> Result<i32, String> {
    text.split_once(':')
        .and_then(|(hours, minutes)| Some((number(hours, 2)?, number(minutes, 2)?)))
        .filter(|&(hours, minutes)| hours <= 24 && minutes <= 59)
        .map(|(hours, minutes)| hours * 60 + minutes)
        .ok_or_else(|| format!("`{text}` is not a time of the form hours:minutes"))
}

fn day_of(text: &str) -> Result<i32, String> {
    const NAMES: [(&str, i32); 7] = [
        ("sun", 0),
        ("mon", 1),
        ("tue", 2),
        ("wed", 3),
        ("thu", 4),
        ("fri", 5),
        ("sat", 6),
    ];
    NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|&(_, day)| day)
        .ok_or_else(|| format!("`{text}` is none of sun, mon, tue, wed, thu, fri, sat"))
}

/// Days since 1970-01-01 of `yyyy:MM:dd`, leading zeros optional.
fn date_of(text: &str) -> Result<i32, String> {
    let mut parts = text.split(':');
    let mut part = |width: usize| {
        parts
            .next()
            .and_then(|part| number(part, width))
            .map(i64::from)
    };
    let (year, month, day) = (part(4), part(2), part(2));
    let complete = parts.next().is_none();
    year.zip(month)
        .zip(day)
        .map(|((year, month), day)| Date { year, month, day })
        .filter(|date| complete && date.year > 0 && date.exists())
        .and_then(|date| i32::try_from(date.days()).ok())
        .ok_or_else(|| format!("`{text}` is not a date of the form year:month:day"))
}

fn number(text: &str, width: usize) -> Option<i32> {
    let fits = (1..=width).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn zone_of(name: &str) -> Option<ZoneName<'static>> {
    match ZoneName::parse(name) {
        ZoneName::Fixed(offset) => Some(ZoneName::Fixed(offset)),
        ZoneName::Named(name) => database::find(name).map(|(name, _)| ZoneName::Named(name)),
    }
}
