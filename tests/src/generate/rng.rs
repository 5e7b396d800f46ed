//! A small deterministic generator of numbers (SplitMix64): the same seed gives the same cases everywhere.

/// Pseudo-random choices from a seed.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator whose choices follow from the seed alone.
    #[must_use]
    pub fn new(seed: u64) -> Rng {
        Rng { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.bits() % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// Whether something happens that happens `percent` times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these; the list must not be empty.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        let at = self.below(from.len());
        match from.get(at) {
            Some(found) => found,
            None => unreachable!("a list to pick from has members"),
        }
    }

    /// Some of these, in their order: between none and `most`.
    pub fn some<'a>(&mut self, from: &[&'a str], most: usize) -> Vec<&'a str> {
        let wanted = self.below(most + 1);
        let mut out = Vec::new();
        for _ in 0..wanted {
            let next = self.pick(from);
            if !out.contains(&next) {
                out.push(next);
            }
        }
        out
    }

    /// Puts a list into another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}
