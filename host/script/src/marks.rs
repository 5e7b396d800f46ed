//! Which stretches of its memory a run has written, as the module marks them (`make/src/mark.rs`).

use std::ops::Range;

/// Bytes that one mark stands for.
const STRETCH: usize = 1 << 10;

/// Marks that are looked at together.
const ROW: usize = 8;

/// Bytes behind a marked stretch that a store may have written from within it: the longest store's, less one.
const OVER: usize = 7;

/// Marks that there are: for all the memory that an instance may ever have.
const ALL: usize = 16 << 10;

/// Where an instance's memory has its marks.
#[derive(Clone, Copy)]
pub(crate) struct Marks {
    first: usize,
}

impl Marks {
    /// `first` is the address of the first mark, as the module exports it.
    pub(crate) fn at(first: usize) -> Self {
        Marks { first }
    }

    /// Marks what somebody else than the module has written.
    pub(crate) fn mark(self, memory: &mut [u8], written: Range<usize>) {
        if written.is_empty() {
            return;
        }
        let last = self.first + (written.end - 1) / STRETCH;
        if let Some(marks) = memory.get_mut(self.first + written.start / STRETCH..=last) {
            marks.fill(1);
        }
    }

    /// Makes all that is marked as it is in `first`, a memory of the same size, and takes the marks away.
    ///
    /// INVARIANT: `memory` equals `first` afterwards, byte for byte, also where a script got the engine to write wherever
    /// it likes. It can take away marks, but not without a store among them, and that is marked after it is made; only a
    /// store over the end of the stretch before them is not, and the few marks that it reaches are taken for set.
    pub(crate) fn set_back(self, memory: &mut [u8], first: &[u8]) {
        let own = self.first..self.first + first.len() / STRETCH;
        // Taken out before anything is copied: the marks are in the memory too.
        let marks = memory.get(own.clone()).map(<[u8]>::to_vec);
        let Some(marks) = marks.filter(|marks| !self.are_spoilt(marks)) else {
            memory.copy_from_slice(first);
            return;
        };
        let mut copy = |bytes: Range<usize>| {
            let bytes = bytes.start..bytes.end.min(first.len());
            if let (Some(now), Some(before)) = (memory.get_mut(bytes.clone()), first.get(bytes)) {
                now.copy_from_slice(before);
            }
        };
        // Few are marked, so most rows are passed over with one comparison.
        let (rows, rest) = marks.as_chunks::<ROW>();
        for (row, marks) in rows.iter().enumerate() {
            if *marks != [0; ROW] {
                for (at, _) in marks.iter().enumerate().filter(|(_, mark)| **mark != 0) {
                    let from = (row * ROW + at) * STRETCH;
                    copy(from..from + STRETCH + OVER);
                }
            }
        }
        // INVARIANT: a memory is of whole pages, and a page of whole rows.
        debug_assert!(rest.is_empty());
        // Whose marks a store over the first of them may have taken away.
        copy(0..OVER * STRETCH + OVER);
        copy(own);
    }

    /// Whether something was written among the marks that is no mark: they have their stretches for themselves.
    fn are_spoilt(self, marks: &[u8]) -> bool {
        let own = self.first / STRETCH..(self.first + ALL).div_ceil(STRETCH);
        marks
            .get(own)
            .is_none_or(|own| own.iter().any(|mark| *mark != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many stretches as the marks take, and some before and behind them.
    const SIZE: usize = 64 * STRETCH;
    const FIRST: usize = 24 * STRETCH;

    fn memory() -> Vec<u8> {
        let mut first: Vec<u8> = (0..SIZE).map(|n| n as u8 | 1).collect();
        first[FIRST..FIRST + ALL].fill(0);
        first
    }

    /// As the module does it: the bytes, then the mark of the first one's stretch.
    fn store(memory: &mut [u8], at: usize, bytes: &[u8]) {
        memory[at..at + bytes.len()].copy_from_slice(bytes);
        memory[FIRST + at / STRETCH] = 1;
    }

    #[test]
    fn what_is_marked_is_set_back() {
        let first = memory();
        for written in [
            0..1,
            1023..1025,
            9000..9500,
            20_000..24_576,
            SIZE - 1..SIZE,
            5..5,
        ] {
            let mut now = first.clone();
            now[written.clone()].fill(0xee);
            Marks::at(FIRST).mark(&mut now, written.clone());
            Marks::at(FIRST).set_back(&mut now, &first);
            assert!(now == first, "{written:?}");
        }
    }

    #[test]
    fn a_store_over_the_end_of_its_stretch_is_set_back() {
        let first = memory();
        for stretch in (0..64).filter(|stretch| !(24..40).contains(stretch)) {
            let mut now = first.clone();
            let at = (stretch + 1) * STRETCH - 1;
            let length = (SIZE - at).min(8);
            store(&mut now, at, &[0xee; 8][..length]);
            Marks::at(FIRST).set_back(&mut now, &first);
            assert!(now == first, "{stretch}");
        }
    }

    #[test]
    fn who_takes_marks_away_is_found_out() {
        let first = memory();
        let places = [0, 5, 6, 7, 23, 41, 63].map(|stretch| (stretch, stretch * STRETCH + 100));
        let ends = [0, 5, 6, 22, 41].map(|stretch| (stretch, (stretch + 1) * STRETCH - 1));
        for (stretch, at) in places.into_iter().chain(ends) {
            // One by one, and the marks of those stores too, again and again.
            let mut now = first.clone();
            store(&mut now, at, b"evil");
            store(&mut now, FIRST + stretch, &[0]);
            for _ in 0..3 {
                store(&mut now, FIRST + FIRST / STRETCH, &[0]);
            }
            Marks::at(FIRST).set_back(&mut now, &first);
            assert!(now == first, "{stretch}");
            // From the stretch before, where the store marks itself.
            let mut now = first.clone();
            store(&mut now, at, b"evil");
            store(&mut now, FIRST - 1, &[0; 8]);
            Marks::at(FIRST).set_back(&mut now, &first);
            assert!(now == first, "{stretch}");
        }
    }
}
