//! Session and SessionProperty: the age and the properties of the subject's session.

use std::iter;

use super::level::{parts, words_of};
use super::truth::NEVER;
use super::{Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::explain::Code;
use crate::lang::instant;
use crate::resource::fold::same;

impl<'x> Evaluation<'x> {
    /// Session: younger than so many minutes since authentication (§2.9). `terminateSession` asks
    /// the caller to end a session that is too old.
    pub(super) fn session_age(&mut self, payload: &mut Payload<'x>) -> (Truth, i64) {
        let (minutes, terminate) = (payload.long(), payload.word() != 0);
        let request = self.request;
        let most = minutes.saturating_mul(60_000);
        let sent = request
            .environment("requestSessionCreationTime")
            .unwrap_or_default();
        if !self.afford(1, sent.len()) {
            return (Truth::Undetermined, NEVER);
        }
        let mut ttl = NEVER;
        let mut judge = |since: Option<i64>| match since {
            Some(since) => {
                let expiry = since.saturating_add(most);
                if request.now < expiry {
                    ttl = ttl.min(expiry);
                }
                Truth::of(request.now < expiry)
            }
            None => Truth::Undetermined,
        };
        let truth = if !sent.is_empty() {
            Truth::agreed(sent.iter().map(|text| judge(text.parse().ok())))
                .unwrap_or(Truth::Undetermined)
        } else if let Some(instant) = request.session("authInstant") {
            judge(instant::parse(instant))
        } else if request.subject.session.is_some() {
            // What a present session lacks is known to be missing.
            Truth::False
        } else {
            Truth::Undetermined
        };
        if truth != Truth::True {
            self.advise("SessionConditionAdvice", "deny");
            if terminate {
                self.advise("SessionConditionAdvice", "terminateSession");
                self.terminates = truth == Truth::False && request.subject.session.is_some();
            }
        }
        let code = match truth {
            Truth::Undetermined if request.subject.session.is_none() => Code::NoSession,
            Truth::Undetermined => Code::Malformed,
            _ => Code::SessionTooOld,
        };
        let wanted = || format!("authenticated less than {minutes} minutes ago");
        let seen = sent
            .iter()
            .map(|s| &**s)
            .chain(request.session("authInstant"));
        (self.note(truth, code, wanted, seen), ttl)
    }

    /// SessionProperty: each property has one of its values; a value that holds `|` is several
    /// (§2.10). No advice.
    pub(super) fn session_property(&mut self, payload: &mut Payload<'x>) -> Truth {
        let ignore_case = payload.word() != 0;
        let request = self.request;
        if request.subject.session.is_none() {
            return self.note(
                Truth::Undetermined,
                Code::NoSession,
                || "a session".into(),
                iter::empty(),
            );
        }
        let equal = |have: &str, wanted: &str| {
            if ignore_case {
                same(have, wanted)
            } else {
                have == wanted
            }
        };
        let mut truth = Truth::True;
        for _ in 0..payload.count() {
            let (name, values) = (payload.text(), payload.texts());
            let seen = request.session(name);
            if !self.afford(values.clone().count(), seen.map_or(1, words_of)) {
                return Truth::Undetermined;
            }
            let met = seen.is_some_and(|have| {
                values.clone().any(|wanted| {
                    if have.contains('|') {
                        parts(have).any(|part| equal(part, wanted))
                    } else {
                        equal(have, wanted)
                    }
                })
            });
            if !met {
                truth = Truth::False;
                let wanted = || format!("{name}={}", values.collect::<Vec<_>>().join(" or "));
                self.note(truth, Code::PropertyDiffers, wanted, seen.into_iter());
            }
        }
        truth
    }
}
