//! An input that can be left alone: what is not read yet stays for the next reader.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, read, retry_on_intr, write};

/// Ends the reads of an [`Input`].
pub(super) struct Stop(OwnedFd);

impl Stop {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Ends every read, this and later ones.
    pub(super) fn now(&self) {
        // It cannot fail: one count is far from the most.
        let _ = write(&self.0, &1u64.to_ne_bytes());
    }
}

/// A descriptor to read from, until somebody says stop.
pub(super) struct Input<'s, F> {
    from: F,
    stop: &'s Stop,
}

impl<'s, F: AsFd> Input<'s, F> {
    /// Reads from there.
    pub(super) fn new(from: F, stop: &'s Stop) -> Self {
        Self { from, stop }
    }

    /// Waits for bytes: how many came, 0 at the end; `None` if it was stopped.
    pub(super) fn read(
        &self,
        buffer: &mut [u8],
        timeout: Option<Duration>,
    ) -> io::Result<Option<usize>> {
        match wait(&self.from, PollFlags::IN, self.stop, timeout)? {
            Ready::Stopped => Ok(None),
            Ready::Now => Ok(Some(retry_on_intr(|| read(&self.from, &mut *buffer))?)),
        }
    }
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// The descriptor can be used.
    Now,
    /// It is not to be used any more.
    Stopped,
}

/// Waits until a descriptor can be read from or written to, or somebody says stop.
pub(super) fn wait(
    fd: &impl AsFd,
    wanted: PollFlags,
    stop: &Stop,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    // Longer than a Timespec holds is for ever.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut fds = [PollFd::new(&stop.0, PollFlags::IN), PollFd::new(fd, wanted)];
    loop {
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) if !fds[0].revents().is_empty() => return Ok(Ready::Stopped),
            Ok(_) => return Ok(Ready::Now),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};

    use super::*;

    #[test]
    fn what_is_not_read_stays_for_the_next_reader() {
        let (reader, mut writer) = pipe().unwrap();
        let mut buffer = [0; 8];
        let stop = Stop::new().unwrap();
        let first = Input::new(&reader, &stop);
        let late = first.read(&mut buffer, Some(Duration::from_millis(1))).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| first.read(&mut [0; 8], None).unwrap());
            stop.now();
            assert_eq!(waiting.join().unwrap(), None);
        });
        writer.write_all(b"later").unwrap();
        assert_eq!(first.read(&mut buffer, None).unwrap(), None);
        let stop = Stop::new().unwrap();
        let second = Input::new(&reader, &stop);
        assert_eq!(second.read(&mut buffer, None).unwrap(), Some(5));
        assert_eq!(&buffer[..5], b"later");
        drop(writer);
        assert_eq!(second.read(&mut buffer, None).unwrap(), Some(0));
    }
}
