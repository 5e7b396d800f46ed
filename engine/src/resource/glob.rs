//! One part of a pattern: literal pieces with wildcards between them.
//!
//! A glob is a slice of words: the number of pieces, a bit for each gap between two pieces
//! (0 = `*`, any run of characters; 1 = `-*-`, any run without `/`, which at the end of the part
//! may take one final `/` too), then the string ids of the pieces.

use crate::bundle::Strings;
use crate::limits::MAX_WILDCARDS;

/// A glob in a loaded bundle.
#[derive(Clone, Copy)]
pub(crate) struct Glob<'b> {
    mask: u32,
    pieces: &'b [u32],
    strings: &'b Strings,
}

impl<'b> Glob<'b> {
    /// The glob at the start of `words`; `None` where the words hold none.
    pub(crate) fn decode(words: &'b [u32], strings: &'b Strings) -> Option<Self> {
        let (&count, &mask) = (words.first()?, words.get(1)?);
        let pieces = words.get(2..2 + count as usize)?;
        (1..=MAX_WILDCARDS + 1)
            .contains(&pieces.len())
            .then_some(Self {
                mask,
                pieces,
                strings,
            })
    }

    /// How many literal pieces there are.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    fn piece(&self, i: usize) -> &'b str {
        self.pieces.get(i).map_or("", |&id| self.strings.get(id))
    }

    fn one_level(&self, gap: usize) -> bool {
        self.mask >> gap & 1 == 1
    }

    /// The literal text before the first wildcard.
    pub(crate) fn prefix(&self) -> &'b str {
        self.piece(0)
    }

    /// Whether the glob covers the whole of `text`, which is folded as the glob is.
    pub(crate) fn covers(&self, text: &str) -> bool {
        let gaps = self.pieces.len() - 1;
        if gaps == 0 {
            return text == self.piece(0);
        }
        let Some(rest) = text.strip_prefix(self.piece(0)) else {
            return false;
        };
        let all = u32::MAX >> (32 - gaps.min(32));
        if self.mask == 0 {
            self.covers_any(rest)
        } else if self.mask == all {
            self.covers_one_level(rest)
        } else {
            self.covers_mixed(rest)
        }
    }

    /// Every gap is `*`: the leftmost place of each piece is as good as any.
    fn covers_any(&self, mut rest: &str) -> bool {
        let last = self.pieces.len() - 1;
        for i in 1..last {
            let piece = self.piece(i);
            let Some(at) = rest.find(piece) else {
                return false;
            };
            rest = rest.get(at + piece.len()..).unwrap_or_default();
        }
        rest.ends_with(self.piece(last))
    }

    /// Every gap is `-*-`: a piece that holds a `/` has one possible place, another is best placed
    /// leftmost, so no step is ever taken back.
    fn covers_one_level(&self, mut rest: &str) -> bool {
        let last = self.pieces.len() - 1;
        for i in 1..last {
            let piece = self.piece(i);
            let Some(at) = rest.find(piece) else {
                return false;
            };
            if rest.get(..at).is_none_or(|gap| gap.contains('/')) {
                return false;
            }
            rest = rest.get(at + piece.len()..).unwrap_or_default();
        }
        self.last_gap_covers(rest, self.piece(last))
    }

    fn last_gap_covers(&self, rest: &str, last: &str) -> bool {
        if last.is_empty() {
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            return !rest.contains('/');
        }
        rest.strip_suffix(last)
            .is_some_and(|gap| !gap.contains('/'))
    }

    /// Both kinds of gap (possible in hosts and queries only): follows every place at once.
    fn covers_mixed(&self, rest: &str) -> bool {
        // The places where the text behind a piece may begin, each once: this keeps it polynomial.
        let last = self.pieces.len() - 1;
        let mut places: Vec<usize> = vec![0];
        for index in 1..last {
            let (piece, one_level) = (self.piece(index), self.one_level(index - 1));
            let mut next = Vec::new();
            let mut from = 0;
            for &place in &places {
                let limit = if one_level {
                    rest.get(place..)
                        .and_then(|r| r.find('/'))
                        .map_or(rest.len(), |slash| place + slash)
                } else {
                    rest.len()
                };
                let mut at = from.max(place);
                while at <= limit {
                    if rest.get(at..).is_some_and(|r| r.starts_with(piece)) {
                        next.push(at + piece.len());
                    }
                    at += 1;
                }
                from = from.max(at);
            }
            places = next;
        }
        let one_level = self.one_level(last - 1);
        places.iter().any(|&place| {
            rest.get(place..).is_some_and(|r| {
                if one_level {
                    self.last_gap_covers(r, self.piece(last))
                } else {
                    r.ends_with(self.piece(last))
                }
            })
        })
    }

    /// Whether the glob covers some text that begins with `prefix`.
    pub(crate) fn covers_something_from(&self, prefix: &str) -> bool {
        // A state is a place in the glob: before byte `k` of a piece, or in the gap behind it.
        let mut states: Vec<(usize, usize)> = vec![(0, 0)];
        let mut next: Vec<(usize, usize)> = Vec::new();
        for (at, byte) in prefix.bytes().enumerate() {
            next.clear();
            let mut closed = false;
            // A piece that is used up leads into its gap, and a gap into the piece behind it, so
            // that the list grows while it is walked.
            let mut i = 0;
            while let Some(&(piece, at)) = states.get(i) {
                i += 1;
                let text = self.piece(piece).as_bytes();
                if let Some(&expected) = text.get(at) {
                    if expected == byte {
                        push(&mut next, (piece, at + 1));
                    }
                    continue;
                }
                if piece + 1 == self.pieces.len() {
                    continue;
                }
                push(&mut states, (piece + 1, 0));
                if !self.one_level(piece) || byte != b'/' {
                    push(&mut next, (piece, at));
                } else if piece + 2 == self.pieces.len() && self.piece(piece + 1).is_empty() {
                    // The one `/` that a final `-*-` may take: nothing can follow it.
                    closed = true;
                }
            }
            std::mem::swap(&mut states, &mut next);
            if states.is_empty() {
                return closed && at + 1 == prefix.len();
            }
        }
        true
    }
}

fn push(states: &mut Vec<(usize, usize)>, state: (usize, usize)) {
    if !states.contains(&state) {
        states.push(state);
    }
}
