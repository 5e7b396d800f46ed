//! LDAPFilter: an RFC 4515 filter over the subject's profile.
//!
//! The filter is stored in prefix form, each part as an operator word and what belongs to it:
//! AND and OR a count and their parts, NOT its part, `=`, `~=`, `>=`, `<=` an attribute and a
//! value, presence an attribute, substrings an attribute, which ends are anchored (1 initial, 2
//! last) and the texts, extensible matches an attribute, whether a rule is named, rule, value.

use std::iter;

use super::level::words_of;
use super::{Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::explain::Code;
use crate::lang::filter::compare;
use crate::limits::MAX_TREE_DEPTH;
use crate::request::{List, Request, Text};

pub(crate) const AND: u32 = 0;
pub(crate) const OR: u32 = 1;
pub(crate) const NOT: u32 = 2;
pub(crate) const EQUAL: u32 = 3;
pub(crate) const AT_LEAST: u32 = 4;
pub(crate) const AT_MOST: u32 = 5;
pub(crate) const PRESENT: u32 = 6;
pub(crate) const SUBSTRING: u32 = 7;
pub(crate) const EXTENSIBLE: u32 = 8;
/// A part that never matches: an extensible match without an attribute.
pub(crate) const NOTHING: u32 = 9;
/// A substring's first text is its initial one.
pub(crate) const INITIAL: u32 = 1;
/// A substring's last text is its final one.
pub(crate) const LAST: u32 = 2;

impl<'x> Evaluation<'x> {
    /// LDAPFilter: without a session or a profile it is undetermined. An attribute that the profile
    /// lacks matches nothing; an empty profile is nobody's entry, and no filter finds it.
    pub(super) fn ldap_filter(&mut self, payload: &mut Payload<'x>) -> Truth {
        let text = payload.text();
        let request = self.request;
        let known = request.subject.session.is_some();
        let Some(profile) = request.subject.profile.as_ref().filter(|_| known) else {
            return self.note(
                Truth::Undetermined,
                Code::NoProfile,
                || text.to_owned(),
                iter::empty(),
            );
        };
        if profile.is_empty() {
            return self.note(
                Truth::False,
                Code::FilterNotMatched,
                || text.to_owned(),
                iter::empty(),
            );
        }
        let letters: usize = profile
            .iter()
            .map(|(_, values)| request.list(*values))
            .map(|values| 1 + values.iter().map(|value| words_of(value)).sum::<usize>())
            .sum();
        // A filter's part takes two words at least.
        if !self.afford(payload.rest() / 2, letters) {
            return Truth::Undetermined;
        }
        let facts = Profile { request, profile };
        let truth = Truth::of(matches(payload, &facts, 0));
        self.note(
            truth,
            Code::FilterNotMatched,
            || text.to_owned(),
            iter::empty(),
        )
    }
}

/// Reads over a filter, checking it.
pub(super) fn check(payload: &mut Payload<'_>) {
    payload.text();
    matches(payload, &Nobody, 0);
}

trait Facts {
    /// Whether any value of an attribute passes a test.
    fn any(&self, attribute: &str, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

struct Profile<'x> {
    request: &'x Request<'x>,
    profile: &'x [(Text<'x>, List)],
}

impl Facts for Profile<'_> {
    fn any(&self, attribute: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.profile
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .any(|(_, values)| self.request.list(*values).iter().any(|value| test(value)))
    }
}

/// Whoever has no attributes: for the check at load time.
struct Nobody;

impl Facts for Nobody {
    fn any(&self, _: &str, _: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
}

/// Evaluates the part at the payload's place and moves past it: every part is read whatever its
/// neighbours came to, because only reading it tells where it ends.
fn matches(payload: &mut Payload<'_>, facts: &dyn Facts, depth: usize) -> bool {
    if depth > MAX_TREE_DEPTH {
        payload.damaged = true;
        return false;
    }
    match payload.word() {
        AND => (0..payload.count()).fold(true, |all, _| matches(payload, facts, depth + 1) && all),
        OR => (0..payload.count()).fold(false, |any, _| matches(payload, facts, depth + 1) || any),
        NOT => !matches(payload, facts, depth + 1),
        EQUAL => {
            let (attribute, wanted) = (payload.text(), payload.text());
            facts.any(attribute, &mut |value| compare::equals(value, wanted))
        }
        AT_LEAST => {
            let (attribute, wanted) = (payload.text(), payload.text());
            facts.any(attribute, &mut |value| compare::at_least(value, wanted))
        }
        AT_MOST => {
            let (attribute, wanted) = (payload.text(), payload.text());
            facts.any(attribute, &mut |value| compare::at_most(value, wanted))
        }
        PRESENT => facts.any(payload.text(), &mut |_| true),
        SUBSTRING => {
            let (attribute, ends) = (payload.text(), payload.word());
            let count = payload.ids_ahead();
            let initial = (ends & INITIAL != 0) as usize;
            let last = (ends & LAST != 0) as usize;
            payload.damaged |= count < initial + last;
            let texts = payload.texts();
            let first = (initial == 1).then(|| texts.clone().next()).flatten();
            let end = (last == 1).then(|| texts.clone().last()).flatten();
            let between = texts
                .skip(initial)
                .take(count.saturating_sub(initial + last));
            facts.any(attribute, &mut |value| {
                compare::substring(first, between.clone(), end, value)
            })
        }
        EXTENSIBLE => {
            let (attribute, named) = (payload.text(), payload.word() != 0);
            let (rule, wanted) = (payload.text(), payload.text());
            let rule = named.then_some(rule);
            facts.any(attribute, &mut |value| {
                compare::extensible(rule, value, wanted)
            })
        }
        NOTHING => false,
        _ => {
            payload.damaged = true;
            false
        }
    }
}

/// The attributes that a filter looks at.
pub(crate) fn collect_profile_attributes(
    payload: &mut Payload<'_>,
    attributes: &mut std::collections::BTreeSet<String>,
) {
    struct Collector<'c>(std::cell::RefCell<&'c mut std::collections::BTreeSet<String>>);
    impl Facts for Collector<'_> {
        fn any(&self, attribute: &str, _: &mut dyn FnMut(&str) -> bool) -> bool {
            self.0.borrow_mut().insert(attribute.to_owned());
            false
        }
    }
    payload.text();
    matches(payload, &Collector(std::cell::RefCell::new(attributes)), 0);
}
