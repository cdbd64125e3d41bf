//! A process's connection for services: its socket and its packets.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use argo_core::DomainId;
use argo_core::host::attach::Text;
use argo_core::host::services::{
    Answer, PACKET_MAX, PARTS_SHARES_MAX, SERVICES_MAGIC, SERVICES_VERSION, Welcome,
};
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, recv, send, sendmsg,
    shutdown, sockopt,
};
use xen_services::{ConnectionId, Holder};
use zerocopy::IntoBytes;

use super::error::Ending;
use crate::daemon::peer::Peer;
use crate::daemon::sockopt::unreceived;

/// Bytes of answers that a process may leave unread; the kernel makes more of it.
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
    over: AtomicBool,
    /// Descriptors that were sent since the process had last taken all answers.
    descriptors_sent: AtomicUsize,
}

impl Connection {
    /// A connection that was accepted and said Hello.
    pub fn new(
        domain: DomainId,
        connection: ConnectionId,
        peer: Peer,
        socket: Arc<OwnedFd>,
    ) -> Self {
        // As large as it is at least.
        let _ = sockopt::set_socket_send_buffer_size(&socket, UNREAD_MAX);
        let holder = Holder { domain, connection };
        let (over, descriptors_sent) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { holder, peer, socket, over, descriptors_sent }
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

    /// Sends an answer, with descriptors.
    ///
    /// # Errors
    /// [`Ending`]: there is no room, or the process is gone.
    pub fn answer(
        &self,
        answer: Answer,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Ending> {
        let bytes = [IoSlice::new(answer.as_bytes()), IoSlice::new(body)];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PARTS_SHARES_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            self.count(descriptors.len())?;
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        sendmsg(&self.socket, &bytes, &mut control, NOW).map(drop).map_err(unsent)
    }

    /// Counts descriptors that are about to be sent.
    fn count(&self, more: usize) -> Result<(), Ending> {
        let sent = match unreceived(&self.socket) {
            Ok(0) => 0,
            _ => self.descriptors_sent.load(Ordering::Relaxed),
        };
        self.descriptors_sent.store(sent + more, Ordering::Relaxed);
        if sent + more > UNREAD_DESCRIPTORS_MAX { Err(Ending::Unread) } else { Ok(()) }
    }
}

fn unsent(errno: rustix::io::Errno) -> Ending {
    match errno {
        rustix::io::Errno::AGAIN => Ending::Unread,
        rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET => Ending::Left,
        other => Ending::System(other),
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Room for one packet, and a byte more that shows a longer one.
pub struct Buffer(Box<[u8]>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; PACKET_MAX + 1].into())
    }
}
