//! Bytes from an input into a channel, and from a channel into an output.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use crate::ctl::channel::{Channel, Idle};
use crate::ctl::input::Input;
use crate::ctl::progress::Meter;

/// Why a connection did not come to its natural end.
#[derive(Debug, thiserror::Error)]
pub(super) enum CarryError {
    /// What is to be sent cannot be read.
    #[error("reading the input: {0}")]
    Input(io::Error),
    /// What was received cannot be written.
    #[error("writing the output: {0}")]
    Output(io::Error),
    /// The connection broke.
    #[error(transparent)]
    Channel(io::Error),
    /// The system has no thread for it.
    #[error("no thread for the connection: {0}")]
    Thread(io::Error),
    /// Nothing moved, either way.
    #[error("nothing was sent or received for {0:?}")]
    Silent(Duration),
}

/// How it ended: the first who says so is right, what comes later follows from it.
#[derive(Default)]
pub(super) struct Outcome(OnceLock<Result<(), CarryError>>);

impl Outcome {
    /// It has ended like this, unless it had before.
    pub(super) fn settle(&self, outcome: Result<(), CarryError>) {
        // An error means that somebody was earlier.
        let _ = self.0.set(outcome);
    }

    /// How it ended.
    pub(super) fn into_result(self) -> Result<(), CarryError> {
        self.0.into_inner().unwrap_or(Ok(()))
    }
}

/// A channel in use.
#[derive(Clone, Copy)]
pub(super) struct Carrier<'c> {
    pub(super) channel: &'c Channel,
    pub(super) idle: &'c Idle,
    pub(super) meter: &'c Meter,
}

impl Carrier<'_> {
    /// Sends all of the input, and then the end of it. The input is closed in any case.
    pub(super) fn send(self, input: Input<'_, impl AsFd>) -> Result<(), CarryError> {
        let mut buffer = vec![0; self.channel.piece()];
        loop {
            let read = self.idle.patiently(|left| input.read(&mut buffer, left));
            let Some(len) = read.map_err(|error| self.blame(CarryError::Input, error))? else {
                return Ok(());
            };
            let sent = match len {
                0 => self.idle.patiently(|left| self.finish(left)),
                _ => self.send_all(&buffer[..len]),
            };
            sent.map_err(|error| self.blame(CarryError::Channel, error))?;
            if len == 0 {
                return Ok(());
            }
        }
    }

    /// Ends what is sent. A peer that has ended first missed nothing.
    fn finish(self, left: Option<Duration>) -> io::Result<()> {
        match self.channel.finish(left) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            finished => finished,
        }
    }

    fn send_all(self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            let sent = self.idle.patiently(|left| self.channel.send(rest, left))?;
            self.meter.sent(sent);
            rest = &rest[sent..];
        }
        Ok(())
    }

    /// Writes everything that comes to the output, until its end.
    pub(super) fn receive(self, output: &mut impl Write) -> Result<(), CarryError> {
        let mut buffer = Vec::new();
        loop {
            let received = self.idle.patiently(|left| self.channel.receive(&mut buffer, left));
            let received = received.map_err(|error| self.blame(CarryError::Channel, error))?;
            if received.is_none() {
                return Ok(());
            }
            self.meter.received(buffer.len());
            let written = self.meter.beside(|| {
                output.write_all(&buffer)?;
                output.flush()
            });
            written.map_err(CarryError::Output)?;
        }
    }

    fn blame(self, whom: fn(io::Error) -> CarryError, error: io::Error) -> CarryError {
        match self.idle.is_over() {
            Some(after) if error.kind() == io::ErrorKind::TimedOut => CarryError::Silent(after),
            _ => whom(error),
        }
    }
}
