//! Why a decision is what it is: data with stable codes, rendered to text in one place.
//!
//! An explanation names every policy that was considered for a resource, how it came out, what it
//! contributed, and each leaf that was not true with what it wanted and what it saw. It is built
//! only where the request asks for it.

use std::fmt;

use crate::evaluate::{Evaluation, Truth};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$item])* $variant),* }

        impl $name {
            /// The code as it is written in an explanation. Stable.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// What the code says, for people.
            pub fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

codes! {
    /// How a policy came out.
    PolicyCode {
        /// Subject and condition are true.
        Satisfied = "satisfied", "applies";
        /// The subject is false.
        SubjectFalse = "subjectFalse", "is not about this subject";
        /// The condition is false.
        ConditionFalse = "conditionFalse", "has a condition that does not hold";
        /// A fact about the subject is unknown.
        SubjectUndetermined = "subjectUndetermined", "cannot tell whether it is about this subject";
        /// A fact that the condition needs is unknown, or malformed.
        ConditionUndetermined = "conditionUndetermined", "cannot tell whether its condition holds";
    }
}

codes! {
    /// What a policy contributed.
    Contribution {
        /// Allows, denials and attributes.
        Everything = "everything", "its actions and attributes count";
        /// Denials, and what its condition advises.
        DenialsAndAdvices = "denialsAndAdvices", "only its denials and advices count";
        /// What its condition advises.
        Advices = "advices", "only its advices count";
        /// Nothing at all.
        Nothing = "nothing", "it contributes nothing";
    }
}

codes! {
    /// Why a leaf is not true.
    Code {
        /// The NONE subject.
        Never = "never", "never holds";
        /// A legacy Java plug-in.
        LegacyPlugIn = "legacyPlugIn", "cannot be run here";
        /// There is no session.
        NoSession = "noSession", "the subject has no session";
        /// There is no token.
        NoToken = "noToken", "the subject has no token";
        /// There is no profile.
        NoProfile = "noProfile", "the subject's profile is unknown";
        /// The groups are not known.
        GroupsUnknown = "groupsUnknown", "the groups are unknown";
        /// None of the named identities.
        NotAmong = "notAmong", "the identity is another one";
        /// The claim has another value.
        ClaimDiffers = "claimDiffers", "the claim has another value";
        /// The authentication level does not do.
        WrongLevel = "wrongLevel", "the authentication level does not do";
        /// A scheme is missing.
        SchemeMissing = "schemeMissing", "not authenticated by every scheme";
        /// Idle for too long.
        IdleExpired = "idleExpired", "the application was idle for too long";
        /// Another realm.
        WrongRealm = "wrongRealm", "not authenticated to the realm";
        /// Another service.
        WrongService = "wrongService", "not authenticated by the service";
        /// The session is too old.
        SessionTooOld = "sessionTooOld", "the session is too old";
        /// A session property has another value.
        PropertyDiffers = "propertyDiffers", "a session property has another value";
        /// Not within the times.
        OutsideWindow = "outsideWindow", "it is not the time";
        /// A zone that the bundle does not hold.
        UnknownZone = "unknownZone", "the time zone is unknown";
        /// Not within the addresses.
        AddressOutside = "addressOutside", "the address is another one";
        /// The filter is not matched.
        FilterNotMatched = "filterNotMatched", "the profile does not match the filter";
        /// A scope is missing.
        ScopeMissing = "scopeMissing", "a scope is missing";
        /// No rule applies and is met.
        NoRuleMet = "noRuleMet", "no rule applies and is met";
        /// A value is malformed, or several disagree.
        Malformed = "malformed", "a value is malformed or missing";
        /// An outside condition says no.
        OutsideDenied = "outsideDenied", "the outside condition does not hold";
        /// An outside condition failed.
        OutsideFailed = "outsideFailed", "the outside condition failed";
    }
}

/// Why a request was decided as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// One for each decision, in the same order, and for each row of a tree that came to nothing.
    pub resources: Vec<ResourceExplanation>,
}

/// The policies that were considered for one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceExplanation {
    /// The resource, or the pattern of a tree's row.
    pub resource: String,
    /// In order of their names. None: no policy covers the resource.
    pub policies: Vec<PolicyExplanation>,
}

/// One policy, considered for one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyExplanation {
    /// The policy's name.
    pub policy: String,
    /// Those of its patterns that cover the resource, sorted; in a tree those that are the row's.
    pub patterns: Vec<String>,
    /// How it came out.
    pub code: PolicyCode,
    /// What it contributed.
    pub contribution: Contribution,
    /// The leaves that are not true.
    pub leaves: Vec<LeafExplanation>,
}

/// One leaf of a subject or condition that is not true. (Under NOT that may be as it should.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafExplanation {
    /// `subject` or `condition`.
    pub part: &'static str,
    /// Whether it is undetermined rather than false.
    pub undetermined: bool,
    /// Why.
    pub code: Code,
    /// What would have made it true.
    pub wanted: String,
    /// What was found instead.
    pub seen: Vec<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for resource in &self.resources {
            writeln!(f, "{}", resource.resource)?;
            if resource.policies.is_empty() {
                writeln!(f, "  no policy covers it: denied")?;
            }
            for policy in &resource.policies {
                let (how, what) = (policy.code.text(), policy.contribution.text());
                writeln!(f, "  policy `{}` {how}: {what}", policy.policy)?;
                for pattern in &policy.patterns {
                    writeln!(f, "    covers it by {pattern}")?;
                }
                for leaf in &policy.leaves {
                    write!(
                        f,
                        "    {}: {}, wanted {}",
                        leaf.part,
                        leaf.code.text(),
                        leaf.wanted
                    )?;
                    if leaf.seen.is_empty() {
                        writeln!(f)?;
                    } else {
                        writeln!(f, ", saw {}", leaf.seen.join(", "))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Collects an explanation while an evaluation runs.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    explanation: Explanation,
    /// Policies that cover a resource, and the texts of the patterns by which they do: of the one that comes next, and of
    /// the one that is decided, sorted.
    found: Vec<(u32, u32)>,
    covering: Vec<(u32, u32)>,
    in_condition: bool,
}

impl Recorder {
    pub(crate) fn resource(&mut self, resource: &str) {
        self.covering = std::mem::take(&mut self.found);
        self.covering.sort_unstable();
        // A path that holds a segment twice leads to the same pattern twice.
        self.covering.dedup();
        self.explanation.resources.push(ResourceExplanation {
            resource: resource.to_owned(),
            policies: Vec::new(),
        });
    }

    pub(crate) fn finish(self) -> Explanation {
        self.explanation
    }

    fn policy(&mut self) -> Option<&mut PolicyExplanation> {
        self.explanation.resources.last_mut()?.policies.last_mut()
    }
}

/// Steps for each value that an explanation repeats.
const SEEN_STEPS: u64 = 16;
/// Bytes of a name, pattern or value that count as one step beside those: an answer holds each of them four times while it
/// is written, and must not outgrow the module's memory before the steps are used up.
const REPEATED_BYTES_A_STEP: u64 = 4;

impl Evaluation<'_> {
    pub(crate) fn record_resource(&mut self, resource: &str) {
        if let Some(recorder) = &mut self.recorder {
            recorder.resource(resource);
        }
    }

    /// Records that these policies cover the resource that is decided next, by a pattern with this text.
    pub(crate) fn record_covering(&mut self, policies: &[u32], pattern: u32) {
        if self.recorder.is_none() || !self.step(policies.len() as u64) {
            return;
        }
        if let Some(recorder) = &mut self.recorder {
            let found = policies.iter().map(|&policy| (policy, pattern));
            recorder.found.extend(found);
        }
    }

    pub(crate) fn record_policy(&mut self, policy: u32, name: u32) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        recorder.in_condition = false;
        let strings = &self.bundle.strings;
        let covering = &recorder.covering;
        let first = covering.partition_point(|&(other, _)| other < policy);
        let own = covering.get(first..).unwrap_or_default().iter();
        let own = own.take_while(|(other, _)| *other == policy);
        let mut patterns: Vec<&str> = own.map(|(_, text)| strings.get(*text)).collect();
        patterns.sort_unstable();
        let name = strings.get(name);
        let repeated = patterns.iter().chain([&name]);
        let price = repeated.map(|text| SEEN_STEPS + text.len() as u64 / REPEATED_BYTES_A_STEP);
        if !self.step(price.sum()) {
            return;
        }
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        if let Some(resource) = recorder.explanation.resources.last_mut() {
            resource.policies.push(PolicyExplanation {
                policy: name.to_owned(),
                patterns: patterns.into_iter().map(str::to_owned).collect(),
                code: PolicyCode::SubjectFalse,
                contribution: Contribution::Nothing,
                leaves: Vec::new(),
            });
        }
    }

    pub(crate) fn record_condition(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.in_condition = true;
        }
    }

    pub(crate) fn record_outcome(&mut self, code: PolicyCode, contribution: Contribution) {
        if let Some(policy) = self.recorder.as_mut().and_then(Recorder::policy) {
            policy.code = code;
            policy.contribution = contribution;
        }
    }

    /// Records why a leaf is not true, and gives its truth back. What is wanted and seen is put
    /// together only where an explanation is asked for.
    pub(crate) fn note<'s>(
        &mut self,
        truth: Truth,
        code: Code,
        wanted: impl FnOnce() -> String,
        seen: impl Iterator<Item = &'s str>,
    ) -> Truth {
        if truth == Truth::True || self.recorder.is_none() {
            return truth;
        }
        let (seen, wanted): (Vec<&str>, String) = (seen.collect(), wanted());
        // What is repeated costs more than what is only looked at, and is paid for before it is.
        let all = seen.iter().copied().chain([wanted.as_str()]);
        let price = all.map(|text| SEEN_STEPS + text.len() as u64 / REPEATED_BYTES_A_STEP);
        if !self.step(price.sum()) {
            return truth;
        }
        let Some(recorder) = self.recorder.as_mut() else {
            return truth;
        };
        let part = if recorder.in_condition {
            "condition"
        } else {
            "subject"
        };
        if let Some(policy) = recorder.policy() {
            policy.leaves.push(LeafExplanation {
                part,
                undetermined: truth == Truth::Undetermined,
                code,
                wanted,
                seen: seen.into_iter().map(str::to_owned).collect(),
            });
        }
        truth
    }
}
