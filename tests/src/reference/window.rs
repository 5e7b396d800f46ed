//! SimpleTime (conditions.md §2.8, rulings C9, C21, ttl).

use super::facts::Facts;
use super::instant::day_number;
use super::request::is_instant;
use super::truth::{Outcome, Truth, UNLIMITED};
use super::zone::{local_day, wall, zone};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

/// The bounds that a condition sets; a missing pair does not limit.
struct Window {
    /// Minutes of the day; 1440 is the day's end.
    times: Option<(i64, i64)>,
    /// Days of the week, 0 is Sunday.
    days: Option<(i64, i64)>,
    /// Days since 1970-01-01.
    dates: Option<(i64, i64)>,
}

/// The `SimpleTime` condition.
pub(super) fn holds(condition: &Value, facts: Facts<'_>) -> Outcome {
    let instants: Vec<Option<i64>> = match facts.environment("requestTime") {
        None => vec![Some(facts.now())],
        Some(sent) => sent
            .iter()
            .map(|t| t.parse().ok().filter(|t| is_instant(*t)))
            .collect(),
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

fn weekday(text: &str) -> Option<i64> {
    let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let place = names.iter().position(|n| *n == text.to_lowercase())?;
    i64::try_from(place).ok()
}

fn date(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let year = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    Date::new(year, month, day).ok().map(day_number)
}

/// First and last instant of the window that the local date of this instant selects, both inclusive.
fn bounds(window: &Window, instant: i64, zone: &TimeZone) -> Option<(i64, i64)> {
    let today = local_day(instant, zone)?;
    let mut low = i64::MIN;
    let mut high = i64::MAX;
    if let Some((start, end)) = window.times {
        let (mut from, mut to) = (wall(today, start, zone)?, wall(today, end, zone)?);
        // Overnight by what the clocks show: a change of the clocks alone does not turn a window round, it may leave it empty.
        if end < start {
            if instant < from {
                from = wall(today - 1, start, zone)?;
            } else {
                to = wall(today + 1, end, zone)?;
            }
        }
        if end > 1440 {
            // What lies past midnight is of the next date, which selects a window of its own.
            to = wall(today + 1, 0, zone)? - 1;
        }
        (low, high) = (low.max(from), high.min(to));
    }
    if let Some((start, end)) = window.days {
        let length = (end - start).rem_euclid(7) + 1;
        // The end is inclusive: at midnight after the last day the occurrence that ends there still counts. 1970-01-01 was a Thursday.
        let since = (today + 4 - start).rem_euclid(7);
        let at_midnight = wall(today, 0, zone)? == instant;
        let since = if since == length && at_midnight {
            length
        } else if since < length {
            since
        } else {
            since - 7
        };
        let first = today - since;
        (low, high) = (
            low.max(wall(first, 0, zone)?),
            high.min(wall(first + length, 0, zone)?),
        );
    }
    if let Some((start, end)) = window.dates {
        (low, high) = (
            low.max(wall(start, 0, zone)?),
            high.min(wall(end, 1440, zone)?),
        );
    }
    Some((low, high))
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
    let today = local_day(instant, zone)?;
    let first = window.dates.map_or(today, |(start, _)| start.max(today));
    for day in first - 1..=first + 16 {
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
