//! How fresh is what a node knows of its store: which changes it has taken over, which sessions have ended, and
//! which tokens were revoked.
//!
//! A node that is cut off from its database goes on deciding from what it knows, for a while; then it stops, as a change
//! or a log-out that it does not know of may have been made elsewhere (DESIGN §5). Whatever is decided from memory asks
//! [`Freshness::check`] first: sessions do, and so must anything else that can be revoked.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{Millis, Moment};
use crate::store::StoreError;

/// What a node knows, and as of when.
pub(crate) struct Freshness {
    /// How long it is trusted without news, milliseconds.
    bound: Millis,
    /// After how long without news the node counts as cut off: some polls may be late.
    tolerance: Millis,
    /// Everything that was written to documents up to then is live.
    changes: AsOf,
    /// Every session that had ended by then is known to have.
    endings: AsOf,
    /// Every token that had been revoked by then is known to be.
    revocations: AsOf,
    /// When something was heard again after the last time that it was not for longer than `tolerance`.
    heard_again: AsOf,
    /// Before that nothing was listened for.
    begun: AsOf,
}

/// How a node stands with its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    Current,
    /// It decides from what it knew then, until that is too old. Both by the system's clock.
    CutOff {
        since: Millis,
        until: Millis,
    },
    /// What it knew then is too old to decide from.
    Stale {
        since: Millis,
    },
}

impl Freshness {
    /// Of a node that trusts what it knows for `bound` milliseconds and looks for news every `poll`.
    pub(crate) fn new(bound: Millis, poll: Millis, now: Moment) -> Self {
        /// Shortest time without news that is told as being cut off, milliseconds.
        const NOTICEABLE: Millis = 3000;
        Freshness {
            bound,
            tolerance: NOTICEABLE.max(4 * poll).min(bound),
            changes: AsOf::new(now),
            endings: AsOf::new(now),
            revocations: AsOf::new(now),
            heard_again: AsOf::new(now),
            begun: AsOf::new(now),
        }
    }

    /// Notes that what is live is what the store held at that moment, or later.
    pub(crate) fn confirm_changes(&self, as_of: Moment) {
        self.changes.confirm(as_of);
    }

    /// Notes that all sessions that had ended by that moment are known.
    pub(crate) fn confirm_endings(&self, as_of: Moment) {
        self.hear(&self.endings, as_of);
    }

    /// Notes that all tokens that had been revoked by that moment are known.
    pub(crate) fn confirm_revocations(&self, as_of: Moment) {
        self.hear(&self.revocations, as_of);
    }

    /// Notes that news is listened for from now on. That there was none while the first policies were compiled means
    /// nothing.
    pub(crate) fn begin(&self, now: Moment) {
        self.begun.confirm(now);
    }

    fn hear(&self, of: &AsOf, as_of: Moment) {
        let silence = [of, &self.begun].map(|earlier| as_of.since(earlier.moment()));
        if silence.into_iter().min() > Some(self.tolerance) {
            self.heard_again.confirm(as_of);
        }
        of.confirm(as_of);
    }

    /// The latest instant for which it is known that nothing newer was in the store.
    pub(crate) fn changes_as_of(&self) -> Millis {
        self.changes.moment().wall
    }

    /// How the node stands.
    pub(crate) fn knowledge(&self, now: Moment) -> Knowledge {
        let told = [&self.endings, &self.revocations].map(AsOf::moment);
        // Changes come as fast as they can be compiled: that one is being made live is no sign of a lost database.
        let silence = told.map(|moment| now.since(moment)).into_iter().max();
        let changes = self.changes.moment();
        let age = silence.max(Some(now.since(changes))).unwrap_or(0);
        let since = told.map(|moment| moment.wall).into_iter().min();
        let since = since.unwrap_or(changes.wall).min(changes.wall);
        // INVARIANT: a node that was cut off is current again when what was changed meanwhile is live.
        let caught_up = changes.uptime >= self.heard_again.moment().uptime;
        if age <= self.bound && silence.unwrap_or(0) <= self.tolerance && caught_up {
            Knowledge::Current
        } else if age <= self.bound {
            Knowledge::CutOff {
                since,
                until: since.saturating_add(self.bound),
            }
        } else {
            Knowledge::Stale { since }
        }
    }

    /// Checks that what the node knows is fresh enough to decide from.
    ///
    /// # Errors
    /// [`StoreError::CutOff`].
    pub(crate) fn check(&self, now: Moment) -> Result<(), StoreError> {
        match self.knowledge(now) {
            Knowledge::Current | Knowledge::CutOff { .. } => Ok(()),
            Knowledge::Stale { since } => Err(StoreError::CutOff { since }),
        }
    }
}

/// A moment that only moves on.
struct AsOf {
    wall: AtomicI64,
    uptime: AtomicI64,
}

impl AsOf {
    fn new(moment: Moment) -> Self {
        AsOf {
            wall: AtomicI64::new(moment.wall),
            uptime: AtomicI64::new(moment.uptime),
        }
    }

    /// Each clock for itself. A reader in between sees one of an older confirmation, which makes it no less true.
    fn confirm(&self, moment: Moment) {
        let before = self.uptime.fetch_max(moment.uptime, Ordering::AcqRel);
        if moment.uptime >= before {
            // Also where the system's clock was set back.
            self.wall.store(moment.wall, Ordering::Release);
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            wall: self.wall.load(Ordering::Acquire),
            uptime: self.uptime.load(Ordering::Acquire),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Millis = 60_000;
    const HOUR: Millis = 3_600_000;

    fn at(wall: Millis, uptime: Millis) -> Moment {
        Moment { wall, uptime }
    }

    fn confirmed(freshness: &Freshness, moment: Moment) {
        freshness.confirm_changes(moment);
        freshness.confirm_endings(moment);
        freshness.confirm_revocations(moment);
    }

    #[test]
    fn what_is_known_ages_and_is_refreshed() {
        let freshness = Freshness::new(BOUND, 500, at(HOUR, 0));
        let cut_off = Knowledge::CutOff {
            since: HOUR,
            until: HOUR + BOUND,
        };
        for (age, knowledge) in [
            (0, Knowledge::Current),
            (3000, Knowledge::Current),
            (3001, cut_off),
            (BOUND, cut_off),
            (BOUND + 1, Knowledge::Stale { since: HOUR }),
        ] {
            let now = at(HOUR + age, age);
            assert_eq!(freshness.knowledge(now), knowledge, "{age}");
            assert_eq!(freshness.check(now).is_ok(), age <= BOUND, "{age}");
        }
        let later = at(2 * HOUR, HOUR);
        confirmed(&freshness, later);
        assert_eq!(freshness.knowledge(later), Knowledge::Current);
        // A confirmation that comes late takes nothing back.
        confirmed(&freshness, at(HOUR, 0));
        assert_eq!(freshness.knowledge(later), Knowledge::Current);
        assert_eq!(freshness.changes_as_of(), 2 * HOUR);
    }

    #[test]
    fn changes_endings_and_revocations_must_all_be_known() {
        let later = at(HOUR + BOUND + 1, BOUND + 1);
        let all = [
            Freshness::confirm_changes,
            Freshness::confirm_endings,
            Freshness::confirm_revocations,
        ];
        for missing in 0..all.len() {
            let freshness = Freshness::new(BOUND, 500, at(HOUR, 0));
            let others = all.iter().enumerate().filter(|(n, _)| *n != missing);
            others.for_each(|(_, confirm)| confirm(&freshness, later));
            assert_eq!(freshness.knowledge(later), Knowledge::Stale { since: HOUR });
        }
    }

    #[test]
    fn neither_a_clock_set_back_nor_a_sleep_makes_it_younger() {
        let freshness = Freshness::new(BOUND, 500, at(HOUR, 0));
        assert!(freshness.check(at(0, BOUND + 1)).is_err(), "set back");
        assert!(freshness.check(at(HOUR + BOUND + 1, 5)).is_err(), "asleep");
        confirmed(&freshness, at(0, BOUND + 2));
        assert_eq!(
            freshness.knowledge(at(10, BOUND + 12)),
            Knowledge::Current,
            "set back, and confirmed since"
        );
    }

    #[test]
    fn a_change_that_takes_long_to_go_live_is_no_lost_database() {
        let freshness = Freshness::new(BOUND, 500, at(HOUR, 0));
        for age in (0..=BOUND).step_by(1000) {
            let now = at(HOUR + age, age);
            freshness.confirm_endings(now);
            freshness.confirm_revocations(now);
            assert_eq!(freshness.knowledge(now), Knowledge::Current, "{age}");
        }
        let now = at(HOUR + BOUND + 1, BOUND + 1);
        freshness.confirm_endings(now);
        freshness.confirm_revocations(now);
        let stale = Knowledge::Stale { since: HOUR };
        assert_eq!(freshness.knowledge(now), stale, "but it must end");
    }

    #[test]
    fn a_node_is_cut_off_until_what_was_changed_meanwhile_is_live() {
        // Each is told in another way, so any of them may be what was not heard.
        for silent in [Freshness::confirm_endings, Freshness::confirm_revocations] {
            let freshness = Freshness::new(BOUND, 500, at(0, 0));
            for second in 0..10 {
                let now = at(second * 1000, second * 1000);
                freshness.confirm_endings(now);
                freshness.confirm_revocations(now);
            }
            let healed = at(13_000, 13_000);
            freshness.confirm_endings(at(12_000, 12_000));
            freshness.confirm_revocations(at(12_000, 12_000));
            assert_eq!(freshness.knowledge(healed), Knowledge::Current);
            let healed = at(20_000, 20_000);
            silent(&freshness, healed);
            freshness.endings.confirm(healed);
            freshness.revocations.confirm(healed);
            let cut_off = Knowledge::CutOff {
                since: 0,
                until: BOUND,
            };
            assert_eq!(freshness.knowledge(healed), cut_off);
            // Read before the line was cut, live only now.
            freshness.confirm_changes(at(500, 500));
            assert!(matches!(
                freshness.knowledge(healed),
                Knowledge::CutOff { since: 500, .. }
            ));
            freshness.confirm_changes(healed);
            assert_eq!(freshness.knowledge(healed), Knowledge::Current);
        }
    }

    #[test]
    fn a_long_start_is_no_silence() {
        let freshness = Freshness::new(BOUND, 500, at(0, 0));
        let started = at(10_000, 10_000);
        freshness.confirm_changes(at(9_999, 9_999));
        freshness.begin(started);
        freshness.confirm_endings(started);
        freshness.confirm_revocations(started);
        assert_eq!(freshness.knowledge(started), Knowledge::Current);
    }

    #[test]
    fn a_short_bound_is_kept() {
        let freshness = Freshness::new(1000, 200, at(0, 0));
        assert_eq!(freshness.knowledge(at(1000, 1000)), Knowledge::Current);
        let stale = Knowledge::Stale { since: 0 };
        assert_eq!(freshness.knowledge(at(1001, 1001)), stale);
    }
}
