//! The copy primitive: bytes between two places, either of which others may be writing.
//!
//! Instructions inside `asm!` are not memory accesses that Rust's rules know, so a race on the bytes
//! is arbitrary data and not undefined behaviour. Up to [`SHORT`] bytes go word by word, since the
//! start-up cost of `rep movsb` shows there; other machines use volatile words throughout.

/// Copies of at most this many bytes go word by word (measured: `rep movsb` wins from about 128
/// bytes on machines with fast short strings, and never loses above 256).
#[cfg(target_arch = "x86_64")]
const SHORT: usize = 128;

/// Copies `len` bytes from `from` to `to`.
///
/// # Safety
/// - `from` is valid for reads and `to` for writes of `len` bytes for the whole call.
/// - The two ranges belong to memory that is only reached through this crate, or privately by
///   the caller. They may overlap: the bytes of the overlap are then arbitrary.
#[inline]
pub(crate) unsafe fn bytes(from: *const u8, to: *mut u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    if len > SHORT {
        // SAFETY: the caller's ranges are valid for `len` bytes; the direction flag is clear by
        // the ABI; rcx, rsi and rdi are declared clobbered; no stack is used.
        unsafe {
            core::arch::asm!(
                "rep movsb",
                inout("rcx") len => _,
                inout("rsi") from => _,
                inout("rdi") to => _,
                options(nostack, preserves_flags)
            );
        }
        return;
    }
    // SAFETY: the caller's contract is the same.
    unsafe {
        match len {
            // A structure of the interface, whose length is known when this is compiled.
            16 => two_words(from, to),
            _ => words(from, to, len),
        }
    }
}

const WORD: usize = size_of::<u64>();

/// Apart, so that its loop takes no registers from whoever copies.
///
/// # Safety
/// As [`bytes`].
#[inline(never)]
#[allow(clippy::arithmetic_side_effects, reason = "what is left is at least what is taken off")]
unsafe fn words(mut from: *const u8, mut to: *mut u8, mut len: usize) {
    const TURN: usize = 4 * WORD;
    while len >= TURN {
        // SAFETY: the caller's ranges hold `len` more bytes, of which these are the first.
        unsafe {
            two_words(from, to);
            two_words(from.add(TURN / 2), to.add(TURN / 2));
            (from, to) = (from.add(TURN), to.add(TURN));
        }
        len -= TURN;
    }
    if len > 0 {
        // SAFETY: the caller's ranges hold `len` more bytes.
        unsafe { volatile_words(from, to, len) }
    }
}

/// Two words at any addresses. (The compiler would take each volatile word of no alignment through
/// the stack.)
///
/// # Safety
/// As [`bytes`], with 16 of them.
#[inline]
unsafe fn two_words(from: *const u8, to: *mut u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's ranges are valid for 16 bytes; no stack is used.
    unsafe {
        core::arch::asm!(
            "mov {one}, [{from}]",
            "mov {two}, [{from} + 8]",
            "mov [{to}], {one}",
            "mov [{to} + 8], {two}",
            one = out(reg) _,
            two = out(reg) _,
            from = in(reg) from,
            to = in(reg) to,
            options(nostack, preserves_flags)
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller's contract is the same.
    unsafe {
        volatile_words(from, to, 2 * WORD)
    }
}

/// # Safety
/// As [`bytes`].
#[inline]
#[allow(clippy::arithmetic_side_effects, reason = "no product is more than `len`")]
unsafe fn volatile_words(from: *const u8, to: *mut u8, len: usize) {
    let words = len / WORD;
    for word in 0..words {
        // SAFETY: `word * WORD + WORD <= len`, so both accesses lie in the caller's ranges; the
        // wrapper type is packed, so any alignment is allowed.
        unsafe {
            let value = from.add(word * WORD).cast::<Unaligned>().read_volatile();
            to.add(word * WORD).cast::<Unaligned>().write_volatile(value);
        }
    }
    for at in words * WORD..len {
        // SAFETY: `at < len`.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) }
    }
}

/// A word at any address: volatile accesses through a packed type need no alignment.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Unaligned(#[allow(dead_code, reason = "moved as a whole, never looked into")] u64);

#[cfg(test)]
mod tests {
    use super::{volatile_words, words};

    /// All ways for every length, whichever this machine would take.
    #[test]
    fn words_copy_any_length_from_any_place_to_any_place_and_nothing_else() {
        let source: [u8; 300] = core::array::from_fn(|at| (at % 251) as u8 + 1);
        for len in 0..=260 {
            for (from, to) in [(0, 0), (1, 0), (0, 3), (5, 7), (8, 1)] {
                for copy in [volatile_words, words] {
                    let mut target = [0; 300];
                    // SAFETY: both places are at most 8 and 260 bytes more lie in either array.
                    unsafe { copy(source.as_ptr().add(from), target.as_mut_ptr().add(to), len) };
                    let mut expected = [0; 300];
                    expected[to..to + len].copy_from_slice(&source[from..from + len]);
                    assert_eq!(target, expected, "{len} bytes from {from} to {to}");
                }
            }
        }
    }
}
