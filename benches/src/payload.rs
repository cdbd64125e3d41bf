//! What is moved. Every way pays for writing it and for looking at all of it.

/// From the first word of a message to that of the next.
const STEP_MESSAGE: u64 = 0x9E37_79B9_7F4A_7C15;
/// From a word of a message to the next.
const STEP_WORD: u64 = 0x0101_0101_0101_0101;

/// Writes message number `number` into `bytes`: no two messages are the same.
pub fn write(bytes: &mut [u8], number: u64) {
    let mut word = number.wrapping_mul(STEP_MESSAGE);
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&word.to_le_bytes());
        word = word.wrapping_add(STEP_WORD);
    }
}

/// The word at a place of message number `number`.
#[cfg(feature = "peers")]
pub fn word(number: u64, place: usize) -> u64 {
    number.wrapping_mul(STEP_MESSAGE).wrapping_add(STEP_WORD.wrapping_mul(place as u64))
}

/// The sum of the words of a message (whole words only, as all sizes here are).
pub fn sum(bytes: &[u8]) -> u64 {
    let word = |chunk: &[u8]| chunk.try_into().map_or(0, u64::from_le_bytes);
    bytes.chunks_exact(8).map(word).fold(0, u64::wrapping_add)
}

/// What [`sum`] gives for the first `count` messages of `len` bytes together.
pub fn expected(len: usize, count: u64) -> u64 {
    let words = (len / 8) as u64;
    let starts = STEP_MESSAGE.wrapping_mul(below(count)).wrapping_mul(words);
    let steps = STEP_WORD.wrapping_mul(below(words)).wrapping_mul(count);
    starts.wrapping_add(steps)
}

/// The sum of the numbers below `count`.
fn below(count: u64) -> u64 {
    (u128::from(count) * u128::from(count.saturating_sub(1)) / 2) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_sum_is_that_of_the_messages() {
        for (len, count) in [(64, 1), (64, 1000), (4096, 3), (8, 0)] {
            let mut bytes = vec![0; len];
            let one = |number| {
                write(&mut bytes, number);
                sum(&bytes)
            };
            assert_eq!((0..count).map(one).fold(0, u64::wrapping_add), expected(len, count));
        }
    }
}
