//! Instants as AM's sessions write them: `2026-01-02T03:04:05Z` (conditions §1.6).

use super::civil::{DAY_SECONDS, Date};

/// Epoch milliseconds of an instant; `None` when the text is none.
///
/// The form is RFC 3339's (`yyyy-MM-dd'T'HH:mm:ss`, upper case), with the numeric offsets that Java's `Z` writes beside its own:
/// a fraction of a second may follow (what is past milliseconds is cut off), then `Z`, `+01`, `+0100` or `+01:00`.
pub fn parse(text: &str) -> Option<i64> {
    let (date, rest) = text.trim().split_once('T')?;
    let mut parts = date.split('-');
    let date = Date {
        year: number(parts.next()?, 4)?,
        month: number(parts.next()?, 2)?,
        day: number(parts.next()?, 2)?,
    };
    if parts.next().is_some() || !date.exists() {
        return None;
    }
    let zone = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone);
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, milliseconds(fraction)?),
        None => (clock, 0),
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = number(parts.next()?, 2)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local = date.days() * DAY_SECONDS + hour * 3_600 + minute * 60 + second;
    Some((local - offset(zone)?) * 1_000 + fraction)
}

fn milliseconds(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    Some(digits.fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0')))
}

fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_at_checked(2)?;
    let minutes = match minutes {
        "" => 0,
        minutes => number(minutes.strip_prefix(':').unwrap_or(minutes), 2)?,
    };
    let hours = number(hours, 2)?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn number(text: &str, width: usize) -> Option<i64> {
    let digits = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn instants_have_one_form() {
        for (text, instant) in [
            ("2026-01-02T03:04:05Z", Some(1_767_323_045_000)),
            (" 2026-01-02T03:04:05Z ", Some(1_767_323_045_000)),
            ("2026-01-02T03:04:05.6789Z", Some(1_767_323_045_678)),
            ("2026-01-02T03:04:05+01", Some(1_767_319_445_000)),
            ("2026-01-02T03:04:05+0100", Some(1_767_319_445_000)),
            ("2026-01-02T03:04:05-01:30", Some(1_767_328_445_000)),
            ("0000-02-29T00:00:00Z", Some(-62_162_121_600_000)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("2026-01-02 03:04:05Z", None),
            ("2026-01-02t03:04:05z", None),
            ("20260102T030405Z", None),
            ("2026-01-02T03:04Z", None),
            ("2026-01-02T03:04:05", None),
            ("2026-01-02T03:04:05.Z", None),
            ("2026-01-02T03:04:05,5Z", None),
            ("2026-01-02T03:04:60Z", None),
            ("2026-01-02T24:00:00Z", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-01-02T03:04:05+1", None),
            ("2026-01-02T03:04:05+01:", None),
            ("2026-01-02T03:04:05+0:100", None),
            ("2026-01-02T03:04:05+24:00", None),
            ("2026-01-02T03:04:05+01:60", None),
            ("2026-01-02T03:04:05Z[UTC]", None),
            ("", None),
        ] {
            assert_eq!(parse(text), instant, "{text:?}");
        }
    }
}
