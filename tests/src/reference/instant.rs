//! Instants as sessions hold them (conditions.md §1.6).

use jiff::civil::Date;

/// Days from 1970-01-01 to a date.
pub(super) fn day_number(date: Date) -> i64 {
    jiff::civil::date(1970, 1, 1)
        .until(date)
        .map_or(0, |span| i64::from(span.get_days()))
}

/// Epoch milliseconds of `2026-01-02T03:04:05`, perhaps a fraction of a second, then `Z`, `+01`, `+0100` or `+01:00`.
pub(super) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    let (clock, behind) = text.split_at_checked("2026-01-02T03:04:05".len())?;
    // Each digit as `9`: what is left is the form.
    let form = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect()
    };
    if form(clock) != "9999-99-99T99:99:99" {
        return None;
    }
    let number =
        |at: usize, width: usize| -> Option<i64> { clock.get(at..at + width)?.parse().ok() };
    let date = Date::new(
        i16::try_from(number(0, 4)?).ok()?,
        i8::try_from(number(5, 2)?).ok()?,
        i8::try_from(number(8, 2)?).ok()?,
    )
    .ok()?;
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, zone) = match behind.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("000", behind),
    };
    if fraction.is_empty() {
        return None;
    }
    let millis: i64 = format!("{fraction}00").get(..3)?.parse().ok()?;
    let east = match form(zone).as_str() {
        "Z" => 0,
        "+99" | "+9999" | "+99:99" | "-99" | "-9999" | "-99:99" => {
            let digits = zone.replace(':', "");
            let hours: i64 = digits.get(1..3)?.parse().ok()?;
            let minutes: i64 = digits
                .get(3..)
                .filter(|m| !m.is_empty())
                .map_or(Ok(0), str::parse)
                .ok()?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            sign * (hours * 60 + minutes)
        }
        _ => return None,
    };
    let minutes = (day_number(date) * 24 + hour) * 60 + minute - east;
    Some((minutes * 60 + second) * 1000 + millis)
}
