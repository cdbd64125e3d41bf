//! What is moved. Every way pays for writing it and for looking at all of it.

/// Writes message number `number` into `bytes`: no two messages are the same.
pub fn write(bytes: &mut [u8], number: u64) {
    let mut word = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&word.to_le_bytes());
        word = word.wrapping_add(0x0101_0101_0101_0101);
    }
}

/// The sum of the words of a message (whole words only, as all sizes here are).
pub fn sum(bytes: &[u8]) -> u64 {
    let word = |chunk: &[u8]| chunk.try_into().map_or(0, u64::from_le_bytes);
    bytes.chunks_exact(8).map(word).fold(0, u64::wrapping_add)
}

/// What [`sum`] gives for the first `count` messages of `len` bytes together.
pub fn expected(len: usize, count: u64) -> u64 {
    let mut bytes = vec![0; len];
    let mut total = 0u64;
    for number in 0..count {
        write(&mut bytes, number);
        total = total.wrapping_add(sum(&bytes));
    }
    total
}
