#![allow(
    clippy::unwrap_used,
    reason = "a test stops where its own data is wrong"
)]

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::super::civil::{Date, weekday};
use super::super::zone::{Zone, ZoneName, ZoneRef, database};
use super::*;
use recorded::{OBSERVED, RECORDED};

mod recorded;

type Texts<'a> = [&'a str; 6];

fn fields<'a>(texts: Texts<'a>, zone: &'a str) -> Fields<'a> {
    let [
        start_time,
        end_time,
        start_day,
        end_day,
        start_date,
        end_date,
    ] = texts.map(Some);
    Fields {
        start_time,
        end_time,
        start_day,
        end_day,
        start_date,
        end_date,
        zone: Some(zone),
    }
}

fn zone_of(name: &str) -> ZoneRef<'static> {
    match ZoneName::parse(name) {
        ZoneName::Fixed(offset) => ZoneRef::Fixed(offset),
        ZoneName::Named(name) => {
            ZoneRef::Rules(Zone::parse(database::find(name).unwrap().1).unwrap())
        }
    }
}

#[test]
fn recorded_answers() {
    for (texts, zone, instants) in RECORDED.iter().chain(OBSERVED) {
        let (window, _) = Window::parse(&fields(*texts, "")).unwrap();
        for &(now, holds, ttl) in *instants {
            assert_eq!(
                window.evaluate(now, &zone_of(zone)),
                (holds, ttl),
                "{texts:?} {zone} {now}"
            );
        }
    }
}

#[test]
fn all_limits_are_of_the_same_local_date() {
    let (window, _) = Window::parse(&fields(["22:00", "06:00", "mon", "fri", "", ""], "")).unwrap();
    let hours = |day: i64, hour: i64| {
        (Date {
            year: 2026,
            month: 6,
            day,
        }
        .days()
            * 24
            + hour)
            * 3_600_000
    };
    let utc = ZoneRef::Fixed(0);
    assert_eq!(window.evaluate(hours(12, 23), &utc), (true, hours(13, 0)));
    assert_eq!(window.evaluate(hours(13, 2), &utc), (false, hours(15, 0)));
    assert_eq!(window.evaluate(hours(15, 2), &utc), (true, hours(15, 6)));
}

#[test]
fn a_window_that_a_change_of_clocks_swallows_is_shut_that_day() {
    let (window, _) = Window::parse(&fields(["02:30", "03:15", "", "", "", ""], "")).unwrap();
    let paris = zone_of("Europe/Paris");
    // 29 March 2026: 02:30 does not exist and is 03:30 summer time, which is past 03:15.
    for now in (1_774_740_000_000..1_774_821_600_000_i64).step_by(60_000) {
        assert_eq!(
            window.evaluate(now, &paris),
            (false, 1_774_830_600_000),
            "{now}"
        );
    }
}

#[test]
fn windows_that_hold_never_again_say_so() {
    let utc = ZoneRef::Fixed(0);
    for texts in [
        ["24:00", "24:00", "", "", "", ""],
        ["", "", "", "", "2020:01:01", "2020:12:31"],
        ["", "", "sun", "sun", "2026:06:08", "2026:06:12"],
    ] {
        let (window, _) = Window::parse(&fields(texts, "")).unwrap();
        assert_eq!(
            window.evaluate(1_781_222_400_001, &utc),
            (false, NEVER),
            "{texts:?}"
        );
    }
    let (window, _) = Window::parse(&fields(
        ["00:00", "24:00", "mon", "fri", "2099:01:01", "2099:12:31"],
        "",
    ))
    .unwrap();
    let start = Date {
        year: 2099,
        month: 1,
        day: 1,
    }
    .days()
        * 86_400_000;
    assert_eq!(window.evaluate(0, &utc), (false, start));
    for now in [i64::MIN, i64::MIN + 1, -1, i64::MAX - 1, i64::MAX] {
        for zone in [utc, ZoneRef::Fixed(i32::MAX), zone_of("Pacific/Apia")] {
            window.evaluate(now, &zone);
            Window {
                time: Some((600, 60)),
                days: Some((5, 1)),
                dates: None,
            }
            .evaluate(now, &zone);
            Window {
                time: Some((i32::MIN, i32::MAX)),
                days: Some((-7, 70)),
                dates: Some((i32::MIN, i32::MAX)),
            }
            .evaluate(now, &zone);
        }
    }
}

#[test]
fn texts_that_are_accepted() {
    for (texts, zone) in [
        (["09:00", "17:00", "", "", "", ""], "Europe/Paris"),
        (["9:0", "17:5", "", "", "", ""], "GMT+5:30"),
        (["00:00", "24:00", "", "", "", ""], ""),
        (["09:00", "09:00", "", "", "", ""], "EST"),
        (["", "", "MON", "Fri", "", ""], "PST"),
        (["", "", "", "", "2026:1:1", "2026:2:2"], "Asia/Tokyo"),
        (["", "", "", "", "2026:01:01", "2026:01:01"], "UTC"),
        (
            ["09:00", "17:00", "mon", "fri", "2026:01:01", "2026:12:31"],
            "Etc/GMT+5",
        ),
        (["", "", "", "", "2024:02:29", "2024:02:29"], ""),
        (["", "", "", "", "2000:01:01", "2040:01:01"], ""),
    ] {
        let (window, _) = Window::parse(&fields(texts, zone))
            .unwrap_or_else(|faults| unreachable!("{texts:?} {faults:?}"));
        assert_eq!(Window::from_words(window.to_words()), Some(window));
    }
    let (_, zone) = Window::parse(&fields(["1:0", "2:0", "", "", "", ""], "GMT+5:30")).unwrap();
    assert_eq!(zone, Some(ZoneName::Fixed(19_800)));
}

#[test]
fn texts_that_are_refused_name_their_members() {
    for (texts, zone, members) in [
        (["", "", "", "", "", ""], "", &["startTime"][..]),
        (["", "", "", "", "", ""], "GMT", &["startTime"]),
        (["09:00", "", "", "", "", ""], "", &["endTime"]),
        (["", "09:00", "", "", "", ""], "", &["startTime"]),
        (["", "", "mon", "", "", ""], "", &["endDay"]),
        (["", "", "", "mon", "", ""], "", &["startDay"]),
        (["", "", "", "", "2026:01:01", ""], "", &["endDate"]),
        (["", "", "", "", "", "2026:01:01"], "", &["startDate"]),
        (["09:00", "17:00", "", "fri", "", ""], "", &["startDay"]),
        (
            ["", "", "", "", "2026:02:01", "2026:01:01"],
            "",
            &["startDate"],
        ),
        (
            ["", "", "monday", "friday", "", ""],
            "",
            &["startDay", "endDay"],
        ),
        (["", "", "tues", "mon", "", ""], "", &["startDay"]),
        (
            ["nine", "ten", "", "", "", ""],
            "",
            &["startTime", "endTime"],
        ),
        (
            ["25:00", "26:00", "", "", "", ""],
            "",
            &["startTime", "endTime"],
        ),
        (["09:60", "10:00", "", "", "", ""], "", &["startTime"]),
        (
            ["0900", "1700", "", "", "", ""],
            "",
            &["startTime", "endTime"],
        ),
        (["nine:ten", "10:00", "", "", "", ""], "", &["startTime"]),
        (["-1:00", "10:00", "", "", "", ""], "", &["startTime"]),
        (
            ["", "", "", "", "2026-01-01", "2026-12-31"],
            "",
            &["startDate", "endDate"],
        ),
        (
            ["", "", "", "", "2026:02:30", "2026:03:30"],
            "",
            &["startDate"],
        ),
        (
            ["", "", "", "", "2026:01:01xyz", "2026:12:31"],
            "",
            &["startDate"],
        ),
        (
            ["", "", "", "", "2026:01:01", "2026-12-31"],
            "",
            &["endDate"],
        ),
        (
            ["09:00", "17:00", "", "", "", ""],
            "Mars/Base",
            &["enforcementTimeZone"],
        ),
        (["09:00:00", "17:00", "", "", "", ""], "", &["startTime"]),
        (["+9:00", "17:00", "", "", "", ""], "", &["startTime"]),
        (
            ["", "", "", "", "2026:01:01:01", "2026:12:31"],
            "",
            &["startDate"],
        ),
        (
            ["09:00", "17:00", "", "", "", ""],
            "europe/paris",
            &["enforcementTimeZone"],
        ),
        ([" ", "17:00", "", "", "", ""], "", &["startTime"]),
        (
            ["", "", "", "", "0:01:01", "2026:12:31"],
            "",
            &["startDate"],
        ),
    ] {
        let faults = Window::parse(&fields(texts, zone)).unwrap_err();
        assert_eq!(
            faults.iter().map(|(member, _)| *member).collect::<Vec<_>>(),
            members,
            "{texts:?} {zone}"
        );
    }
}

#[test]
fn a_window_is_shown_as_policies_write_it() {
    for (texts, shown) in [
        (
            ["9:0", "17:5", "MON", "fri", "2026:1:1", "2026:12:31"],
            "09:00-17:05 mon-fri 2026:01:01-2026:12:31",
        ),
        (["", "", "sat", "sun", "", ""], "sat-sun"),
        (["00:00", "24:00", "", "", "", ""], "00:00-24:00"),
        (
            ["", "", "", "", "0900:02:28", "1600:02:29"],
            "0900:02:28-1600:02:29",
        ),
    ] {
        let (window, _) = Window::parse(&fields(texts, "")).unwrap();
        assert_eq!(window.to_string(), shown);
    }
}

#[test]
fn stored_numbers_are_checked() {
    let absent = i32::MIN;
    assert!(Window::from_words([0, 1_499, 0, 6, 0, 0]).is_some());
    for bad in [
        [0, 1_500, 0, 6, 0, 0],
        [-1, 0, 0, 6, 0, 0],
        [0, 0, 7, 0, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [absent, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, i32::MAX],
    ] {
        assert_eq!(Window::from_words(bad), None, "{bad:?}");
    }
}

/// The same rules over another implementation of zones: whether the window holds, and the end of it.
fn oracle(window: &Window, now_ms: i64, zone: &TimeZone) -> Option<i64> {
    let instant = |day: i64, minutes: i64| {
        let local = day * 86_400 + minutes * 60;
        let wall = Offset::UTC.to_datetime(Timestamp::from_second(local).unwrap());
        let offset = match zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { after, .. } => after,
        };
        (local - i64::from(offset.seconds())) * 1_000
    };
    let now = now_ms.div_euclid(1_000);
    let offset = i64::from(
        zone.to_offset(Timestamp::from_second(now).unwrap())
            .seconds(),
    );
    let today = (now + offset).div_euclid(86_400);
    let mut until = i64::MAX;
    if let Some((start, end)) = window
        .time
        .map(|(start, end)| (i64::from(start), i64::from(end)))
    {
        let runs: &[(i64, i64)] = if end < start {
            &[(-1, 0), (0, 1)]
        } else {
            &[(0, 0)]
        };
        until = runs
            .iter()
            .filter(|(from, to)| {
                (instant(today + from, start)..=instant(today + to, end)).contains(&now_ms)
            })
            .map(|(_, to)| instant(today + to, end))
            .max()?;
    }
    if let Some((first, last)) = window.days {
        let passed = (weekday(today) - i64::from(first)).rem_euclid(7);
        let length = i64::from(last - first).rem_euclid(7) + 1;
        let end = instant(today - passed + length, 0);
        until = until.min(if now_ms <= end { end } else { return None });
    }
    if let Some((first, last)) = window.dates {
        let end = instant(i64::from(last) + 1, 0);
        let inside = (instant(i64::from(first), 0)..=end).contains(&now_ms);
        until = until.min(if inside { end } else { return None });
    }
    Some(until)
}

#[test]
fn any_window_holds_and_starts_when_the_rules_say() {
    const STEP: i64 = 300_000;
    let mut state = 5u64;
    let mut below = |bound: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 33).unwrap() % bound
    };
    let zones: Vec<(ZoneRef<'static>, TimeZone)> = [
        "Europe/Paris",
        "America/New_York",
        "Asia/Tokyo",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "America/Santiago",
    ]
    .into_iter()
    .map(|name| {
        (
            zone_of(name),
            TimeZone::tzif(name, database::find(name).unwrap().1).unwrap(),
        )
    })
    .collect();
    // Around the changes of March, April, September, October and November, and New Year.
    let centres = [
        1_774_746_000_000,
        1_775_311_200_000,
        1_788_750_000_000,
        1_792_890_000_000,
        1_793_512_800_000,
        1_798_758_000_000,
    ];
    for round in 0..180 {
        let (zone, other) = &zones[round % zones.len()];
        let now = centres[round / 6 % centres.len()]
            + (below(1_200) - 600) * STEP
            + [0, 0, 1, -1][round % 4];
        let today = now.div_euclid(86_400_000);
        let mut pair = |bound: i64, step: i64, base: i64| {
            let mut end = || i32::try_from(base + below(bound) * step).unwrap();
            Some((end(), end()))
        };
        let time = pair(289, 5, 0).filter(|_| round % 5 != 0);
        let days = pair(7, 1, 0).filter(|_| round % 3 != 0);
        let dates = pair(12, 1, today - 4)
            .filter(|_| round % 4 == 0)
            .map(|(one, two)| (one.min(two), one.max(two)));
        let window = Window { time, days, dates };
        let (holds, ttl) = window.evaluate(now, zone);
        let expected = oracle(&window, now, other);
        assert_eq!(holds, expected.is_some(), "{window:?} {now} {zone:?}");
        if let Some(until) = expected {
            assert_eq!(ttl, until, "{window:?} {now}");
            continue;
        }
        let grid = now - now.rem_euclid(STEP);
        let start = (1..=20 * 288)
            .map(|step| grid + step * STEP)
            .find(|&later| oracle(&window, later, other).is_some());
        // A start beyond the scanned days can only come from nowhere: weekdays return within seven of them.
        assert_eq!(ttl, start.unwrap_or(NEVER), "{window:?} {now}");
    }
}
