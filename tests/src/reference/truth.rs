//! Three values after Kleene, and what a leaf or tree comes to (rulings B8, C1, C17, B23).

use std::collections::{BTreeMap, BTreeSet};

/// An unlimited ttl.
pub(super) const UNLIMITED: i64 = i64::MAX;

/// Names with sets of values: advices, attributes.
pub(super) type Named = BTreeMap<String, BTreeSet<String>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Undetermined,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Truth {
        if value { Truth::True } else { Truth::False }
    }
}

impl Truth {
    pub(super) fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Undetermined => Truth::Undetermined,
        }
    }

    /// AND of all: false if one is false, else undetermined if one is.
    pub(super) fn all(values: impl IntoIterator<Item = Truth>) -> Truth {
        let values: Vec<Truth> = values.into_iter().collect();
        if values.contains(&Truth::False) {
            Truth::False
        } else if values.contains(&Truth::Undetermined) {
            Truth::Undetermined
        } else {
            Truth::True
        }
    }

    /// OR of all: true if one is true, else undetermined if one is.
    pub(super) fn any(values: impl IntoIterator<Item = Truth>) -> Truth {
        Truth::all(values.into_iter().map(Truth::not)).not()
    }

    /// What several values come to where one is used: what they agree on, else undetermined.
    pub(super) fn agreed(values: impl IntoIterator<Item = Truth>) -> Truth {
        let values: Vec<Truth> = values.into_iter().collect();
        match values.split_first() {
            Some((first, rest)) if rest.iter().all(|v| v == first) => *first,
            _ => Truth::Undetermined,
        }
    }
}

/// What a condition comes to for one request.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) truth: Truth,
    /// What to report while the outcome is not true.
    pub(super) advices: Named,
    /// Attributes that scripts return.
    pub(super) attributes: Named,
    /// Epoch milliseconds of the next change by itself.
    pub(super) ttl: i64,
    /// The session is to be ended when the advices are reported.
    pub(super) terminates: bool,
    /// Session properties that satisfied idle checks renew: name, value.
    pub(super) renewals: BTreeSet<(String, String)>,
}

impl Outcome {
    pub(super) fn new(truth: Truth) -> Outcome {
        Outcome {
            truth,
            advices: Named::new(),
            attributes: Named::new(),
            ttl: UNLIMITED,
            terminates: false,
            renewals: BTreeSet::new(),
        }
    }

    /// With this advice unless the outcome is true.
    pub(super) fn advising<S: Into<String>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = S>,
    ) -> Outcome {
        if self.truth != Truth::True {
            self.advices
                .entry(name.to_owned())
                .or_default()
                .extend(values.into_iter().map(Into::into));
        }
        self
    }

    pub(super) fn until(mut self, ttl: i64) -> Outcome {
        self.ttl = ttl;
        self
    }

    /// Takes the least ttl, the attributes and the renewals of a child; not its advices.
    pub(super) fn absorb(&mut self, child: &Outcome) {
        self.ttl = self.ttl.min(child.ttl);
        merge(&mut self.attributes, &child.attributes);
        self.renewals.extend(child.renewals.iter().cloned());
    }

    /// Takes what a child that is not true advises.
    pub(super) fn report(&mut self, child: &Outcome) {
        if child.truth != Truth::True {
            merge(&mut self.advices, &child.advices);
            self.terminates |= child.terminates;
        }
    }

    /// One outcome for several values where one is used.
    pub(super) fn agreed(outcomes: &[Outcome]) -> Outcome {
        let mut whole = Outcome::new(Truth::agreed(outcomes.iter().map(|o| o.truth)));
        for outcome in outcomes {
            whole.absorb(outcome);
            whole.report(outcome);
        }
        whole.terminates &= whole.truth == Truth::False;
        whole
    }
}

/// Unites the values of each name.
pub(super) fn merge(into: &mut Named, from: &Named) {
    for (name, values) in from {
        into.entry(name.clone())
            .or_default()
            .extend(values.iter().cloned());
    }
}
