//! What compilers take for granted of a C library: copying, filling and comparing bytes. Not written as
//! loops in Rust where the compiler could find the loop to be a call of that very function.

use super::bytes;

/// # Safety
/// C's: both are valid for `len` bytes and do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's ranges are valid.
    unsafe { bytes::copy_up(to, from, len) };
    to
}

/// # Safety
/// C's: both are valid for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // Going up overwrites nothing that is still to be read, unless `to` lies inside of what is read.
    let inside = to.addr().wrapping_sub(from.addr()) < len;
    // SAFETY: the caller's ranges are valid.
    unsafe {
        match inside {
            true => bytes::copy_down(to, from, len),
            false => bytes::copy_up(to, from, len),
        }
    }
    to
}

/// # Safety
/// C's: `to` is valid for `len` bytes.
#[unsafe(no_mangle)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "C's: the lowest byte")]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    // SAFETY: the caller's range is valid.
    unsafe { bytes::fill(to, byte as u8, len) };
    to
}

/// # Safety
/// C's: both are valid for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    for at in 0..len {
        // SAFETY: `at < len`, for which the caller's ranges are valid.
        let (one, other) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if one != other {
            return i32::from(one).wrapping_sub(i32::from(other));
        }
    }
    0
}

/// # Safety
/// C's: both are valid for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's contract is the same.
    unsafe { memcmp(one, other, len) }
}
