//! SimpleTime (conditions.md §2.8, rulings C9, C21, ttl).

use super::facts::Facts;
use super::truth::{Outcome, Truth, UNLIMITED};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

/// The bounds that a condition sets; a missing pair does not limit.
struct Window {
    /// Minutes of the day; 1440 is the day's end.
    times: Option<(i64, i64)>,
    days: Option<(Weekday, Weekday)>,
    dates: Option<(Date, Date)>,
}

/// The `SimpleTime` condition.
pub(super) fn holds(condition: &Value, facts: Facts<'_>) -> Outcome {
    let instants: Vec<Option<i64>> = match facts.environment("requestTime") {
        None => vec![Some(facts.now())],
        Some(sent) => sent.iter().map(|t| t.parse().ok()).collect(),
    };
    let own_zone = condition
        .get("enforcementTimeZone")
        .and_then(Value::as_str)
        .filter(|z| !z.is_empty());
    let zones: Vec<Option<TimeZone>> = match (own_zone, facts.environment("requestTimeZone")) {
        (Some(name), _) => vec![zone(name)],
        // A zone that nobody knows is GMT, as it is for AM.
        (None, Some(sent)) => sent
            .iter()
            .map(|z| Some(zone(z).unwrap_or(TimeZone::UTC)))
            .collect(),
        (None, None) => vec![zone(facts.zone())],
    };
    let window = Window::of(condition);
    let mut outcomes = Vec::new();
    for instant in &instants {
        for zone in &zones {
            outcomes.push(match (instant, zone) {
                (Some(instant), Some(zone)) => at(&window, *instant, zone),
                _ => Outcome::new(Truth::Undetermined),
            });
        }
    }
    Outcome::agreed(&outcomes)
}

/// A zone of the tz database, or `GMT±h[:mm]`.
fn zone(name: &str) -> Option<TimeZone> {
    let Some(custom) = name.strip_prefix("GMT").filter(|rest| !rest.is_empty()) else {
        return TimeZone::get(name).ok();
    };
    let sign = match custom.chars().next() {
        Some('+') => 1,
        Some('-') => -1,
        _ => return TimeZone::get(name).ok(),
    };
    let digits = custom.get(1..)?;
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?),
        None if digits.len() > 2 => {
            let (hours, minutes) = digits.split_at(digits.len() - 2);
            (hours.parse().ok()?, minutes.parse().ok()?)
        }
        None => (digits.parse::<i32>().ok()?, 0),
    };
    let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    Some(TimeZone::fixed(offset))
}

impl Window {
    fn of(condition: &Value) -> Window {
        let text = |member| {
            condition
                .get(member)
                .and_then(Value::as_str)
                .filter(|t| !t.is_empty())
        };
        let pair = |start, end| text(start).zip(text(end));
        Window {
            times: pair("startTime", "endTime").and_then(|(s, e)| minutes(s).zip(minutes(e))),
            days: pair("startDay", "endDay").and_then(|(s, e)| weekday(s).zip(weekday(e))),
            dates: pair("startDate", "endDate").and_then(|(s, e)| date(s).zip(date(e))),
        }
    }
}

fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    Some(hours.trim().parse::<i64>().ok()? * 60 + minutes.trim().parse::<i64>().ok()?)
}

fn weekday(text: &str) -> Option<Weekday> {
    let all = [
        Weekday::Sunday,
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
    ];
    let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    names
        .iter()
        .position(|n| *n == text.to_lowercase())
        .and_then(|n| all.get(n).copied())
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split(':');
    let year = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    Date::new(year, month, day).ok()
}

/// First and last instant of the window that the local date of this instant selects, both inclusive.
fn bounds(window: &Window, instant: i64, zone: &TimeZone) -> Option<(i64, i64)> {
    let today = jiff::Timestamp::from_millisecond(instant)
        .ok()?
        .to_zoned(zone.clone())
        .date();
    let mut low = i64::MIN;
    let mut high = i64::MAX;
    if let Some((start, end)) = window.times {
        let (mut from, mut to) = (wall(today, start, zone)?, wall(today, end, zone)?);
        // Overnight by what the clocks show: a change of the clocks alone does not turn a window round, it may leave it empty.
        if end < start {
            if instant < from {
                from = wall(today.yesterday().ok()?, start, zone)?;
            } else {
                to = wall(today.tomorrow().ok()?, end, zone)?;
            }
        }
        (low, high) = (low.max(from), high.min(to));
    }
    if let Some((start, end)) = window.days {
        let length = i64::from(start.until(end)) + 1;
        // The end is inclusive: at midnight after the last day the occurrence that ends there still counts.
        let since = i64::from(start.until(today.weekday()));
        let at_midnight = wall(today, 0, zone)? == instant;
        let since = if since == length && at_midnight {
            length
        } else if since < length {
            since
        } else {
            since - 7
        };
        let first = add_days(today, -since)?;
        let from = wall(first, 0, zone)?;
        let to = wall(add_days(first, length)?, 0, zone)?;
        (low, high) = (low.max(from), high.min(to));
    }
    if let Some((start, end)) = window.dates {
        (low, high) = (
            low.max(wall(start, 0, zone)?),
            high.min(wall(end, 1440, zone)?),
        );
    }
    Some((low, high))
}

fn add_days(date: Date, days: i64) -> Option<Date> {
    date.checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()
}

/// The instant at which clocks show a minute of a day: past a gap as if they had not been changed, the later one of an overlap.
fn wall(date: Date, minute: i64, zone: &TimeZone) -> Option<i64> {
    let day = add_days(date, minute / 1440)?;
    let minute = minute % 1440;
    let time = Time::new(
        i8::try_from(minute / 60).ok()?,
        i8::try_from(minute % 60).ok()?,
        0,
        0,
    )
    .ok()?;
    let local = DateTime::from_parts(day, time);
    zone.to_ambiguous_timestamp(local)
        .later()
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}

fn inside(window: &Window, instant: i64, zone: &TimeZone) -> bool {
    bounds(window, instant, zone).is_some_and(|(low, high)| low <= instant && instant <= high)
}

fn at(window: &Window, instant: i64, zone: &TimeZone) -> Outcome {
    if inside(window, instant, zone) {
        let end = bounds(window, instant, zone).map_or(UNLIMITED, |(_, high)| high);
        return Outcome::new(Truth::True).until(end);
    }
    Outcome::new(Truth::False).until(next_start(window, instant, zone).unwrap_or(UNLIMITED))
}

/// The first instant after this one at which the window holds: each day's possible starts are tried in order.
fn next_start(window: &Window, instant: i64, zone: &TimeZone) -> Option<i64> {
    let today = jiff::Timestamp::from_millisecond(instant)
        .ok()?
        .to_zoned(zone.clone())
        .date();
    let first = window.dates.map_or(today, |(start, _)| start.max(today));
    for ahead in -1..=16 {
        let day = add_days(first, ahead)?;
        let mut starts: Vec<i64> = vec![wall(day, 0, zone)?];
        starts.extend(window.times.and_then(|(start, _)| wall(day, start, zone)));
        starts.sort_unstable();
        if let Some(found) = starts
            .into_iter()
            .find(|s| *s > instant && inside(window, *s, zone))
        {
            return Some(found);
        }
    }
    None
}
