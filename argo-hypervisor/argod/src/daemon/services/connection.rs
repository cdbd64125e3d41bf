//! A process's connection for services: its socket and its packets.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use argo_core::host::attach::Text;
use argo_core::host::services::{
    Answer, PACKET_MAX, PARTS_SHARES_MAX, SERVICES_MAGIC, SERVICES_VERSION, Welcome,
};
use parking_lot::Mutex;
use rustix::event::epoll::{self, EventFlags};
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, recv, send, sendmsg,
    shutdown, sockopt,
};
use xen_services::Holder;
use xen_services::store::ConnectionId as StoreId;
use zerocopy::IntoBytes;

use super::error::Ending;
use crate::daemon::peer::Peer;
use crate::daemon::seats::Seat;
use crate::daemon::sockopt::unreceived;

/// Bytes of answers and events that a process may leave unread; the kernel takes it twice, and for
/// more than the bytes. It says that there is room for an event when three quarters are free.
const UNREAD_MAX: usize = 4 * PACKET_MAX;

/// Descriptors in answers that a process may leave unread: they count as argod's.
const UNREAD_DESCRIPTORS_MAX: usize = 4 * PARTS_SHARES_MAX;

const NOW: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// A connection. It is the process's until it hangs up, wherever the process passed it on to.
pub struct Connection {
    /// Who has what is made over it.
    pub holder: Holder,
    /// Who connected.
    pub peer: Peer,
    socket: Arc<OwnedFd>,
    /// What its domain's thread waits on.
    line: Arc<OwnedFd>,
    /// Its name in the store, once it has asked that.
    pub(super) store: OnceLock<StoreId>,
    /// Whether the thread waits for room in the socket.
    awaits_room: AtomicBool,
    over: AtomicBool,
    /// Seats for the descriptors that were sent since the process had last taken all answers.
    unread: Mutex<Vec<Seat>>,
}

impl Connection {
    /// A connection that was accepted and said Hello, to be served by who waits on `line`.
    ///
    /// # Errors
    /// The system has no room to wait for it.
    pub fn new(
        holder: Holder,
        peer: Peer,
        socket: Arc<OwnedFd>,
        line: Arc<OwnedFd>,
    ) -> rustix::io::Result<Self> {
        sockopt::set_socket_send_buffer_size(&socket, UNREAD_MAX)?;
        epoll::add(&line, &*socket, data(holder), EventFlags::IN)?;
        let (awaits_room, over) = (AtomicBool::new(false), AtomicBool::new(false));
        let (store, unread) = (OnceLock::new(), Mutex::default());
        Ok(Self { holder, peer, socket, line, store, awaits_room, over, unread })
    }

    /// Has the thread wait for requests, and for room to send an event. To be called, as
    /// [`await_requests`](Self::await_requests), with the store locked.
    pub fn await_room(&self) {
        if !self.awaits_room.swap(true, Ordering::Relaxed) {
            self.wait_for(EventFlags::IN | EventFlags::OUT);
        }
    }

    /// Has the thread wait for requests only.
    pub fn await_requests(&self) {
        if self.awaits_room.swap(false, Ordering::Relaxed) {
            self.wait_for(EventFlags::IN);
        }
    }

    fn wait_for(&self, what: EventFlags) {
        // An error means that it has ended.
        let _ = epoll::modify(&self.line, &*self.socket, data(self.holder), what);
    }

    /// Has the thread hear of it no more.
    pub fn leave_line(&self) {
        // It was added at the beginning.
        let _ = epoll::delete(&self.line, &*self.socket);
    }

    /// Whether it has ended: then nothing may be made over it any more.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Marks it as ended; `true` for the first who does.
    pub fn end(&self) -> bool {
        !self.over.swap(true, Ordering::SeqCst)
    }

    /// Hangs up.
    pub fn hang_up(&self) {
        // An error means that the process has.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }

    /// Receives a packet, if one is there. Descriptors in it are not taken.
    ///
    /// # Errors
    /// [`Ending`]: the process left, or the packet is too long.
    pub fn receive<'b>(&self, buffer: &'b mut Buffer) -> Result<Option<&'b [u8]>, Ending> {
        match recv(&self.socket, &mut buffer.0[..], RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Err(Ending::Left),
            Ok((_, len)) if len > PACKET_MAX => Err(Ending::Protocol("a packet is too long")),
            Ok((_, len)) => Ok(Some(&buffer.0[..len])),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(_) => Err(Ending::Left),
        }
    }

    /// Tells the process that it is served.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    pub fn welcome(&self) -> Result<(), Ending> {
        let welcome = Welcome {
            magic: SERVICES_MAGIC,
            version: SERVICES_VERSION,
            errno: 0,
            domain: self.holder.domain.raw().into(),
            text: Text::EMPTY,
        };
        send(&self.socket, welcome.as_bytes(), NOW).map(drop).map_err(unsent)
    }

    /// Sends an answer.
    ///
    /// # Errors
    /// [`Ending`]: there is no room, or the process is gone.
    pub fn answer(&self, answer: Answer, body: &[u8]) -> Result<(), Ending> {
        self.send(answer, body, &mut SendAncillaryBuffer::default())
    }

    /// The same with descriptors, each of which has a seat until the process has taken all answers.
    ///
    /// # Errors
    /// As [`Connection::answer`], or the process leaves too many unread.
    pub fn answer_with(
        &self,
        answer: Answer,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
        seats: Vec<Seat>,
    ) -> Result<(), Ending> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PARTS_SHARES_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        self.count(seats)?;
        control.push(SendAncillaryMessage::ScmRights(descriptors));
        self.send(answer, body, &mut control)
    }

    fn send(
        &self,
        answer: Answer,
        body: &[u8],
        control: &mut SendAncillaryBuffer<'_, '_, '_>,
    ) -> Result<(), Ending> {
        let bytes = [IoSlice::new(answer.as_bytes()), IoSlice::new(body)];
        sendmsg(&self.socket, &bytes, control, NOW).map(drop).map_err(unsent)
    }

    /// Gives the seats back, if the process has taken all answers.
    pub fn free_seats(&self) {
        let mut unread = self.unread.lock();
        if !unread.is_empty() && matches!(unreceived(&self.socket), Ok(0)) {
            unread.clear();
        }
    }

    /// Counts descriptors that are about to be sent, against what one process may leave unread.
    fn count(&self, more: Vec<Seat>) -> Result<(), Ending> {
        self.free_seats();
        let mut unread = self.unread.lock();
        unread.extend(more);
        if unread.len() > UNREAD_DESCRIPTORS_MAX { Err(Ending::Unread) } else { Ok(()) }
    }
}

fn unsent(errno: rustix::io::Errno) -> Ending {
    match errno {
        rustix::io::Errno::AGAIN => Ending::Unread,
        rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET => Ending::Left,
        other => Ending::System(other),
    }
}

fn data(holder: Holder) -> epoll::EventData {
    epoll::EventData::new_u64(holder.connection)
}

/// Room for one packet, and a byte more that shows a longer one.
pub struct Buffer(Box<[u8]>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; PACKET_MAX + 1].into())
    }
}
