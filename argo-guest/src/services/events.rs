//! A descriptor that shows watch events, whether filed already or still in the socket.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// An epoll instance over the connection's socket and a flag for what was filed.
pub(super) struct EventsFd {
    epoll: OwnedFd,
    filed: OwnedFd,
}

impl EventsFd {
    pub(super) fn new(socket: impl AsFd) -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let filed = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let nothing = EventData::new_u64(0);
        epoll::add(&epoll, socket, nothing, EventFlags::IN)?;
        epoll::add(&epoll, &filed, nothing, EventFlags::IN)?;
        Ok(Self { epoll, filed })
    }

    pub(super) fn show(&self, any: bool) {
        // Neither fails but for "already so": the counter never comes near its end.
        let _ = match any {
            true => rustix::io::write(&self.filed, &1u64.to_ne_bytes()),
            false => rustix::io::read(&self.filed, &mut [0; 8]),
        };
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
