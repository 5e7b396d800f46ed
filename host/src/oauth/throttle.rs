//! Bounds on guessing: failed authentications of the last minute, by client or user and by address.
//!
//! Only failures count, so a busy client is never slowed. Each node counts for itself.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use crate::clock::{self, Millis};
use crate::limits::{THROTTLE_ENTRIES, THROTTLE_WINDOW_MS};

/// Seconds after which to try again (`Retry-After`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryAfter(pub(crate) u64);

/// Who an attempt claims to come from: somebody else's text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claimed<'a> {
    Client(&'a str),
    /// A user by the realm's key and a name in any spelling.
    User(&'a str, &'a str),
    /// Not even a name can be read.
    Nobody,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// An IPv6 address stands for its /64: whoever has one has all of them.
    Address(IpAddr),
    Client(Box<str>),
    User(Box<str>, Box<str>),
}

struct Window {
    began: Millis,
    failures: u32,
}

/// Counts failures.
pub(crate) struct Throttle {
    per_address: u32,
    per_client: u32,
    windows: Mutex<HashMap<Key, Window>>,
}

impl Throttle {
    /// `per_address` and `per_client`: failures a minute; 0 means no bound.
    pub(crate) fn new(per_address: u32, per_client: u32) -> Self {
        Throttle {
            per_address,
            per_client,
            windows: Mutex::default(),
        }
    }

    /// Whether an attempt may be made.
    ///
    /// # Errors
    /// [`RetryAfter`] where too many have failed.
    pub(crate) fn check(&self, address: IpAddr, claimed: Claimed<'_>) -> Result<(), RetryAfter> {
        self.check_at(address, claimed, uptime())
    }

    /// Ends an attempt that was made: counts it where it proved nothing.
    ///
    /// # Errors
    /// [`RetryAfter`] where so many others have failed meanwhile that its outcome must not be told: whoever tries many
    /// at a time learns no more than whoever tries them one by one.
    pub(crate) fn settle(
        &self,
        address: IpAddr,
        claimed: Claimed<'_>,
        proved: bool,
    ) -> Result<(), RetryAfter> {
        self.settle_at(address, claimed, proved, uptime())
    }

    fn check_at(
        &self,
        address: IpAddr,
        claimed: Claimed<'_>,
        now: Millis,
    ) -> Result<(), RetryAfter> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        admit(&windows, &self.keys(address, claimed), now)
    }

    fn settle_at(
        &self,
        address: IpAddr,
        claimed: Claimed<'_>,
        proved: bool,
        now: Millis,
    ) -> Result<(), RetryAfter> {
        let keys = self.keys(address, claimed);
        // INVARIANT: looking and counting are one step, so that no two attempts take the last place.
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        admit(&windows, &keys, now)?;
        if proved {
            return Ok(());
        }
        for (key, _) in keys {
            if windows.len() >= THROTTLE_ENTRIES && !windows.contains_key(&key) {
                make_room(&mut windows, now);
            }
            let fresh = Window {
                began: now,
                failures: 0,
            };
            let window = windows.entry(key).or_insert(fresh);
            if now - window.began >= THROTTLE_WINDOW_MS {
                *window = Window {
                    began: now,
                    failures: 0,
                };
            }
            window.failures = window.failures.saturating_add(1);
        }
        Ok(())
    }

    fn keys(&self, address: IpAddr, claimed: Claimed<'_>) -> Vec<(Key, u32)> {
        // Only the beginning of a name is kept.
        let short = |name: &str| name.chars().take(64).collect::<String>();
        let mut keys = vec![(Key::Address(network(address)), self.per_address)];
        let named = match claimed {
            Claimed::Client(name) => Key::Client(short(name).into()),
            Claimed::User(realm, name) => {
                Key::User(short(realm).into(), short(&name.to_lowercase()).into())
            }
            Claimed::Nobody => return keys,
        };
        keys.push((named, self.per_client));
        keys
    }
}

/// The clock that nobody sets: one set back would lengthen a refusal by as much.
fn uptime() -> Millis {
    clock::moment().uptime
}

fn admit(
    windows: &HashMap<Key, Window>,
    keys: &[(Key, u32)],
    now: Millis,
) -> Result<(), RetryAfter> {
    for (key, limit) in keys {
        let Some(window) = windows.get(key) else {
            continue;
        };
        let left = window.began + THROTTLE_WINDOW_MS - now;
        if *limit > 0 && window.failures >= *limit && left > 0 {
            let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1000);
            return Err(RetryAfter(seconds));
        }
    }
    Ok(())
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// Forgets windows that are over; where that is not enough, those with the fewest failures of a sample.
fn make_room(windows: &mut HashMap<Key, Window>, now: Millis) {
    windows.retain(|_, window| now - window.began < THROTTLE_WINDOW_MS);
    if windows.len() >= THROTTLE_ENTRIES {
        let least = windows
            .iter()
            .take(64)
            .min_by_key(|(_, window)| window.failures)
            .map(|(key, _)| key.clone());
        if let Some(least) = least {
            windows.remove(&least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Claimed<'_> = Claimed::Nobody;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or(IpAddr::V6(Ipv6Addr::LOCALHOST))
    }

    #[test]
    fn failures_count_for_a_minute_by_address() {
        let throttle = Throttle::new(3, 0);
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        for n in 0..3 {
            assert_eq!(throttle.check_at(one, NOBODY, n), Ok(()));
            assert_eq!(throttle.settle_at(one, NOBODY, false, n), Ok(()));
        }
        assert_eq!(throttle.check_at(one, NOBODY, 2), Err(RetryAfter(60)));
        assert_eq!(throttle.check_at(one, NOBODY, 59_001), Err(RetryAfter(1)));
        assert_eq!(throttle.check_at(other, NOBODY, 2), Ok(()));
        assert_eq!(throttle.check_at(one, NOBODY, 60_000), Ok(()));
        assert_eq!(throttle.settle_at(one, NOBODY, false, 60_000), Ok(()));
        assert_eq!(throttle.check_at(one, NOBODY, 60_001), Ok(()));
    }

    #[test]
    fn a_client_is_guarded_wherever_the_attempts_come_from() {
        let throttle = Throttle::new(0, 2);
        for n in 0..2 {
            let one = address(&format!("10.0.0.{n}"));
            assert_eq!(
                throttle.settle_at(one, Claimed::Client("c"), false, 0),
                Ok(())
            );
        }
        assert_eq!(
            throttle.check_at(address("10.9.9.9"), Claimed::Client("c"), 0),
            Err(RetryAfter(60))
        );
        assert_eq!(
            throttle.check_at(address("10.9.9.9"), Claimed::Client("d"), 0),
            Ok(())
        );
    }

    #[test]
    fn who_tries_many_at_a_time_learns_no_more() {
        let throttle = Throttle::new(2, 0);
        let one = address("10.0.0.1");
        // All begin before the first ends.
        for _ in 0..4 {
            assert_eq!(throttle.check_at(one, NOBODY, 0), Ok(()));
        }
        let told: Vec<bool> = [false, false, false, true]
            .map(|proved| throttle.settle_at(one, NOBODY, proved, 1).is_ok())
            .to_vec();
        assert_eq!(told, [true, true, false, false]);
        // What is refused does not count: it would keep the window full for ever.
        assert_eq!(throttle.check_at(one, NOBODY, 60_001), Ok(()));
    }

    #[test]
    fn a_user_is_one_in_every_spelling_and_another_in_every_realm() {
        let throttle = Throttle::new(0, 1);
        let one = address("10.0.0.1");
        assert!(
            throttle
                .settle_at(one, Claimed::User("/", "Demo"), false, 0)
                .is_ok()
        );
        assert!(
            throttle
                .check_at(one, Claimed::User("/", "dEMO"), 0)
                .is_err()
        );
        assert!(
            throttle
                .check_at(one, Claimed::User("/a", "demo"), 0)
                .is_ok()
        );
        assert!(throttle.check_at(one, Claimed::Client("demo"), 0).is_ok());
    }

    #[test]
    fn a_network_of_six_is_one_and_a_mapped_four_is_itself() {
        let throttle = Throttle::new(1, 0);
        assert!(
            throttle
                .settle_at(address("2001:db8::1"), NOBODY, false, 0)
                .is_ok()
        );
        assert!(
            throttle
                .check_at(address("2001:db8::ffff:2"), NOBODY, 0)
                .is_err()
        );
        assert!(
            throttle
                .check_at(address("2001:db8:0:1::1"), NOBODY, 0)
                .is_ok()
        );
        assert!(
            throttle
                .settle_at(address("::ffff:10.0.0.1"), NOBODY, false, 0)
                .is_ok()
        );
        assert!(throttle.check_at(address("10.0.0.1"), NOBODY, 0).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(5, 5);
        let loud = address("10.0.0.1");
        for _ in 0..5 {
            assert!(throttle.settle_at(loud, NOBODY, false, 0).is_ok());
        }
        for n in 0..(THROTTLE_ENTRIES as u32 + 500) {
            let one = IpAddr::V4((0x0b00_0000 + n).into());
            assert!(throttle.settle_at(one, NOBODY, false, 1).is_ok());
        }
        let windows = throttle
            .windows
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        assert!(windows.len() <= THROTTLE_ENTRIES);
    }
}
