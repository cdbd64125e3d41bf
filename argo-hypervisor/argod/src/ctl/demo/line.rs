//! Between the demo and its processes: JSON, a line an order or an answer.

use std::io::{self, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Mishap;
use crate::admin::{read_line, write_line};

/// Either end.
pub(super) struct Line(BufReader<UnixStream>);

impl Line {
    /// The end that the demo keeps, which waits no longer than `patience` for an answer, and the
    /// one that a process gets.
    pub(super) fn pair(patience: Duration) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(patience))?;
        Ok((Self(BufReader::new(ours)), theirs.into()))
    }

    /// The end that this process got as its standard input.
    pub(super) fn of_stdin() -> io::Result<Self> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self(BufReader::new(stdin.into())))
    }

    pub(super) fn say(&mut self, what: &impl Serialize) -> io::Result<()> {
        write_line(self.0.get_mut(), what)
    }

    /// `None`: the other end is gone.
    pub(super) fn hear<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Mishap> {
        match read_line(&mut self.0)? {
            Some(line) => Ok(Some(serde_json::from_str(&line)?)),
            None => Ok(None),
        }
    }
}
