//! Time zones: a borrowed view of TZif data (RFC 9636, the successor of RFC 8536), and zone names as Java reads them.

pub mod name;
pub mod posix;

#[cfg(feature = "compile")]
pub mod database;

pub use name::ZoneName;

use posix::PosixZone;

/// Offsets that RFC 9636 §3.2 allows: more than 25 hours west of and less than 26 hours east of UT.
const OFFSETS: core::ops::RangeInclusive<i32> = -89_999..=93_599;

/// More seconds than any offset has.
const MARGIN: i64 = 26 * 3_600;

/// Instants and local times are clamped to this many seconds, past every epoch millisecond that fits 64 bits.
const FAR: i64 = 10_000_000_000_000_000;

/// Changes of offset that can lie within the margins of one local time; real zones have at most two.
const MAX_SEGMENTS: usize = 16;

const HEADER: usize = 44;

/// A zone, or a fixed offset, to compute local times in.
#[derive(Clone, Copy, Debug)]
pub enum ZoneRef<'a> {
    /// Seconds east of UT.
    Fixed(i32),
    /// Rules of a named zone.
    Rules(Zone<'a>),
}

impl ZoneRef<'_> {
    /// Seconds east of UT at an instant (epoch seconds).
    pub fn offset_at(&self, utc_seconds: i64) -> i32 {
        match self {
            ZoneRef::Fixed(offset) => *offset,
            ZoneRef::Rules(zone) => zone.offset_at(utc_seconds),
        }
    }

    /// The instant of a local time (seconds since 1970-01-01 00:00 of that zone's clock), see [`Zone::local_to_utc`].
    pub fn local_to_utc(&self, local_seconds: i64) -> i64 {
        match self {
            ZoneRef::Fixed(offset) => local_seconds.clamp(-FAR, FAR) - i64::from(*offset),
            ZoneRef::Rules(zone) => zone.local_to_utc(local_seconds),
        }
    }
}

/// A view of the 64-bit data of a TZif file.
#[derive(Clone, Copy, Debug)]
pub struct Zone<'a> {
    /// Instants of change, 8 octets each, ascending.
    times: &'a [u8],
    /// Local time type from each instant on, 1 octet each.
    kinds: &'a [u8],
    /// Local time types, 6 octets each: offset (4), daylight saving, designation.
    types: &'a [u8],
    /// What holds after the last instant of change; without it the last type does.
    tail: Option<PosixZone>,
}

/// A stretch of time with one offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Its first second; `i64::MIN` when it has no beginning.
    pub(super) start: i64,
    /// Seconds east of UT.
    pub(super) offset: i32,
}

impl<'a> Zone<'a> {
    /// Checks TZif data of version 2 or later completely. `None` when anything in it is malformed.
    pub fn parse(bytes: &'a [u8]) -> Option<Zone<'a>> {
        let zone = Zone::open(bytes)?;
        let types = zone.types.chunks_exact(6);
        let type_count = types.len();
        let offsets_hold = types
            .clone()
            .all(|kind| be_i32(kind).is_some_and(|offset| OFFSETS.contains(&offset)));
        let kinds_hold = zone
            .kinds
            .iter()
            .all(|&kind| usize::from(kind) < type_count);
        let mut ascending = true;
        let mut previous = None;
        for time in zone.times.chunks_exact(8) {
            let time = be_i64(time)?;
            ascending &= previous.is_none_or(|previous| previous < time);
            previous = Some(time);
        }
        (offsets_hold && kinds_hold && ascending).then_some(zone)
    }

    /// Opens data that [`Zone::parse`] accepted before, without walking through it again. On other data it may give a zone with
    /// nonsensical offsets, never a panic.
    pub fn open(bytes: &'a [u8]) -> Option<Zone<'a>> {
        let first = Header::parse(bytes)?;
        if first.version < b'2' {
            return None;
        }
        let second = bytes.get(HEADER.checked_add(first.block(4)?)?..)?;
        let header = Header::parse(second)?;
        let body = second.get(HEADER..)?;
        let footer = body.get(header.block(8)?..)?;
        let (times, rest) = body.split_at_checked(header.times.checked_mul(8)?)?;
        let (kinds, rest) = rest.split_at_checked(header.times)?;
        let (types, _) = rest.split_at_checked(header.types.checked_mul(6)?)?;
        if types.is_empty() {
            return None;
        }
        let rule = footer.strip_prefix(b"\n")?.strip_suffix(b"\n")?;
        let tail = if rule.is_empty() {
            None
        } else {
            Some(PosixZone::parse(rule)?)
        };
        Some(Zone {
            times,
            kinds,
            types,
            tail,
        })
    }

    /// Seconds east of UT at an instant (epoch seconds).
    pub fn offset_at(&self, utc_seconds: i64) -> i32 {
        self.segment_at(utc_seconds.clamp(-FAR, FAR)).offset
    }

    /// The instant (epoch seconds) of a local time. A time that a change skips is read with the offset before the change; of a time
    /// that occurs twice the later pass counts (conditions §2.8).
    pub fn local_to_utc(&self, local_seconds: i64) -> i64 {
        let local = local_seconds.clamp(-FAR, FAR);
        let mut next_start = i64::MAX;
        let mut probe = local + MARGIN;
        let mut utc = local;
        // From the latest segment that can hold the local time backwards, so that the later pass is met first.
        for _ in 0..MAX_SEGMENTS {
            let segment = self.segment_at(probe);
            utc = local - i64::from(segment.offset);
            // At or past the next change: no segment holds it, this one is the one before the gap.
            if utc >= segment.start || utc >= next_start {
                break;
            }
            next_start = segment.start;
            probe = segment.start.saturating_sub(1);
        }
        utc
    }

    fn segment_at(&self, utc: i64) -> Segment {
        let after = self.changes_until(utc);
        let Some(last) = after.checked_sub(1) else {
            // RFC 9636 §3.2: before the first change local time is that of type 0, unless there are no changes at all.
            return match self.tail {
                Some(tail) if self.times.is_empty() => tail.segment_at(utc),
                _ => Segment {
                    start: i64::MIN,
                    offset: self.offset_of(0),
                },
            };
        };
        let start = self.time_of(last).unwrap_or(i64::MIN);
        match self.tail {
            Some(tail) if after == self.times.len() / 8 => {
                let segment = tail.segment_at(utc);
                Segment {
                    start: segment.start.max(start),
                    offset: segment.offset,
                }
            }
            _ => {
                let kind = self.kinds.get(last).copied().unwrap_or(0);
                Segment {
                    start,
                    offset: self.offset_of(usize::from(kind)),
                }
            }
        }
    }

    /// How many changes lie at or before an instant.
    fn changes_until(&self, utc: i64) -> usize {
        let mut low = 0;
        let mut high = self.times.len() / 8;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.time_of(middle) {
                Some(time) if time <= utc => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    fn time_of(&self, index: usize) -> Option<i64> {
        be_i64(self.times.get(index.checked_mul(8)?..)?)
    }

    fn offset_of(&self, kind: usize) -> i32 {
        let offset = kind
            .checked_mul(6)
            .and_then(|at| self.types.get(at..))
            .and_then(be_i32)
            .unwrap_or(0);
        offset.clamp(*OFFSETS.start(), *OFFSETS.end())
    }
}

/// Counts of a TZif header, RFC 9636 §3.1.
struct Header {
    version: u8,
    markers: usize,
    leaps: usize,
    times: usize,
    types: usize,
    text: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Header> {
        let rest = bytes.strip_prefix(b"TZif")?;
        let count = |index: usize| -> Option<usize> {
            let at = 16 + index * 4;
            usize::try_from(be_i32(rest.get(at..)?)?).ok()
        };
        Some(Header {
            version: *rest.first()?,
            markers: count(0)?.checked_add(count(1)?)?,
            leaps: count(2)?,
            times: count(3)?,
            types: count(4)?,
            text: count(5)?,
        })
    }

    /// Octets of the data block that follows, with instants of so many octets.
    fn block(&self, instant: usize) -> Option<usize> {
        self.times
            .checked_mul(instant.checked_add(1)?)?
            .checked_add(self.types.checked_mul(6)?)?
            .checked_add(self.text)?
            .checked_add(self.leaps.checked_mul(instant.checked_add(4)?)?)?
            .checked_add(self.markers)
    }
}

fn be_i32(bytes: &[u8]) -> Option<i32> {
    bytes
        .first_chunk()
        .map(|octets| i32::from_be_bytes(*octets))
}

fn be_i64(bytes: &[u8]) -> Option<i64> {
    bytes
        .first_chunk()
        .map(|octets| i64::from_be_bytes(*octets))
}

#[cfg(all(test, feature = "compile"))]
mod tests;
