//! What is asked of a bundle.

mod am;
pub mod json;
mod read;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// A text of the request: borrowed unless it holds escapes.
pub(crate) type Text<'a> = Cow<'a, str>;

pub use am::AmCall;
pub(crate) use am::read_am;

/// A run of texts in [`Request`]'s store of values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct List {
    start: u32,
    count: u32,
}

/// One evaluation: which resources, for whom, in which circumstances and when.
///
/// Everything that a decision depends on beside the bundle is in here; contract §3 lists the
/// members. A request is read by [`Request::parse`].
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    pub(crate) policy_set: Text<'a>,
    pub(crate) target: Target<'a>,
    pub(crate) subject: Subject<'a>,
    pub(crate) environment: Vec<(Text<'a>, List)>,
    /// Epoch milliseconds.
    pub(crate) now: i64,
    /// The server's zone, an IANA name.
    pub(crate) time_zone: Text<'a>,
    /// Sorted by id, each once.
    pub(crate) externals: Vec<(Text<'a>, External<'a>)>,
    pub(crate) explain: bool,
    pub(crate) with_ttl: bool,
    values: Vec<Text<'a>>,
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// Each of these resources.
    Resources(Vec<Text<'a>>),
    /// A resource and everything beneath it.
    Tree(Text<'a>),
}

impl Default for Target<'_> {
    fn default() -> Self {
        Self::Resources(Vec::new())
    }
}

/// Who asks. A member that is `None` is unknown, which is not the same as known to be empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) principals: List,
    pub(crate) groups: Option<List>,
    pub(crate) session: Option<Vec<(Text<'a>, Text<'a>)>>,
    pub(crate) client_ip: Option<Text<'a>>,
    pub(crate) profile: Option<Vec<(Text<'a>, List)>>,
    pub(crate) memberships: Vec<(Text<'a>, List)>,
    /// The claims of each token that speaks for the subject.
    pub(crate) tokens: Vec<Vec<(Text<'a>, Claim<'a>)>>,
}

/// A claim's value, as far as JwtClaim looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim<'a> {
    Text(Text<'a>),
    Texts(List),
    /// Anything else never equals a text.
    Other,
}

/// What the caller found out about an outside condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum External<'a> {
    Resolved {
        satisfied: bool,
        advices: Vec<(Text<'a>, List)>,
        attributes: Vec<(Text<'a>, List)>,
        ttl: i64,
    },
    Failed {
        error: Text<'a>,
        /// Until when the failure lasts.
        ttl: i64,
    },
}

impl<'a> Request<'a> {
    /// The texts of a list.
    pub(crate) fn list(&self, list: List) -> &[Text<'a>] {
        let start = list.start as usize;
        self.values
            .get(start..start + list.count as usize)
            .unwrap_or_default()
    }

    /// How many texts the longest list can have: all that there are.
    pub(crate) fn longest_list(&self) -> usize {
        self.values.len()
    }

    /// The values of an environment key; `None` when it was not sent.
    pub(crate) fn environment(&self, key: &str) -> Option<&[Text<'a>]> {
        lookup(&self.environment, key).map(|&list| self.list(list))
    }

    /// What the caller found out under an id; `None` where it was not asked yet.
    pub(crate) fn external(&self, id: &str) -> Option<&External<'a>> {
        let place = self
            .externals
            .binary_search_by(|(known, _)| (**known).cmp(id))
            .ok()?;
        self.externals.get(place).map(|(_, external)| external)
    }

    /// A property of the session; `None` without one, and when the session lacks it.
    pub(crate) fn session(&self, name: &str) -> Option<&str> {
        lookup(self.subject.session.as_ref()?, name).map(|value| &**value)
    }
}

/// The value of `key` in a list of members.
pub(crate) fn lookup<'m, V>(members: &'m [(Text<'_>, V)], key: &str) -> Option<&'m V> {
    members
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}
