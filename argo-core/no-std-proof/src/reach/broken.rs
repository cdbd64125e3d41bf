//! Faults made on purpose, one of each kind: the evidence has to find them.

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// An index that nobody has checked.
#[unsafe(no_mangle)]
pub fn broken_index(bytes: &[u8], at: usize) -> u8 {
    bytes[at]
}

/// An index that the standard library checks.
#[unsafe(no_mangle)]
pub fn broken_deque(bytes: &VecDeque<u8>, at: usize) -> u8 {
    bytes[at]
}

/// A turn by more than there is, which the standard library checks with a line of its own.
#[unsafe(no_mangle)]
pub fn broken_rotation(bytes: &mut [u8], by: usize) {
    bytes.rotate_left(by);
}

/// A division by what may be zero.
#[unsafe(no_mangle)]
pub fn broken_division(left: u32, right: u32) -> u32 {
    left / right
}

/// A copy between lengths that may differ.
#[unsafe(no_mangle)]
pub fn broken_copy(to: &mut [u8], from: &[u8]) {
    to.copy_from_slice(from);
}

/// Memory that may be used up.
#[unsafe(no_mangle)]
pub fn wasteful_allocation(len: usize) -> Vec<u8> {
    Vec::with_capacity(len)
}

/// A fault behind a table of functions.
#[unsafe(no_mangle)]
pub fn broken_behind_a_trait() -> &'static dyn Fn(&[u8]) -> u8 {
    &|bytes| bytes[3]
}
