//! Time windows and LDAP filters.

use super::policies::ZONES;
use super::rng::Rng;
use serde_json::{Map, Value, json};

/// A `SimpleTime` with times, days, dates or several of them.
pub(super) fn simple_time(rng: &mut Rng) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: &str| {
        members.insert(name.to_owned(), json!(value));
    };
    put("type", "SimpleTime");
    let kinds = 1 + rng.below(7);
    if kinds & 1 != 0 {
        let (start, end) = [
            ("09:00", "17:00"),
            ("22:00", "06:00"),
            ("02:30", "03:15"),
            ("00:00", "24:00"),
            ("12:00", "12:00"),
            ("9:5", "23:59"),
            ("01:30", "02:30"),
        ]
        .get(rng.below(7))
        .copied()
        .unwrap_or(("09:00", "17:00"));
        put("startTime", start);
        put("endTime", end);
    }
    if kinds & 2 != 0 {
        let days = ["sun", "mon", "TUE", "wed", "Thu", "fri", "sat"];
        put("startDay", rng.pick(&days));
        put("endDay", rng.pick(&days));
    }
    if kinds & 4 != 0 {
        let (start, end) = [
            ("2026:03:01", "2026:03:31"),
            ("2025:12:31", "2026:1:1"),
            ("2026:10:25", "2026:10:25"),
            ("2024:02:29", "2030:12:31"),
            ("2026:06:10", "2026:06:12"),
        ]
        .get(rng.below(5))
        .copied()
        .unwrap_or(("2026:03:01", "2026:03:31"));
        put("startDate", start);
        put("endDate", end);
    }
    if rng.chance(70) {
        put("enforcementTimeZone", rng.pick(&ZONES));
    }
    Value::Object(members)
}

/// An instant near where windows begin, end, or clocks change: epoch milliseconds.
pub(super) fn instant(rng: &mut Rng) -> i64 {
    // Wednesday 2026-06-10, the days of clock changes in Paris and New York in 2026, New Year, a leap day, Lord Howe's half hour.
    const DAYS: [i64; 9] = [
        1_781_049_600,
        1_774_742_400,
        1_792_886_400,
        1_772_928_000,
        1_793_491_200,
        1_767_139_200,
        1_709_164_800,
        1_775_347_200,
        1_773_800_000,
    ];
    let day = DAYS.get(rng.below(DAYS.len())).copied().unwrap_or(0);
    let hour = i64::try_from(rng.below(72)).unwrap_or(0) - 24;
    let minute = [0, 0, 0, 30, 15, 59]
        .get(rng.below(6))
        .copied()
        .unwrap_or(0);
    let millis = [0, 0, 1, -1, 500, 59_999]
        .get(rng.below(6))
        .copied()
        .unwrap_or(0);
    let offset = [0, 0, 86_400 * 3, -86_400 * 2, 86_400 * 45]
        .get(rng.below(5))
        .copied()
        .unwrap_or(0);
    (day + offset + hour * 3600 + minute * 60) * 1000 + millis
}

/// An RFC 4515 filter of at most this depth.
pub(super) fn filter(rng: &mut Rng, depth: usize) -> String {
    if depth > 0 && rng.chance(40) {
        let children: String = (0..1 + rng.below(3))
            .map(|_| filter(rng, depth - 1))
            .collect();
        return match rng.below(3) {
            0 => format!("(&{children})"),
            1 => format!("(|{children})"),
            _ => format!("(!{})", filter(rng, depth - 1)),
        };
    }
    let attribute = rng.pick(&["mail", "cn", "CN", "sn", "employeeNumber", "none"]);
    match rng.below(7) {
        0 => format!("({attribute}=*)"),
        1 => format!(
            "({attribute}={})",
            rng.pick(&["ann@example.com", "Ann", "Doe", "17", "3"])
        ),
        2 => format!(
            "({attribute}={})",
            rng.pick(&["*@example.com", "a*", "*n*", "*a*e*", "a*m", "A\\2a*"])
        ),
        3 => format!("(employeeNumber>={})", rng.pick(&["3", "17", "100"])),
        4 => format!("(employeeNumber<={})", rng.pick(&["3", "17", "100"])),
        5 => format!("({attribute}~={})", rng.pick(&["ann", "doe"])),
        _ => format!(
            "({attribute}={})",
            rng.pick(&[
                "\\41nn",
                "ANN@EXAMPLE.COM",
                "a\\2ab",
                "ann  lee",
                " Ann Lee ",
                "*n   l*",
                "a*   ",
                "Ann *lee",
                "*ee  "
            ])
        ),
    }
}
