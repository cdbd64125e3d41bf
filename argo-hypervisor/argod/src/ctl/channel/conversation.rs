//! Datagrams to and from one peer, as if it were a connection.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argo_guest::{Address, Datagram, SendError};
use parking_lot::Mutex;

use super::BUFFER;
use crate::ctl::bound::patient;

/// A datagram socket and whom it talks with.
pub(in super::super) struct Conversation {
    socket: Datagram,
    peer: Mutex<Address>,
    others: Others,
    /// The longest datagram that the peer is known to take.
    longest: AtomicUsize,
}

/// What becomes of datagrams from others than the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Others {
    /// They are dropped.
    Dropped,
    /// They are received, and answers go to their sender from then on.
    Answered,
}

impl Conversation {
    /// With this peer and nobody else.
    pub(in super::super) fn with(socket: Datagram, peer: Address) -> Self {
        Self::begun(socket, peer, Others::Dropped)
    }

    /// Begun by this peer.
    pub(super) fn begun(socket: Datagram, peer: Address, others: Others) -> Self {
        Self { socket, peer: Mutex::new(peer), others, longest: AtomicUsize::new(BUFFER) }
    }

    /// Whom answers go to.
    pub(super) fn peer(&self) -> Address {
        *self.peer.lock()
    }

    /// Sends the start of what is there as one datagram; returns how many bytes that was.
    pub(super) fn send(&self, bytes: &[u8], timeout: Option<Duration>) -> io::Result<usize> {
        let peer = self.peer();
        loop {
            let len = bytes.len().min(self.longest.load(Ordering::Relaxed));
            match patient(&self.socket, timeout).send_to(&bytes[..len], peer) {
                // Its ring is shorter than expected.
                Err(SendError::TooBig { max, .. }) if max > 0 && (max as usize) < len => {
                    self.longest.store(max as usize, Ordering::Relaxed);
                }
                sent => return Ok(sent?),
            }
        }
    }

    /// Waits for a datagram.
    pub(super) fn receive(
        &self,
        buffer: &mut Vec<u8>,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        loop {
            let (datagram, source) = patient(&self.socket, timeout).recv_bytes()?;
            if self.others == Others::Answered {
                *self.peer.lock() = source;
            }
            if source == self.peer() {
                *buffer = datagram.into();
                return Ok(());
            }
        }
    }

    /// Ends it for everybody who waits: this process has no other.
    pub(super) fn end(&self) {
        self.socket.domain().close();
    }
}
