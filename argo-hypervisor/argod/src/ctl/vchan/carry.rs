//! Bytes both ways between a vchan and this process's side of it.

use std::io;
use std::sync::OnceLock;
use std::thread;

use rustix::event::PollFlags;
use vchan::host::Host;
use vchan::{Channel, ReadError, ReadHalf, WriteAllError, WriteHalf};

use super::local::Local;
use crate::ctl::channel::BUFFER;
use crate::ctl::input::{Input, Ready, Stop, wait};
use crate::ctl::progress::Meter;

/// Why a vchan did not come to its natural end.
#[derive(Debug, thiserror::Error)]
pub(super) enum CarryError {
    /// What is to be sent cannot be read.
    #[error("reading the input: {0}")]
    Input(io::Error),
    /// What was received cannot be written.
    #[error("writing the output: {0}")]
    Output(io::Error),
    /// Nothing can be received.
    #[error("receiving: {0}")]
    Receive(ReadError),
    /// Nothing can be sent.
    #[error("sending: {0}")]
    Send(WriteAllError),
    /// The system has no thread for it.
    #[error("no thread for the connection: {0}")]
    Thread(io::Error),
}

impl CarryError {
    /// Whether nobody reads our output any more: they have read enough.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What to do when the input has ended; the peer cannot be told that alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// Wait for the peer to close.
    Stay,
    /// Close.
    Close,
    /// Close when whoever is at the socket reads no more either.
    WithPeer,
}

/// Carries both ways until the vchan is closed, by whichever end, and all that came is written.
pub(super) fn carry(
    channel: Channel<Host>,
    local: &Local,
    at_end: AtEnd,
    meter: &Meter,
) -> Result<(), CarryError> {
    let (mut reader, writer) = channel.into_split();
    let stop = Stop::new().map_err(CarryError::Input)?;
    let sent = OnceLock::new();
    let received = thread::scope(|scope| {
        let sender = Sender { writer, local, stop: &stop, at_end, meter };
        // Nobody else sets it.
        let sending = || drop(sent.set(sender.send()));
        let sending = thread::Builder::new().spawn_scoped(scope, sending);
        let received = match sending {
            Ok(_) => receive(&mut reader, local, meter),
            Err(error) => Err(CarryError::Thread(error)),
        };
        // Whoever sends has nobody to send to.
        reader.close();
        stop.now();
        received
    });
    received.and(sent.into_inner().unwrap_or(Ok(())))
}

/// Writes everything that comes, until the vchan is closed.
fn receive(reader: &mut ReadHalf<Host>, local: &Local, meter: &Meter) -> Result<(), CarryError> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let len = match reader.read(&mut buffer, None) {
            Ok(len) => len,
            Err(ReadError::Closed) => return Ok(()),
            Err(error) => return Err(CarryError::Receive(error)),
        };
        meter.received(len);
        meter.beside(|| local.write_all(&buffer[..len])).map_err(CarryError::Output)?;
    }
}

/// The thread that sends.
struct Sender<'c> {
    writer: WriteHalf<Host>,
    local: &'c Local,
    stop: &'c Stop,
    at_end: AtEnd,
    meter: &'c Meter,
}

impl Sender<'_> {
    fn send(mut self) -> Result<(), CarryError> {
        let sent = self.send_all();
        if sent.is_err() || self.is_to_close() {
            self.writer.close();
        }
        sent
    }

    /// Sends all of the input, unless the vchan is closed before.
    fn send_all(&mut self) -> Result<(), CarryError> {
        let input = Input::new(self.local.input(), self.stop);
        let mut buffer = vec![0; BUFFER];
        loop {
            let len = match input.read(&mut buffer, None).map_err(CarryError::Input)? {
                None | Some(0) => return Ok(()),
                Some(len) => len,
            };
            match self.writer.write_all(&buffer[..len], None) {
                Ok(()) => self.meter.sent(len),
                // Who receives says how it ended.
                Err(WriteAllError { error: vchan::WriteError::Closed, .. }) => return Ok(()),
                Err(error) => return Err(CarryError::Send(error)),
            }
        }
    }

    /// Whether to close now that the input has ended; waits until that can be said.
    fn is_to_close(&self) -> bool {
        match self.at_end {
            AtEnd::Stay => false,
            AtEnd::Close => true,
            // No event is wanted: what comes all the same is the end of both ways.
            AtEnd::WithPeer => {
                let ended = wait(&self.local.input(), PollFlags::empty(), self.stop, None);
                !matches!(ended, Ok(Ready::Stopped))
            }
        }
    }
}
