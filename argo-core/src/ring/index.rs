//! Index arithmetic, written once for both sides.
//!
//! All of it is 32-bit and wraps: guest values reach it.

use crate::abi::SLOT;
use crate::claim::{PayloadLen, RingLen};

/// `bytes` rounded up to whole slots, modulo 2^32 (0xFFFF_FFF5 becomes 0, as in Xen).
#[inline]
pub const fn round_up(bytes: u32) -> u32 {
    bytes.wrapping_add(SLOT - 1) & !(SLOT - 1)
}

/// A receiver's claimed `rx_ptr`, made usable: rounded up to a slot, and 0 outside the ring.
#[inline]
pub const fn usable_rx(claimed: u32, len: RingLen) -> u32 {
    let rounded = round_up(claimed);
    if rounded < len.bytes() { rounded } else { 0 }
}

/// Whether `at` is a place where a message may begin.
#[inline]
pub const fn is_slot(at: u32, len: RingLen) -> bool {
    at < len.bytes() && at.is_multiple_of(SLOT)
}

/// `at + bytes` in the ring. Both are at most its length.
#[inline]
pub const fn advance(at: u32, bytes: u32, len: RingLen) -> u32 {
    debug_assert!(at <= len.bytes() && bytes <= len.bytes());
    let sum = at.saturating_add(bytes);
    match sum.checked_sub(len.bytes()) {
        Some(wrapped) => wrapped,
        None => sum,
    }
}

/// Bytes from `rx` to `tx`: what waits to be read. Both lie in the ring.
#[inline]
pub const fn filled(rx: u32, tx: u32, len: RingLen) -> u32 {
    debug_assert!(rx < len.bytes() && tx < len.bytes());
    match tx.checked_sub(rx) {
        Some(between) => between,
        None => tx.saturating_add(len.bytes()).saturating_sub(rx),
    }
}

/// Bytes that nothing occupies, the slot that stays free included. Both lie in the ring.
#[inline]
pub const fn free(rx: u32, tx: u32, len: RingLen) -> u32 {
    len.bytes().saturating_sub(filled(rx, tx, len))
}

/// Bytes that a message with this payload takes: its header and whole slots.
#[inline]
pub const fn message_bytes(payload: PayloadLen) -> u32 {
    SLOT.saturating_add(round_up(payload.bytes()))
}

/// Whether a message with this payload fits into that many free bytes, one slot left over.
#[inline]
pub const fn fits(payload: PayloadLen, free: u32) -> bool {
    message_bytes(payload) < free
}
