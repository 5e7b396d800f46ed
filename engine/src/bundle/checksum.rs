/// A checksum that finds damage: not cryptographic, but quick wherever 64-bit numbers are.
///
/// Four lanes, because one would wait for its own multiplication.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(29) ^ word).wrapping_mul(MULTIPLIER);
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    let mut lanes = [1_u64, 2, 3, 4];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (lane, part) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane = mix(*lane, word(part));
        }
    }
    let mut sum = lanes.into_iter().fold(bytes.len() as u64, mix);
    for &byte in blocks.remainder() {
        sum = mix(sum, u64::from(byte));
    }
    sum ^ sum >> 32
}
