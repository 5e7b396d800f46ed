//! Which stretches of its memory a run has written, as the module marks them (`make/src/mark.rs`).

use std::ops::Range;

/// Bytes that one mark stands for.
const STRETCH: usize = 1 << 10;

/// Bytes behind a marked stretch that a store may have written from within it: the longest store's, less one.
const OVER: usize = 7;

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
    /// INVARIANT: `memory` equals `first` afterwards, byte for byte, however it was written.
    pub(crate) fn set_back(self, memory: &mut [u8], first: &[u8]) {
        let own = self.first..self.first + first.len() / STRETCH;
        // Taken out before anything is copied: the stretches with the marks may be marked themselves.
        let Some(marks) = memory.get(own.clone()).map(<[u8]>::to_vec) else {
            memory.copy_from_slice(first);
            return;
        };
        let mut copy = |bytes: Range<usize>| {
            let bytes = bytes.start..bytes.end.min(first.len());
            if let (Some(now), Some(before)) = (memory.get_mut(bytes.clone()), first.get(bytes)) {
                now.copy_from_slice(before);
            }
        };
        let mut begin = None;
        for (at, mark) in marks.iter().chain([&0]).enumerate() {
            match (begin, *mark) {
                (None, 0) | (Some(_), 1..) => {}
                (None, 1..) => begin = Some(at),
                (Some(from), 0) => {
                    copy(from * STRETCH..at * STRETCH + OVER);
                    begin = None;
                }
            }
        }
        copy(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four stretches, the marks in the second.
    fn memory() -> Vec<u8> {
        let mut first: Vec<u8> = (0..4 * STRETCH).map(|n| n as u8 | 1).collect();
        first[STRETCH + 10..STRETCH + 14].fill(0);
        first
    }

    #[test]
    fn what_is_marked_is_set_back() {
        let marks = Marks::at(STRETCH + 10);
        let first = memory();
        let whole = 0..4 * STRETCH;
        for written in [
            0..1,
            1023..1025,
            1024..2048,
            2000..3073,
            4095..4096,
            5..5,
            whole,
        ] {
            let mut now = first.clone();
            let bytes = written.clone();
            now[bytes.clone()].fill(0xee);
            // As marks are when it is not they that were written over.
            now[STRETCH + 10..STRETCH + 14].fill(0);
            marks.mark(&mut now, written.clone());
            marks.set_back(&mut now, &first);
            assert!(now == first, "{written:?}");
        }
    }

    #[test]
    fn a_store_over_the_end_of_its_stretch_is_set_back() {
        let marks = Marks::at(STRETCH + 10);
        let first = memory();
        for stretch in 0..4 {
            let end = (stretch + 1) * STRETCH;
            let mut now = first.clone();
            let over = end - 1..(end + OVER).min(now.len());
            now[over].fill(0xee);
            now[STRETCH + 10 + stretch] = 1;
            marks.set_back(&mut now, &first);
            assert!(now == first, "{stretch}");
        }
    }
}
