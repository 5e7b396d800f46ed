//! One policy's contribution.

use std::borrow::Cow;

use super::decision::Combined;
use super::{Decision, Effect, Evaluation, Truth};
use crate::bundle::Tables;
use crate::explain::{Contribution, PolicyCode};

/// In an attribute's record: the value is read from the profile.
pub(crate) const FROM_PROFILE: u32 = 1;
/// In an attribute's record: the value is given by the policy.
#[cfg(feature = "compile")]
pub(crate) const STATIC: u32 = 0;

impl<'x> Evaluation<'x> {
    /// Decides a resource that these policies cover.
    pub(super) fn decide(&mut self, resource: &'x str, policies: &[u32]) -> Decision<'x> {
        self.record_resource(resource);
        self.combine(policies).finish(resource)
    }

    pub(super) fn combine(&mut self, policies: &[u32]) -> Combined<'x> {
        let mut combined = Combined::new();
        for &policy in policies {
            self.contribute(policy, &mut combined);
        }
        combined
    }

    /// Adds what a policy contributes: the AND of its subject and its condition (DESIGN B8).
    ///
    /// INVARIANT: an allow is added only where both are true.
    fn contribute(&mut self, policy: u32, combined: &mut Combined<'x>) {
        let [name, _, subject, condition, actions, attributes] =
            Tables::record(&self.bundle.tables.policies, policy);
        self.renewals.clear();
        self.outside_attributes.clear();
        if !self.step(1) {
            return;
        }
        self.record_policy(policy, name);
        let subject = self.node(subject).truth;
        if subject == Truth::False {
            self.record_outcome(PolicyCode::SubjectFalse, Contribution::Nothing);
            return;
        }
        self.record_condition();
        let condition = self.node(condition);
        combined.ttl = combined.ttl.min(condition.ttl);
        let (from, to) = condition.advices;
        if condition.truth != Truth::True {
            let run = self.advices.get(from as usize..to as usize);
            combined.advices.extend_from_slice(run.unwrap_or_default());
        }
        let (code, contribution) = match (subject, condition.truth) {
            (Truth::True, Truth::True) => {
                self.add_actions(actions, |_| true, combined);
                self.add_attributes(attributes, combined);
                (PolicyCode::Satisfied, Contribution::Everything)
            }
            (_, Truth::False) => (PolicyCode::ConditionFalse, Contribution::Advices),
            (Truth::True, _) => {
                self.add_actions(actions, |allowed| !allowed, combined);
                (
                    PolicyCode::ConditionUndetermined,
                    Contribution::DenialsAndAdvices,
                )
            }
            _ => {
                self.add_actions(actions, |allowed| !allowed, combined);
                (
                    PolicyCode::SubjectUndetermined,
                    Contribution::DenialsAndAdvices,
                )
            }
        };
        self.record_outcome(code, contribution);
        if subject == Truth::True {
            self.keep_effects(condition.terminates);
        }
    }

    fn add_actions(
        &mut self,
        list: u32,
        wanted: impl Fn(bool) -> bool,
        combined: &mut Combined<'x>,
    ) {
        for &item in self.bundle.tables.list(list) {
            let allowed = item & 1 == 1;
            if wanted(allowed) {
                combined.act(self.bundle.strings.get(item >> 1), allowed);
            }
        }
    }

    /// Response attributes: Static values, profile attributes (an attribute that cannot be read
    /// is an empty list, ruling C16), and what outside conditions brought.
    fn add_attributes(&mut self, list: u32, combined: &mut Combined<'x>) {
        let strings = &self.bundle.strings;
        let mut words = self.bundle.tables.list(list).iter().copied();
        while let (Some(kind), Some(name), Some(count)) = (words.next(), words.next(), words.next())
        {
            let name = strings.get(name);
            combined.attributes.push((name, None));
            for value in words.by_ref().take(count as usize) {
                let value = strings.get(value);
                if kind == FROM_PROFILE {
                    self.add_profile_values(name, value, combined);
                } else {
                    combined.attributes.push((name, Some(Cow::Borrowed(value))));
                }
            }
        }
        for &(name, values) in &self.outside_attributes {
            combined.attributes.push((name, None));
            let values = values
                .iter()
                .map(|value| (name, Some(Cow::Borrowed(&**value))));
            combined.attributes.extend(values);
        }
    }

    fn add_profile_values(&self, name: &'x str, attribute: &str, combined: &mut Combined<'x>) {
        let request = self.request;
        let profile = request.subject.profile.as_deref().unwrap_or_default();
        for (known, values) in profile {
            if known.eq_ignore_ascii_case(attribute) {
                let values = request.list(*values).iter();
                combined
                    .attributes
                    .extend(values.map(|value| (name, Some(Cow::Borrowed(&**value)))));
            }
        }
    }

    /// Keeps the effects of a policy whose subject is true: the session is ended where its condition advises that.
    fn keep_effects(&mut self, terminates: bool) {
        let end = terminates.then_some(Effect::TerminateSession);
        self.effects
            .extend(end.into_iter().chain(self.renewals.drain(..)));
    }
}
