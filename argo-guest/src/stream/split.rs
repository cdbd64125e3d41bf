//! Streams in two halves.

use alloc::sync::Arc;

use super::read_half::OwnedReadHalf;
use super::socket::Stream;
use super::write_half::OwnedWriteHalf;

/// The reading side of a stream that is only borrowed, from [`Stream::split`].
pub type ReadHalf<'s> = &'s mut OwnedReadHalf;
/// The writing side of a stream that is only borrowed, from [`Stream::split`].
pub type WriteHalf<'s> = &'s mut OwnedWriteHalf;

/// The halves belong to different streams.
#[derive(Debug, thiserror::Error)]
#[error("halves of different streams: one to {}, one to {}", .0.peer_addr(), .1.peer_addr())]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl Stream {
    /// Its two halves, for use at the same time in one task.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (&mut self.read_half, &mut self.write_half)
    }

    /// Its two halves, for different tasks or threads. Dropping the writing half says that no more
    /// is written.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        (self.read_half, self.write_half)
    }
}

pub(super) fn reunite(
    read_half: OwnedReadHalf,
    write_half: OwnedWriteHalf,
) -> Result<Stream, ReuniteError> {
    if Arc::ptr_eq(&read_half.side.owner, &write_half.side.owner) {
        Ok(Stream { read_half, write_half })
    } else {
        Err(ReuniteError(read_half, write_half))
    }
}

impl AsRef<OwnedReadHalf> for Stream {
    fn as_ref(&self) -> &OwnedReadHalf {
        &self.read_half
    }
}

impl AsRef<OwnedWriteHalf> for Stream {
    fn as_ref(&self) -> &OwnedWriteHalf {
        &self.write_half
    }
}
