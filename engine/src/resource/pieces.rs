//! A part of a pattern as the compiler sees it.

use crate::limits::MAX_WILDCARDS;

/// What lies between two literal pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// `*`
    Any,
    /// `-*-`
    OneLevel,
}

/// A part, split at its wildcards: one literal more than there are gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pieces<'a> {
    pub(crate) literals: Vec<&'a str>,
    pub(crate) gaps: Vec<Gap>,
}

impl<'a> Pieces<'a> {
    /// Splits a folded part of a pattern at its wildcards; `None` past [`MAX_WILDCARDS`].
    pub(crate) fn split(part: &'a str) -> Option<Self> {
        let (mut literals, mut gaps) = (Vec::with_capacity(2), Vec::new());
        let mut rest = part;
        while let Some(star) = rest.find('*') {
            let one_level = star > 0 && rest.get(star - 1..).is_some_and(|r| r.starts_with("-*-"));
            let (gap, at, width) = if one_level {
                (Gap::OneLevel, star - 1, 3)
            } else {
                (Gap::Any, star, 1)
            };
            let literal = rest.get(..at).unwrap_or_default();
            rest = rest.get(at + width..).unwrap_or_default();
            // Neighbouring wildcards of one kind cover what one of them covers.
            if literal.is_empty() && gaps.last() == Some(&gap) {
                continue;
            }
            literals.push(literal);
            gaps.push(gap);
        }
        literals.push(rest);
        (gaps.len() <= MAX_WILDCARDS).then_some(Self { literals, gaps })
    }

    #[cfg(feature = "compile")]
    pub(crate) fn is_literal(&self) -> bool {
        self.gaps.is_empty()
    }

    /// The words of this glob, with string ids given by `intern`.
    pub(crate) fn encode(&self, mut intern: impl FnMut(&'a str) -> u32) -> Vec<u32> {
        let mut mask = 0_u32;
        for (i, gap) in self.gaps.iter().enumerate() {
            mask |= u32::from(*gap == Gap::OneLevel) << i;
        }
        let mut words = vec![self.literals.len() as u32, mask];
        words.extend(self.literals.iter().map(|literal| intern(literal)));
        words
    }
}
