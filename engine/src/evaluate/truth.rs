/// Kleene's three values: a fact that is needed may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    Undetermined,
    True,
}

impl Truth {
    pub(crate) fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    /// The truth where each of several values may be the one that is read: what they agree on.
    pub(crate) fn agreed(truths: impl IntoIterator<Item = Self>) -> Option<Self> {
        truths
            .into_iter()
            .reduce(|a, b| if a == b { a } else { Self::Undetermined })
    }
}

impl std::ops::Not for Truth {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Undetermined => Self::Undetermined,
            Self::True => Self::False,
        }
    }
}

/// Never changes by itself.
pub(crate) const NEVER: i64 = i64::MAX;

/// What a subject or condition came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) truth: Truth,
    /// The next instant (epoch ms) at which this may change by itself.
    pub(crate) ttl: i64,
    /// Its advices: a run in [`super::Evaluation`]'s store. Empty where it is true.
    pub(crate) advices: (u32, u32),
    /// Whether what it advises includes that the session be ended: by a Session condition that is false. Never where it is true.
    pub(crate) terminates: bool,
}

impl Outcome {
    pub(crate) fn plain(truth: Truth) -> Self {
        Self {
            truth,
            ttl: NEVER,
            advices: (0, 0),
            terminates: false,
        }
    }
}
