//! The half of a channel that writes.

use alloc::sync::Arc;
use core::time::Duration;

use super::link::{Deadline, Link, Shared};
use super::spin::Spin;
use super::wait::{Half, block};
use crate::platform::Platform;
use crate::ring::LyingIndex;
use crate::role::Presence;
use crate::writer::{SendError, WriteError, Writer};

/// Writes what the peer reads. What [`ReadHalf`](crate::ReadHalf) says of timeouts, of the `try_`
/// calls and of drops holds here too.
///
/// A server can write before its client has come, as much as the ring holds.
pub struct WriteHalf<P: Platform> {
    pub(crate) link: Arc<Link<P>>,
    pub(crate) writer: Writer<Shared<P>>,
    spin: Spin,
}

impl<P: Platform> Half for WriteHalf<P> {
    type Platform = P;

    fn link(&self) -> &Link<P> {
        &self.link
    }
}

impl<P: Platform> WriteHalf<P> {
    pub(crate) fn new(link: Arc<Link<P>>) -> WriteHalf<P> {
        let terms = link.terms;
        let writer = Writer::new(Shared(Arc::clone(&link)), terms.role, terms.geometry);
        WriteHalf { link, writer, spin: Spin::new() }
    }

    /// Writes all of `data` at once or nothing.
    ///
    /// # Errors
    /// See [`SendError`]; nothing was written then.
    pub fn send(&mut self, data: &[u8], timeout: Option<Duration>) -> Result<(), SendError> {
        if let Some(sent) = self.now(|writer| writer.send_now(data)) {
            self.link.deliver(sent);
            return Ok(());
        }
        self.look(data.len(), timeout);
        block(self, timeout, |half| half.try_send(data))
    }

    /// As [`send`](Self::send), without waiting.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn try_send(&mut self, data: &[u8]) -> Result<(), SendError> {
        match self.link.ended() {
            None => {}
            Some(None) => return Err(SendError::Closed),
            Some(Some(lie)) => return Err(SendError::Broken(lie)),
        }
        let sent = self.writer.send(data).map(|signal| self.link.deliver(signal));
        sent.map_err(|error| match error {
            SendError::Broken(lie) => SendError::Broken(self.link.break_by(lie)),
            other => other,
        })
    }

    /// Writes as much of `data` as there is room for, at least one byte.
    ///
    /// # Errors
    /// See [`WriteError`]; nothing was written then.
    pub fn write(&mut self, data: &[u8], timeout: Option<Duration>) -> Result<usize, WriteError> {
        if let Some(written) = self.now(|writer| writer.write_now(data)) {
            self.link.deliver(written.signal);
            return Ok(written.bytes);
        }
        self.look(data.len().min(1), timeout);
        block(self, timeout, |half| half.try_write(data))
    }

    /// As [`write`](Self::write), without waiting.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn try_write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        match self.link.ended() {
            None => {}
            Some(None) => return Err(WriteError::Closed),
            Some(Some(lie)) => return Err(WriteError::Broken(lie)),
        }
        match self.writer.write(data) {
            Ok(transfer) => {
                self.link.deliver(transfer.signal);
                Ok(transfer.bytes)
            }
            Err(WriteError::Broken(lie)) => Err(WriteError::Broken(self.link.break_by(lie))),
            Err(error) => Err(error),
        }
    }

    /// Writes all of `data`, in as many parts as it takes, within one timeout. When the time is over
    /// it writes once more what there is room for, and no more than that however fast the peer reads:
    /// `Duration::ZERO` writes at most what the ring holds.
    ///
    /// # Errors
    /// What ended it, and how much was written before.
    pub fn write_all(
        &mut self,
        data: &[u8],
        timeout: Option<Duration>,
    ) -> Result<(), WriteAllError> {
        let mut deadline = Deadline::after(timeout);
        let mut written = 0;
        while let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) {
            let left = deadline.left(self.link.platform());
            let part = self.write(rest, left);
            written += part.map_err(|error| WriteAllError { written, error })?;
            if left == Some(Duration::ZERO) && written < data.len() {
                let error = WriteError::TimedOut { size: self.writer.size() };
                return Err(WriteAllError { written, error });
            }
        }
        Ok(())
    }

    /// Free bytes, 0 to [`size`](Self::size); also asks the peer for a signal when it reads more.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn buffer_space(&mut self) -> Result<usize, LyingIndex> {
        let space = self.writer.buffer_space().map_err(|lie| self.link.break_by(lie))?;
        Ok(space as usize)
    }

    /// The ring's size in bytes: the most that one [`send`](Self::send) can carry.
    pub fn size(&self) -> usize {
        self.writer.size() as usize
    }

    /// Whether the peer is there.
    pub fn peer(&self) -> Presence {
        self.link.peer()
    }

    /// Closes the channel, both halves. The peer can still read what was written.
    pub fn close(&self) {
        self.link.close();
    }

    /// The attempt that needs nobody, which is most of them: a busy pair neither asks nor waits.
    #[inline]
    fn now<T>(&mut self, attempt: impl FnOnce(&mut Writer<Shared<P>>) -> Option<T>) -> Option<T> {
        match self.link.ended() {
            None => attempt(&mut self.writer),
            Some(_) => None,
        }
    }

    /// Looks before anybody is asked, if this call may wait.
    fn look(&mut self, wanted: usize, timeout: Option<Duration>) {
        if timeout != Some(Duration::ZERO) {
            let wanted = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.writer.size());
            self.spin.until(|| self.writer.seen(wanted));
        }
    }
}

/// Why not all was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}, after {written} bytes were written")]
pub struct WriteAllError {
    /// Bytes that were written.
    pub written: usize,
    /// What ended it.
    pub error: WriteError,
}
