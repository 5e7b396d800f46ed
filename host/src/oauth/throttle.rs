//! Bounds on guessing: failed authentications of the last minute, by client and by address.
//!
//! Only failures count, so a busy client is never slowed. Each node counts for itself.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use crate::clock::Millis;
use crate::limits::{THROTTLE_ENTRIES, THROTTLE_WINDOW_MS};

/// Seconds after which to try again (`Retry-After`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryAfter(pub(crate) u64);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// An IPv6 address stands for its /64: whoever has one has all of them.
    Address(IpAddr),
    Client(Box<str>),
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

    /// Whether an attempt may be made. `name` is the client or user that it claims to be.
    ///
    /// # Errors
    /// [`RetryAfter`] where too many have failed.
    pub(crate) fn check(
        &self,
        address: IpAddr,
        name: Option<&str>,
        now: Millis,
    ) -> Result<(), RetryAfter> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, limit) in self.keys(address, name) {
            let Some(window) = windows.get(&key) else {
                continue;
            };
            let left = window.began + THROTTLE_WINDOW_MS - now;
            if limit > 0 && window.failures >= limit && left > 0 {
                let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1000);
                return Err(RetryAfter(seconds));
            }
        }
        Ok(())
    }

    /// Counts a failed attempt.
    pub(crate) fn failed(&self, address: IpAddr, name: Option<&str>, now: Millis) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in self.keys(address, name) {
            if windows.len() >= THROTTLE_ENTRIES && !windows.contains_key(&key) {
                make_room(&mut windows, now);
            }
            let window = windows.entry(key).or_insert(Window {
                began: now,
                failures: 0,
            });
            if now - window.began >= THROTTLE_WINDOW_MS {
                *window = Window {
                    began: now,
                    failures: 0,
                };
            }
            window.failures = window.failures.saturating_add(1);
        }
    }

    fn keys(&self, address: IpAddr, name: Option<&str>) -> impl Iterator<Item = (Key, u32)> {
        let address = (Key::Address(network(address)), self.per_address);
        // A name is somebody else's text: only its beginning is kept.
        let name = name.map(|name| {
            let short: String = name.chars().take(64).collect();
            (Key::Client(short.into()), self.per_client)
        });
        std::iter::once(address).chain(name)
    }
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

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or(IpAddr::V6(Ipv6Addr::LOCALHOST))
    }

    #[test]
    fn failures_count_for_a_minute_by_address() {
        let throttle = Throttle::new(3, 0);
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        for n in 0..3 {
            assert_eq!(throttle.check(one, None, n), Ok(()));
            throttle.failed(one, None, n);
        }
        assert_eq!(throttle.check(one, None, 2), Err(RetryAfter(60)));
        assert_eq!(throttle.check(one, None, 59_001), Err(RetryAfter(1)));
        assert_eq!(throttle.check(other, None, 2), Ok(()));
        assert_eq!(throttle.check(one, None, 60_000), Ok(()));
        throttle.failed(one, None, 60_000);
        assert_eq!(throttle.check(one, None, 60_001), Ok(()));
    }

    #[test]
    fn a_client_is_guarded_wherever_the_attempts_come_from() {
        let throttle = Throttle::new(0, 2);
        for n in 0..2 {
            throttle.failed(address(&format!("10.0.0.{n}")), Some("c"), 0);
        }
        assert_eq!(
            throttle.check(address("10.9.9.9"), Some("c"), 0),
            Err(RetryAfter(60))
        );
        assert_eq!(throttle.check(address("10.9.9.9"), Some("d"), 0), Ok(()));
    }

    #[test]
    fn a_network_of_six_is_one_and_a_mapped_four_is_itself() {
        let throttle = Throttle::new(1, 0);
        throttle.failed(address("2001:db8::1"), None, 0);
        assert!(
            throttle
                .check(address("2001:db8::ffff:2"), None, 0)
                .is_err()
        );
        assert!(throttle.check(address("2001:db8:0:1::1"), None, 0).is_ok());
        throttle.failed(address("::ffff:10.0.0.1"), None, 0);
        assert!(throttle.check(address("10.0.0.1"), None, 0).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(5, 5);
        let loud = address("10.0.0.1");
        for _ in 0..5 {
            throttle.failed(loud, None, 0);
        }
        for n in 0..(THROTTLE_ENTRIES as u32 + 500) {
            throttle.failed(IpAddr::V4((0x0b00_0000 + n).into()), None, 1);
        }
        let windows = throttle
            .windows
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        assert!(windows.len() <= THROTTLE_ENTRIES);
    }
}
