//! Combining contributions: DenyOverride, the only combiner that AM has.

use std::borrow::Cow;

use super::truth::NEVER;

/// What is decided for one resource.
///
/// INVARIANT: every list is sorted by bytes and holds nothing twice, so that no answer depends on
/// the order of policies, children or values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'x> {
    /// The resource as it was requested; the pattern, in a tree's row.
    pub resource: Cow<'x, str>,
    /// Each action that some policy mentions: allowed or denied. Empty where there are advices.
    pub actions: Vec<(&'x str, bool)>,
    /// Response attributes; one with no values is listed by itself.
    pub attributes: Vec<(&'x str, Vec<Cow<'x, str>>)>,
    /// What would have to happen for more to be allowed.
    pub advices: Vec<(&'x str, Vec<&'x str>)>,
    /// The next instant (epoch ms) at which the decision may change by itself; `i64::MAX` never.
    pub ttl: i64,
}

/// Something the caller has to carry out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect<'x> {
    /// End the subject's session.
    TerminateSession,
    /// Set a property of the subject's session.
    SetSessionProperty {
        /// The property.
        name: &'x str,
        /// Its value.
        value: String,
    },
}

/// An advice: its name and one value, or none where an outside condition gave it an empty list.
pub(super) type Advice<'x> = (&'x str, Option<&'x str>);

/// A decision in the making.
#[derive(Debug, Default)]
pub(super) struct Combined<'x> {
    pub(super) actions: Vec<(&'x str, bool)>,
    pub(super) attributes: Vec<(&'x str, Option<Cow<'x, str>>)>,
    pub(super) advices: Vec<Advice<'x>>,
    pub(super) ttl: i64,
}

impl<'x> Combined<'x> {
    pub(super) fn new() -> Self {
        Self {
            ttl: NEVER,
            ..Self::default()
        }
    }

    /// Adds what one policy says of an action: a denial overrides every allow.
    pub(super) fn act(&mut self, action: &'x str, allowed: bool) {
        match self.actions.iter_mut().find(|(known, _)| *known == action) {
            Some((_, so_far)) => *so_far &= allowed,
            None => self.actions.push((action, allowed)),
        }
    }

    /// Whether anything at all was contributed, a finite ttl included.
    pub(super) fn is_empty(&self) -> bool {
        self.actions.is_empty()
            && self.attributes.is_empty()
            && self.advices.is_empty()
            && self.ttl == NEVER
    }

    /// Any advice empties the actions; attributes stay (rulings B10, B11).
    pub(super) fn finish(mut self, resource: impl Into<Cow<'x, str>>) -> Decision<'x> {
        self.actions.sort_unstable();
        if !self.advices.is_empty() {
            self.actions.clear();
        }
        self.advices.sort_unstable();
        self.advices.dedup();
        self.attributes.sort_unstable();
        self.attributes.dedup();
        let mut attributes: Vec<(&'x str, Vec<Cow<'x, str>>)> = Vec::new();
        for (name, value) in self.attributes {
            if attributes.last().is_none_or(|(last, _)| *last != name) {
                attributes.push((name, Vec::new()));
            }
            if let (Some(value), Some((_, values))) = (value, attributes.last_mut()) {
                values.push(value);
            }
        }
        let mut advices: Vec<(&'x str, Vec<&'x str>)> = Vec::new();
        for (name, value) in self.advices {
            match advices.last_mut() {
                Some((last, values)) if *last == name => values.extend(value),
                _ => advices.push((name, value.into_iter().collect())),
            }
        }
        Decision {
            resource: resource.into(),
            actions: self.actions,
            attributes,
            advices,
            ttl: self.ttl,
        }
    }
}
