//! The calls that wait, for tasks.

use core::future::poll_fn;

use super::polls::poll;
use crate::channel::{AcceptError, Channel, ReadHalf, WriteAllError, WriteHalf};
use crate::platform::{AsyncEventChannel, Platform, Waiter};
use crate::reader::{ReadError, RecvError};
use crate::writer::{SendError, WriteError};

impl<P: Platform<Channel: AsyncEventChannel>> ReadHalf<P> {
    /// As [`recv`](Self::recv), for a task.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has taken nothing.
    pub async fn recv_async(&mut self, buffer: &mut [u8]) -> Result<(), RecvError> {
        poll_fn(|context| poll(self, Waiter::Read, context, |half| half.try_recv(buffer))).await
    }

    /// As [`read`](Self::read), for a task.
    ///
    /// # Errors
    /// See [`ReadError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has taken nothing.
    pub async fn read_async(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        poll_fn(|context| poll(self, Waiter::Read, context, |half| half.try_read(buffer))).await
    }

    /// Waits until there is something to read; then [`peek`](Self::peek) shows it.
    ///
    /// # Errors
    /// See [`ReadError`].
    ///
    /// # Cancel safety
    /// It takes nothing.
    pub async fn readable(&mut self) -> Result<(), ReadError> {
        poll_fn(|context| poll(self, Waiter::Read, context, ReadHalf::front)).await.map(drop)
    }

    /// As [`accept`](Self::accept), for a task.
    ///
    /// # Errors
    /// See [`AcceptError`].
    ///
    /// # Cancel safety
    /// It changes nothing, so it can be called again.
    pub async fn accept_async(&mut self) -> Result<(), AcceptError> {
        poll_fn(|context| poll(self, Waiter::Read, context, ReadHalf::try_accept)).await
    }
}

impl<P: Platform<Channel: AsyncEventChannel>> WriteHalf<P> {
    /// As [`send`](Self::send), for a task.
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has written nothing.
    pub async fn send_async(&mut self, data: &[u8]) -> Result<(), SendError> {
        poll_fn(|context| poll(self, Waiter::Write, context, |half| half.try_send(data))).await
    }

    /// As [`write`](Self::write), for a task.
    ///
    /// # Errors
    /// See [`WriteError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has written nothing.
    pub async fn write_async(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        poll_fn(|context| poll(self, Waiter::Write, context, |half| half.try_write(data))).await
    }

    /// As [`write_all`](Self::write_all), for a task.
    ///
    /// # Errors
    /// See [`WriteAllError`].
    ///
    /// # Cancel safety
    /// None: dropped before it is done, it has written a part, and nobody knows how much. Who has to
    /// know calls [`write_async`](Self::write_async) in a loop.
    pub async fn write_all_async(&mut self, data: &[u8]) -> Result<(), WriteAllError> {
        let mut written = 0;
        while let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) {
            let part = self.write_async(rest).await;
            written += part.map_err(|error| WriteAllError { written, error })?;
        }
        Ok(())
    }
}

impl<P: Platform<Channel: AsyncEventChannel>> Channel<P> {
    /// See [`ReadHalf::recv_async`].
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has taken nothing.
    pub async fn recv_async(&mut self, buffer: &mut [u8]) -> Result<(), RecvError> {
        self.halves().0.recv_async(buffer).await
    }

    /// See [`ReadHalf::read_async`].
    ///
    /// # Errors
    /// See [`ReadError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has taken nothing.
    pub async fn read_async(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.halves().0.read_async(buffer).await
    }

    /// See [`ReadHalf::accept_async`].
    ///
    /// # Errors
    /// See [`AcceptError`].
    ///
    /// # Cancel safety
    /// It changes nothing, so it can be called again.
    pub async fn accept_async(&mut self) -> Result<(), AcceptError> {
        self.halves().0.accept_async().await
    }

    /// See [`WriteHalf::send_async`].
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has written nothing.
    pub async fn send_async(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.halves().1.send_async(data).await
    }

    /// See [`WriteHalf::write_async`].
    ///
    /// # Errors
    /// See [`WriteError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, it has written nothing.
    pub async fn write_async(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.halves().1.write_async(data).await
    }

    /// See [`WriteHalf::write_all_async`].
    ///
    /// # Errors
    /// See [`WriteAllError`].
    ///
    /// # Cancel safety
    /// None, see there.
    pub async fn write_all_async(&mut self, data: &[u8]) -> Result<(), WriteAllError> {
        self.halves().1.write_all_async(data).await
    }
}
