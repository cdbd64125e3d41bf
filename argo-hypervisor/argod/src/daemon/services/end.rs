//! The ends of event channels: two connected sockets.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, send, shutdown, socketpair,
    sockopt,
};
use xen_services::channels::Ends;

use crate::daemon::seats::Seat;
use crate::daemon::sockopt::refuse_descriptors;

/// Bytes that the kernel may keep for an end whose process does not read. It makes more of it; a
/// pending event is one byte.
const UNREAD_MAX: usize = 1024;

/// One end of an event channel. Once nobody here has the allocator's any more, the binder sees the
/// stream's end, whoever else still has a descriptor of it.
pub struct End {
    socket: OwnedFd,
    side: Side,
    /// Both ends have the same.
    _descriptors: Arc<Seat>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Allocator,
    Binder,
}

impl End {
    /// Two that are connected. `seat` is taken for as long as one of them lives.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn pair(seat: Seat) -> rustix::io::Result<Ends<Arc<Self>>> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let seat = Arc::new(seat);
        let end = |socket, side| {
            sockopt::set_socket_send_buffer_size(&socket, UNREAD_MAX)?;
            // On kernels before 6.16 descriptors can be sent to who reads the other end.
            let _ = refuse_descriptors(&socket);
            Ok(Arc::new(Self { socket, side, _descriptors: seat.clone() }))
        };
        Ok(Ends { allocator: end(one, Side::Allocator)?, binder: end(other, Side::Binder)? })
    }

    /// Sends an event over this end.
    pub fn raise(&self) {
        // No room: one is pending. Shut: nobody is there to be told.
        let _ = send(&self.socket, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }

    /// Whether neither process has shut a direction of the stream, which nothing undoes.
    pub fn is_open(&self) -> bool {
        let mut socket = [PollFd::new(&self.socket, PollFlags::RDHUP)];
        matches!(poll(&mut socket, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }

    /// Ends the stream at both ends.
    pub fn shut(&self) {
        // It is connected, or was shut before.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.side == Side::Allocator {
            self.shut();
        }
    }
}
