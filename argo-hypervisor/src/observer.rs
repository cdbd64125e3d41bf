//! Who watches sends from outside the engine, to capture them.

use argo_core::Errno;
use argo_core::abi::{Iov, SendAddr};
use argo_core::ring::{Reservation, RingMem};

/// Sees each send of one call. `()` sees nothing, and costs nothing.
pub trait Observer {
    /// The payload lies in the receiver's ring, whole and not yet published.
    ///
    /// Called with the ring locked, so that nobody overwrites it: what is done here is done while
    /// other senders to this ring wait. The engine must not be called.
    fn copied(&mut self, _payload: &Copied<'_, impl RingMem>) {}

    /// The call has its answer. Called with no lock held. Not called if the arguments were not in
    /// the caller's memory, or if it may not use Argo.
    fn sent(&mut self, _send: &Sent<'_>, _result: Result<u32, Errno>) {}
}

impl Observer for () {}

/// A send as its caller claims it, in the engine's own copy: what a guest does to its memory later
/// does not change it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Where it says that the message comes from and goes to.
    pub addresses: SendAddr,
    /// Where it says that the payload lies.
    pub iovs: &'a [Iov],
    /// The sender's choice.
    pub message_type: u32,
}

/// A payload in a ring.
pub struct Copied<'a, R> {
    pub(crate) ring: &'a R,
    pub(crate) room: &'a Reservation,
}

impl<R: RingMem> Copied<'_, R> {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.room.payload_len().bytes() as usize
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies its first bytes: as many as there are, at most what `out` holds. Returns how many.
    ///
    /// The ring is the receiver's memory: a receiver that writes into the free part of its own ring
    /// at this moment changes what is read here, and what it receives itself.
    pub fn read(&self, out: &mut [u8]) -> usize {
        self.room.payload(0, self.room.payload_len().bytes()).read(self.ring, out)
    }
}
