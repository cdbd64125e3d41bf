//! Accepting connections when the system may have no room for them.
//!
//! A connection that nobody could accept is still there at the next look, so who looks again at
//! once would do nothing else.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

/// Before the next look at a socket whose connections there is no room for.
pub const PAUSE: Duration = Duration::from_millis(100);

/// Why a connection that waits was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for another connection: {0}")]
pub struct NoRoom(Errno);

/// Accepts the next connection. `None`: who connected is gone already.
///
/// # Errors
/// [`NoRoom`]: it waits on.
pub fn accept(listener: impl AsFd, flags: SocketFlags) -> Result<Option<OwnedFd>, NoRoom> {
    match accept_with(listener, flags | SocketFlags::CLOEXEC) {
        Ok(socket) => Ok(Some(socket)),
        Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
        Err(errno) => Err(NoRoom(errno)),
    }
}

/// Listeners that are not looked at for a while.
pub struct Resting<L>(Vec<(Instant, L)>);

impl<L> Default for Resting<L> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<L: PartialEq> Resting<L> {
    /// From now on this one rests, unless it does already.
    pub fn add(&mut self, listener: L) {
        if !self.0.iter().any(|(_, resting)| *resting == listener) {
            self.0.push((Instant::now() + PAUSE, listener));
        }
    }

    /// Those that have rested.
    pub fn rested(&mut self) -> Vec<L> {
        let now = Instant::now();
        self.0.extract_if(.., |(until, _)| *until <= now).map(|(_, listener)| listener).collect()
    }

    /// How long the next of them rests on. `None`: none rests.
    pub fn time_left(&self) -> Option<Timespec> {
        let until = self.0.iter().map(|(until, _)| *until).min()?;
        let left = until.saturating_duration_since(Instant::now());
        Some(Timespec { tv_sec: 0, tv_nsec: left.as_nanos() as _ })
    }
}
