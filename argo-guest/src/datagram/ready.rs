//! What a socket is ready for.

use argo_core::platform::Gone;

use super::{Datagram, RecvError, SendError};
use crate::io;
use crate::readiness::{Interest, Ready};

impl Datagram {
    /// Waits until a receive would not wait: a message has come, or none will.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn readable(&self) -> Result<(), RecvError> {
        self.receive().await?.keep();
        Ok(())
    }

    /// Ready at once: whether a message can be sent depends on the ring that it is for, so only
    /// sending tells. [`send_to`](Self::send_to) waits for room there.
    ///
    /// # Errors
    /// [`SendError::Gone`].
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn writable(&self) -> Result<(), SendError> {
        if self.domain.is_gone() { Err(Gone.into()) } else { Ok(()) }
    }

    /// Waits until it is ready for something of interest, and returns for what. It is always
    /// [writable](Self::writable).
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn ready(&self, interest: Interest) -> Result<Ready, RecvError> {
        let mut ready = Ready::empty();
        if interest.contains(Interest::WRITABLE) {
            ready |= Ready::WRITABLE;
        } else if interest.contains(Interest::READABLE) {
            self.readable().await?;
        }
        if interest.contains(Interest::READABLE) && self.has_message()? {
            ready |= Ready::READABLE;
        }
        Ok(ready)
    }

    /// Nothing: what goes wrong is the answer of the operation that it concerns.
    ///
    /// # Errors
    /// None.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn has_message(&self) -> Result<bool, RecvError> {
        match self.try_receive() {
            Ok(message) => {
                message.keep();
                Ok(true)
            }
            Err(RecvError::WouldBlock) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
