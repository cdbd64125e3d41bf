//! The connection between argod and its doorkeeper: which answer belongs to which request.

use std::cmp::Ordering;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use parking_lot::Mutex;
use rustix::net::{Shutdown, shutdown};
use serde::Serialize;

use super::wire::{Answer, Numbered, Request, hear, say};

/// argod's end. An answer that was not heard when it was asked for is known by its number when it comes
/// later, and nobody else gets what came with it.
pub(super) struct Line {
    socket: OwnedFd,
    /// The number of the last request. Held as long as its answer is waited for.
    last: Mutex<u64>,
}

/// A request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The doorkeeper says why.
    #[error("{0}")]
    Refused(String),
    /// Nobody will fulfil any.
    #[error("argod's doorkeeper has ended")]
    Ended,
    /// It may be fulfilled, and nobody knows.
    #[error("argod's doorkeeper: request {number}: {source}")]
    Lost {
        /// Its number.
        number: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The doorkeeper makes no sense; it is not asked again.
    #[error("argod's doorkeeper answers request {found}; expected an answer to {expected}")]
    OutOfStep {
        /// What it answers.
        found: u64,
        /// What it was asked.
        expected: u64,
    },
}

impl Line {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, last: Mutex::new(0) }
    }

    /// Says the first thing, and waits until the doorkeeper has begun.
    pub(super) fn begin(&self, charge: &impl Serialize) -> Result<(), LineError> {
        say(&self.socket, charge, None).map_err(|error| failed(0, error))?;
        self.answer_to(0).map(drop)
    }

    /// Asks and waits for the answer.
    pub(super) fn ask(&self, request: Request) -> Result<(), LineError> {
        self.exchange(request).map(drop)
    }

    /// Asks for something that is a descriptor.
    pub(super) fn ask_for(&self, request: Request) -> Result<OwnedFd, LineError> {
        let (number, descriptor) = self.exchange(request)?;
        descriptor.ok_or_else(|| {
            let source = io::Error::other("no descriptor came with the answer");
            LineError::Lost { number, source }
        })
    }

    fn exchange(&self, request: Request) -> Result<(u64, Option<OwnedFd>), LineError> {
        let mut last = self.last.lock();
        *last += 1;
        let number = *last;
        let asked = say(&self.socket, &Numbered { number, request }, None);
        asked.map_err(|error| failed(number, error))?;
        Ok((number, self.answer_to(number)?))
    }

    fn answer_to(&self, number: u64) -> Result<Option<OwnedFd>, LineError> {
        loop {
            let heard = hear::<Answer>(&self.socket).map_err(|error| failed(number, error))?;
            let (answer, descriptor) = heard.ok_or(LineError::Ended)?;
            match answer.number.cmp(&number) {
                // To a request that was given up.
                Ordering::Less => {}
                Ordering::Equal => {
                    return answer.outcome.map(|()| descriptor).map_err(LineError::Refused);
                }
                Ordering::Greater => {
                    // An error means that the doorkeeper is gone.
                    let _ = shutdown(&self.socket, Shutdown::Both);
                    return Err(LineError::OutOfStep { found: answer.number, expected: number });
                }
            }
        }
    }
}

/// It hangs up when the doorkeeper ends.
impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn failed(number: u64, source: io::Error) -> LineError {
    match source.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => LineError::Ended,
        _ => LineError::Lost { number, source },
    }
}
