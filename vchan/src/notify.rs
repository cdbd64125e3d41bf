//! Who must be signalled: the bits by which a side asks for wake-ups.
//!
//! Each side asks in the *other* side's byte and answers in its *own*. Two fences make sure that no
//! wake-up is lost. The one that moves an index stores it, fences, then tests its byte; the one that
//! wants to wait sets the bit, fences, then reads the index again. In every order of these four
//! steps, either the mover sees the bit or the waiter sees the new index. Acquire and Release are
//! not enough: they let both sides read the old value.

use core::sync::atomic::Ordering;

use crate::layout::Flag;
use crate::memory::SharedPage;

/// A bit of a notify byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notify {
    /// "Signal me when data is written."
    Write,
    /// "Signal me when data is consumed."
    Read,
}

impl Notify {
    /// The bit in the byte.
    pub const fn bit(self) -> u8 {
        match self {
            Notify::Write => 1,
            Notify::Read => 2,
        }
    }
}

/// Whether the event channel must be signalled now.
#[must_use = "a peer that asked for a signal and gets none may sleep for ever"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The peer waits: signal it.
    Needed,
    /// The peer did not ask: a signal would only cost time.
    NotNeeded,
}

/// Bytes moved by a partial operation, and whether the peer must hear of it.
#[must_use = "a peer that asked for a signal and gets none may sleep for ever"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// 1 to the buffer's length; 0 only for an empty buffer.
    pub bytes: usize,
    /// Whether the event channel must be signalled now.
    pub signal: Signal,
}

/// Asks the peer for a signal. Every index read after this is one that the peer's answer covers.
pub(crate) fn ask<M: SharedPage + ?Sized>(page: &M, peers: Flag, notify: Notify) {
    page.fetch_or_flag(peers, notify.bit(), Ordering::Relaxed);
    // Pairs with the fence in `answer`: the bit is visible before the caller reads the index again.
    page.fence_seq_cst();
}

/// Takes back the peer's request, if there is one. Called after an index was stored.
#[inline]
pub(crate) fn answer<M: SharedPage + ?Sized>(page: &M, own: Flag, notify: Notify) -> Signal {
    // Pairs with the fence in `ask`: the caller's index is visible before the bit is tested.
    page.fence_seq_cst();
    // A plain read first: a busy peer sets no bit, and then the bus is not locked for nothing.
    if page.load_flag(own, Ordering::Relaxed) & notify.bit() == 0 {
        return Signal::NotNeeded;
    }
    match page.fetch_and_flag(own, !notify.bit(), Ordering::Relaxed) & notify.bit() {
        0 => Signal::NotNeeded,
        _ => Signal::Needed,
    }
}
