//! The random numbers of CPython's `random` module, so that a seed names the same workload in both languages.
//!
//! MT19937 as published by Matsumoto and Nishimura (1998), seeded by their `init_by_array`; on top of it the draws that
//! CPython 3.11 makes: 53-bit floats, integers by rejection, and samples without replacement.

use std::collections::HashSet;

const STATE: usize = 624;
const SHIFT: usize = 397;

/// A generator in the state that `random.Random(seed)` starts in.
pub(crate) struct Mersenne {
    state: [u32; STATE],
    next: usize,
}

impl Mersenne {
    /// Seeds from one 32-bit word, as `random.Random(seed)` does for a seed below 2³².
    pub(crate) fn seeded(seed: u32) -> Mersenne {
        let mut state = linear_state(19_650_218);
        let mut i = 1;
        for _ in 0..STATE {
            let mixed = (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_664_525);
            state[i] = (state[i] ^ mixed).wrapping_add(seed);
            i = following(&mut state, i);
        }
        for _ in 0..STATE - 1 {
            let mixed = (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_566_083_941);
            state[i] = (state[i] ^ mixed).wrapping_sub(i as u32);
            i = following(&mut state, i);
        }
        state[0] = 0x8000_0000;
        Mersenne { state, next: STATE }
    }

    /// A float in `[0, 1)` with 53 random bits: `random()`.
    pub(crate) fn random(&mut self) -> f64 {
        let high = f64::from(self.word() >> 5);
        let low = f64::from(self.word() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// An integer in `[0, bound)`: `randrange(bound)`. `bound` is at least 1.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let bits = u32::BITS - bound.leading_zeros();
        loop {
            let drawn = self.word() >> (u32::BITS - bits);
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// An integer in `[low, high]`: `randint(low, high)`.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// One element of a list that is not empty: `choice(list)`.
    pub(crate) fn choice<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u32) as usize]
    }

    /// `count` different numbers below `population`, in the order drawn: `sample(range(population), count)`.
    pub(crate) fn sample(&mut self, population: u32, count: u32) -> Vec<u32> {
        if population <= pool_limit(count) {
            let mut pool: Vec<u32> = (0..population).collect();
            return (0..count)
                .map(|taken| {
                    let left = population - taken;
                    let at = self.below(left) as usize;
                    let drawn = pool[at];
                    pool[at] = pool[left as usize - 1];
                    drawn
                })
                .collect();
        }
        let mut seen = HashSet::new();
        (0..count)
            .map(|_| {
                loop {
                    let drawn = self.below(population);
                    if seen.insert(drawn) {
                        return drawn;
                    }
                }
            })
            .collect()
    }

    fn word(&mut self) -> u32 {
        if self.next == STATE {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for i in 0..STATE {
            let joined =
                (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % STATE] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % STATE] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }
}

fn linear_state(seed: u32) -> [u32; STATE] {
    let mut state = [seed; STATE];
    for i in 1..STATE {
        let before = state[i - 1];
        state[i] = (before ^ (before >> 30))
            .wrapping_mul(1_812_433_253)
            .wrapping_add(i as u32);
    }
    state
}

fn following(state: &mut [u32; STATE], i: usize) -> usize {
    if i + 1 == STATE {
        state[0] = state[STATE - 1];
        1
    } else {
        i + 1
    }
}

/// The largest population for which CPython draws from a list rather than remembering what it drew.
fn pool_limit(count: u32) -> u32 {
    let mut limit = 21;
    if count > 5 {
        let mut power = 1;
        while power < count * 3 {
            power *= 4;
        }
        limit += power;
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::Mersenne;

    #[test]
    fn draws_what_cpython_draws() {
        let mut random = Mersenne::seeded(20_260_101);
        let drawn: Vec<u32> = (0..5).map(|_| random.below(1000)).collect();
        assert_eq!(drawn, EXPECTED_BELOW_1000);
        assert_eq!(random.random(), EXPECTED_FLOAT);
        assert_eq!(random.sample(9, 3), EXPECTED_SMALL_SAMPLE);
        assert_eq!(random.sample(90, 10), EXPECTED_LARGE_SAMPLE);
    }

    // `r = random.Random(20260101)`, then the same calls in the same order.
    const EXPECTED_BELOW_1000: [u32; 5] = [45, 11, 304, 980, 6];
    const EXPECTED_FLOAT: f64 = 0.10408142866579428;
    const EXPECTED_SMALL_SAMPLE: [u32; 3] = [0, 6, 5];
    const EXPECTED_LARGE_SAMPLE: [u32; 10] = [2, 22, 65, 15, 4, 33, 35, 17, 47, 42];
}
