//! What a connection is ready for, and what has gone wrong with it.

use core::fmt;

use argo_core::platform::Gone;

use super::conn::{Conn, End};
use super::error::StreamError;
use super::outbox::Sending;
use crate::readiness::Ready;

impl Conn {
    /// An answer as soon as a read would not wait.
    pub(super) fn readable_now(&self) -> Result<(), StreamError> {
        if self.is_readable() { Ok(()) } else { Err(StreamError::WouldBlock) }
    }

    /// An answer as soon as a write would not wait.
    pub(super) fn writable_now(&self) -> Result<(), StreamError> {
        if self.is_writable() { Ok(()) } else { Err(StreamError::WouldBlock) }
    }

    /// The connection, by its two ends.
    pub(super) fn describe(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        f.debug_struct(name)
            .field("local_addr", &self.local)
            .field("peer_addr", &self.peer)
            .finish_non_exhaustive()
    }

    pub(super) fn readiness(&self) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::READABLE, self.is_readable());
        ready.set(Ready::WRITABLE, self.is_writable());
        let sending = self.outbox.lock().state;
        let link = self.link.lock();
        ready.set(Ready::READ_CLOSED, link.end.is_some() || link.deaf || self.inner.is_gone());
        let closed = sending != Sending::Open || link.peer_deaf || self.inner.is_gone();
        ready.set(Ready::WRITE_CLOSED, closed);
        ready
    }

    /// What has broken the connection, if anything.
    pub(super) fn failure(&self) -> Option<StreamError> {
        let sending = self.outbox.lock().state;
        let end = self.link.lock().end;
        match end {
            Some(End::Reset) => Some(StreamError::Reset { peer: self.peer }),
            Some(End::Cut) => Some(self.cut_off()),
            Some(End::PeerGone) => Some(StreamError::PeerGone { peer: self.peer }),
            Some(End::Corrupt(corrupt)) => Some(corrupt.into()),
            None | Some(End::Finished | End::Closed) => match sending {
                Sending::Failed(_) => self.check_open(sending).err(),
                Sending::Open | Sending::Finished => self.inner.is_gone().then(|| Gone.into()),
            },
        }
    }
}
