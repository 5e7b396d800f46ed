//! A part of a pattern as the compiler sees it.

use crate::limits::MAX_WILDCARDS;

/// A part, split at its wildcards: one literal more than there are wildcards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pieces<'a> {
    pub(crate) literals: Vec<&'a str>,
    /// A bit for each wildcard, the first one's lowest: whether it is `-*-` and not `*`.
    one_level: u32,
}

impl<'a> Pieces<'a> {
    /// Splits a folded part of a pattern at its wildcards; `None` past [`MAX_WILDCARDS`].
    pub(crate) fn split(part: &'a str) -> Option<Self> {
        let mut pieces = Pieces::default();
        pieces.refill(part).then_some(pieces)
    }

    /// The same in the place of what was split before, whose memory is used again; false past [`MAX_WILDCARDS`], and
    /// then nothing is said of the part.
    pub(crate) fn refill(&mut self, part: &'a str) -> bool {
        self.literals.clear();
        self.one_level = 0;
        let mut rest = part;
        // Whether the wildcard before the rest is `-*-`, where there is one.
        let mut last = None;
        while let Some(star) = rest.find('*') {
            let one_level = star > 0 && rest.get(star - 1..).is_some_and(|r| r.starts_with("-*-"));
            let (at, width) = if one_level { (star - 1, 3) } else { (star, 1) };
            let literal = rest.get(..at).unwrap_or_default();
            rest = rest.get(at + width..).unwrap_or_default();
            // Neighbouring wildcards of one kind cover what one of them covers.
            if literal.is_empty() && last == Some(one_level) {
                continue;
            }
            if self.literals.len() == MAX_WILDCARDS {
                return false;
            }
            self.one_level |= u32::from(one_level) << self.literals.len();
            self.literals.push(literal);
            last = Some(one_level);
        }
        self.literals.push(rest);
        true
    }

    /// Whether a wildcard is `-*-` and not `*`; `None` past the last one.
    #[cfg(test)]
    pub(crate) fn is_one_level(&self, wildcard: usize) -> Option<bool> {
        (wildcard + 1 < self.literals.len()).then(|| self.one_level >> wildcard & 1 == 1)
    }

    #[cfg(feature = "compile")]
    pub(crate) fn is_literal(&self) -> bool {
        self.literals.len() == 1
    }

    /// Adds the words of this glob to `words`, with string ids given by `intern`.
    pub(crate) fn encode(&self, words: &mut Vec<u32>, intern: impl FnMut(&'a str) -> u32) {
        words.extend([self.literals.len() as u32, self.one_level]);
        words.extend(self.literals.iter().copied().map(intern));
    }
}
