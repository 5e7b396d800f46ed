#![allow(
    clippy::unwrap_used,
    reason = "a test stops where its own data is wrong"
)]

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::super::civil::{Date, weekday};
use super::posix::PosixZone;
use super::{Zone, ZoneName, database};

/// A fixed sequence of numbers that looks random (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between both ends, included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % u64::try_from(high - low + 1).unwrap()).unwrap()
    }
}

const YEAR: i64 = 31_556_952;

fn oracle_utc(zone: &TimeZone, local: i64) -> i64 {
    let wall: DateTime = jiff::tz::Offset::UTC.to_datetime(Timestamp::from_second(local).unwrap());
    let offset = match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } => before,
        AmbiguousOffset::Fold { after, .. } => after,
    };
    local - i64::from(offset.seconds())
}

#[test]
fn every_zone_gives_the_offsets_and_instants_of_another_implementation() {
    let zones = database::all();
    assert!(zones.len() > 400, "{} zones", zones.len());
    let mut numbers = Numbers(7);
    for (name, data) in zones {
        let zone = Zone::parse(data).unwrap();
        let oracle = TimeZone::tzif(name, data).unwrap();
        let mut instants: Vec<i64> = (0..150)
            .map(|_| numbers.between(-70 * YEAR, 130 * YEAR))
            .collect();
        for change in oracle
            .following(Timestamp::from_second(-110 * YEAR).unwrap())
            .take(400)
        {
            let second = change.timestamp().as_second();
            instants.extend(
                [
                    -86_400, -7_200, -3_601, -3_600, -1_800, -1, 0, 1, 1_800, 3_599, 3_600, 7_200,
                    86_400,
                ]
                .map(|step| second + step),
            );
        }
        for instant in instants {
            let expected = oracle
                .to_offset(Timestamp::from_second(instant).unwrap())
                .seconds();
            assert_eq!(zone.offset_at(instant), expected, "{name} at {instant}");
            for local in [instant, instant + i64::from(expected)] {
                assert_eq!(
                    zone.local_to_utc(local),
                    oracle_utc(&oracle, local),
                    "{name}, local {local}"
                );
            }
        }
    }
}

#[test]
fn damaged_data_is_refused_or_read_but_never_a_trap() {
    let (_, data) = database::find("America/New_York").unwrap();
    assert!(Zone::parse(data).is_some());
    for length in 0..data.len() {
        assert!(Zone::parse(&data[..length]).is_none(), "cut to {length}");
    }
    let mut numbers = Numbers(11);
    for _ in 0..20_000 {
        let mut damaged = data.to_vec();
        for _ in 0..numbers.between(1, 4) {
            let at = usize::try_from(numbers.between(0, i64::try_from(data.len()).unwrap() - 1))
                .unwrap();
            damaged[at] = u8::try_from(numbers.between(0, 255)).unwrap();
        }
        for zone in [Zone::parse(&damaged), Zone::open(&damaged)]
            .into_iter()
            .flatten()
        {
            for instant in [i64::MIN, -1, 0, 1_781_092_800, 5_000_000_000, i64::MAX] {
                zone.offset_at(instant);
                zone.local_to_utc(instant);
            }
        }
    }
    assert!(Zone::parse(b"").is_none());
    assert!(Zone::parse(b"TZif").is_none());
}

#[test]
fn a_rule_is_read_or_refused() {
    let read = |text: &str| PosixZone::parse(text.as_bytes());
    for good in [
        "UTC0",
        "EST5",
        "<+0330>-3:30",
        "<-00>0",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "EET-2EEST,M3.4.4/50,M10.4.4/50",
        "XXX3EDT4,0/0,J365/23",
        "ABC0:00:30DEF,J60,300/-167",
    ] {
        assert!(read(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "UTC",
        "UT0",
        "UTC25",
        "<UTC0",
        "<>0",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J3",
        "CET-1CEST,366,J3",
        "CET-1CEST,J1/168,J3",
        "UTC0 ",
        "UTC0:60",
        "UTC+-1",
        "CET-1CEST,M3.5.0,M10.5.0/3,",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn daylight_saving_all_year_has_no_standard_time() {
    let zone = PosixZone::parse(b"XXX3EDT4,0/0,J365/23").unwrap();
    for day in 0..800 {
        for second in [0, 1, 3_600, 10_799, 10_800, 14_399, 14_400, 86_399] {
            assert_eq!(
                zone.segment_at(1_700_000_000 / 86_400 * 86_400 + day * 86_400 + second)
                    .offset,
                -4 * 3_600
            );
        }
    }
}

#[test]
fn dates_and_days_agree() {
    let mut date = Date {
        year: 1599,
        month: 12,
        day: 31,
    };
    for days in date.days()..=(Date {
        year: 2401,
        month: 1,
        day: 1,
    })
    .days()
    {
        let next = Date::of_days(days);
        assert!(next.exists() && next >= date, "{next:?}");
        assert_eq!(next.days(), days);
        date = next;
    }
    assert_eq!(
        Date {
            year: 1970,
            month: 1,
            day: 1
        }
        .days(),
        0
    );
    assert_eq!(
        weekday(
            Date {
                year: 2026,
                month: 6,
                day: 10
            }
            .days()
        ),
        3
    );
    assert_eq!(
        weekday(
            Date {
                year: 1969,
                month: 12,
                day: 28
            }
            .days()
        ),
        0
    );
    for (year, month, day) in [
        (2026, 2, 29),
        (1900, 2, 29),
        (2024, 2, 30),
        (2024, 0, 1),
        (2024, 13, 1),
        (2024, 4, 31),
        (2024, 1, 0),
    ] {
        assert!(!Date { year, month, day }.exists());
    }
    for extreme in [i64::MIN, i64::MAX] {
        Date::of_days(extreme);
        Date {
            year: extreme,
            month: extreme,
            day: extreme,
        }
        .days();
        weekday(extreme);
    }
}

#[test]
fn names_are_read_as_java_does() {
    for (name, offset) in [
        ("GMT", 0),
        ("UTC", 0),
        ("UT", 0),
        ("Z", 0),
        ("GMT+5", 18_000),
        ("GMT+05", 18_000),
        ("GMT+5:30", 19_800),
        ("GMT-9:00", -32_400),
        ("GMT+530", 19_800),
        ("GMT+005", 300),
        ("GMT-0530", -19_800),
        ("GMT+23:59", 86_340),
        ("UTC+2", 7_200),
        ("UTC-03:30", -12_600),
        ("UT+18", 64_800),
        ("EST", -18_000),
        ("HST", -36_000),
        ("MST", -25_200),
    ] {
        assert_eq!(ZoneName::parse(name), ZoneName::Fixed(offset), "{name}");
    }
    for name in [
        "GMT+24",
        "GMT+5:60",
        "GMT+5:3",
        "GMT+",
        "GMT5",
        "gmt+5",
        "GMT+00530",
        "GMT+:30",
        "UTC+18:01",
        "+05:30",
        "GMT+5:30:00",
        "Mars/Base",
        "",
        "GMT+é",
        "GMT+1é",
        "Etc/GMT+5",
        "Europe/Paris",
    ] {
        assert_eq!(ZoneName::parse(name), ZoneName::Named(name), "{name}");
    }
    assert_eq!(
        ZoneName::parse("PST"),
        ZoneName::Named("America/Los_Angeles")
    );
    for short in ["ACT", "BST", "CST", "IST", "JST", "VST"] {
        let ZoneName::Named(long) = ZoneName::parse(short) else {
            unreachable!("{short}")
        };
        assert!(database::find(long).is_some(), "{short} is {long}");
    }
}

#[test]
fn the_database_is_found_by_exact_names_in_order() {
    assert_eq!(database::find("Europe/Paris").unwrap().0, "Europe/Paris");
    assert!(database::find("europe/paris").is_none());
    assert!(database::find("Nowhere").is_none());
    let names: Vec<_> = database::all().into_iter().map(|(name, _)| name).collect();
    assert!(names.is_sorted());
    assert!(names.contains(&"Etc/GMT+5"));
    assert!(!database::version().is_empty());
}
