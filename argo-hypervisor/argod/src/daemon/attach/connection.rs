//! One process's side of an attachment: its credentials and its messages, before a deadline.

use std::cell::Cell;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use argo_core::host::attach::{DOORBELLS_MAX, Hello, Sealed, Text, Verdict, Welcome};
use argo_core::host::layout::QUEUES_MAX;
use argo_core::host::services::{self, SERVICES_MAGIC, SERVICES_VERSION};
use argo_core::host::{MAGIC, VERSION};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, recv, sendmsg,
    shutdown,
};
use zerocopy::IntoBytes;

use super::error::{AttachError, system};
use crate::daemon::domain::HostDomain;
use crate::daemon::session::{Doorbell, Peer};

/// How long a process may take for its part of an attachment.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// How long a process that is refused may take to say what it wants: little, for others wait for it.
const GLANCE: Duration = Duration::from_millis(100);

/// A connection on its way to a session.
pub(super) struct Connection {
    pub(super) socket: Arc<OwnedFd>,
    deadline: Instant,
    /// How it is told of a refusal.
    wants_services: Cell<bool>,
}

/// What a process connected for.
pub(super) enum Wanted {
    /// RAM and queues of its own.
    Session { queues: u32 },
    /// Grants, event channels and the store.
    Services,
}

impl Connection {
    /// A connection that was just accepted.
    pub(super) fn new(socket: OwnedFd) -> Self {
        let deadline = Instant::now() + DEADLINE;
        Self { socket: Arc::new(socket), deadline, wants_services: Cell::new(false) }
    }

    /// Who connected, if the socket's owner, group and mode are for them. The kernel has checked
    /// the path's permissions; this holds for a socket that was passed on, too.
    pub(super) fn peer(&self, domain: &HostDomain) -> Result<Peer, AttachError> {
        let peer = Peer::of(&*self.socket).map_err(system("asking who connected"))?;
        let socket = &domain.config.socket;
        let owner = socket.uid.unwrap_or_else(|| rustix::process::geteuid().as_raw());
        let group = socket.gid.unwrap_or_else(|| rustix::process::getegid().as_raw());
        let as_owner = socket.mode & 0o600 == 0o600 && peer.uid == owner;
        let as_group = socket.mode & 0o060 == 0o060 && peer.gid == group;
        let as_other = socket.mode & 0o006 == 0o006;
        if peer.uid == 0 || as_owner || as_group || as_other {
            return Ok(peer);
        }
        let Peer { uid, gid, .. } = peer;
        self.glance_at_hello();
        Err(AttachError::Credentials { uid, gid, owner, group, mode: socket.mode })
    }

    /// Receives and checks the first message; returns what is wanted.
    pub(super) fn hello(&self) -> Result<Wanted, AttachError> {
        let mut hello = Hello::new(0);
        self.receive("Hello", hello.as_mut_bytes())?;
        if hello.magic == SERVICES_MAGIC {
            self.wants_services.set(true);
            return services_hello(&hello).map(|()| Wanted::Services);
        }
        if hello.magic != MAGIC || hello.reserved != 0 {
            let found = format!("magic {:#010x}, reserved {:#x}", hello.magic, hello.reserved);
            return Err(broken_hello(found, format!("magic {MAGIC:#010x}, reserved 0")));
        }
        if hello.version != VERSION {
            return Err(AttachError::Version { found: hello.version });
        }
        if !(1..=QUEUES_MAX).contains(&hello.queues) {
            return Err(broken_hello(
                format!("{} queues", hello.queues),
                format!("1 to {QUEUES_MAX}"),
            ));
        }
        Ok(Wanted::Session { queues: hello.queues })
    }

    /// Looks what is wanted by a process that is refused, whatever it wants. Most have said so by
    /// now; others are not waited for as long as one that is served.
    fn glance_at_hello(&self) {
        let mut hello = Hello::new(0);
        // Then the answer is as for a session.
        let _ = self.wait_readable("Hello", Instant::now() + GLANCE);
        let got = recv(&*self.socket, hello.as_mut_bytes(), RecvFlags::DONTWAIT);
        self.wants_services.set(got.is_ok() && hello.magic == SERVICES_MAGIC);
    }

    /// Receives and checks the second message.
    pub(super) fn sealed(&self) -> Result<(), AttachError> {
        let mut sealed = Sealed::MESSAGE;
        self.receive("Sealed", sealed.as_mut_bytes())?;
        if sealed == Sealed::MESSAGE {
            return Ok(());
        }
        let found = format!("magic {:#010x}, reserved {:#x}", sealed.magic, sealed.reserved);
        let expected = format!("magic {MAGIC:#010x}, reserved 0");
        Err(AttachError::Protocol { message: "Sealed", found, expected })
    }

    /// Receives one message of exactly this size before the deadline. Descriptors in it are not
    /// taken: the kernel refuses or closes them.
    fn receive(&self, message: &'static str, bytes: &mut [u8]) -> Result<(), AttachError> {
        self.wait_readable(message, self.deadline)?;
        // One byte more than the message shows a longer one.
        let mut buffer = [0; size_of::<Hello>() + 1];
        let (_, got) = recv(&*self.socket, &mut buffer[..], RecvFlags::DONTWAIT)
            .map_err(system("receiving"))?;
        if got == 0 {
            return Err(AttachError::HungUp { message });
        }
        if got != bytes.len() {
            let expected = format!("{} bytes", bytes.len());
            return Err(AttachError::Protocol { message, found: format!("{got} bytes"), expected });
        }
        bytes.copy_from_slice(&buffer[..got]);
        Ok(())
    }

    fn wait_readable(&self, message: &'static str, deadline: Instant) -> Result<(), AttachError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(AttachError::TooSlow { message });
            }
            let timeout =
                Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
            let mut socket = [PollFd::new(&*self.socket, PollFlags::IN)];
            match poll(&mut socket, Some(&timeout)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(system("waiting")(errno)),
            }
        }
    }

    /// Sends the first answer, with the memory and the doorbells.
    pub(super) fn welcome(
        &self,
        welcome: &Welcome,
        memory: &OwnedFd,
        doorbells: &[Doorbell],
    ) -> Result<(), AttachError> {
        let descriptors: Vec<BorrowedFd<'_>> = std::iter::once(memory)
            .chain(doorbells.iter().map(|doorbell| &doorbell.fd))
            .map(AsFd::as_fd)
            .collect();
        let mut space =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DOORBELLS_MAX as usize + 1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let bytes = [IoSlice::new(welcome.as_bytes())];
        sendmsg(&*self.socket, &bytes, &mut control, NOW).map_err(system("sending the RAM"))?;
        Ok(())
    }

    /// Says why there is no Welcome.
    pub(super) fn refuse(&self, error: &AttachError) {
        let (errno, text) = (error.number(), error.text());
        if self.wants_services.get() {
            let (magic, version) = (SERVICES_MAGIC, SERVICES_VERSION);
            let refusal = services::Welcome { magic, version, errno, domain: 0, text };
            self.say(refusal.as_bytes());
        } else {
            self.say(Welcome { errno, text, ..NO_WELCOME }.as_bytes());
        }
    }

    /// Says why there is no session, and hangs up.
    pub(super) fn refuse_at_last(&self, error: &AttachError) {
        self.conclude(Err(error));
        self.hang_up();
    }

    /// Says how it ended: with a session, or why not.
    pub(super) fn conclude(&self, result: Result<(), &AttachError>) {
        let (errno, text) = match result {
            Ok(()) => (0, Text::EMPTY),
            Err(error) => (error.number(), error.text()),
        };
        self.say(Verdict { magic: MAGIC, errno, text }.as_bytes());
    }

    /// Sends a message if there is room for it: a process that does not read is not waited for. One
    /// that cannot be told is hung up on, or it would wait for what was said.
    fn say(&self, message: &[u8]) {
        if rustix::net::send(&*self.socket, message, NOW).is_err() {
            self.hang_up();
        }
    }

    fn hang_up(&self) {
        // An error means that the process has.
        let _ = shutdown(&*self.socket, Shutdown::Both);
    }
}

fn services_hello(hello: &Hello) -> Result<(), AttachError> {
    if hello.version != SERVICES_VERSION {
        return Err(AttachError::ServicesVersion { found: hello.version });
    }
    if hello.queues != 0 || hello.reserved != 0 {
        let found = format!("queues {}, reserved {:#x}", hello.queues, hello.reserved);
        return Err(broken_hello(found, "queues 0, reserved 0".to_owned()));
    }
    Ok(())
}

fn broken_hello(found: String, expected: String) -> AttachError {
    AttachError::Protocol { message: "Hello", found, expected }
}

const NOW: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

const NO_WELCOME: Welcome = Welcome {
    magic: MAGIC,
    version: VERSION,
    errno: 0,
    domain: 0,
    queues: 0,
    control_bytes: 0,
    ram_pages: 0,
    doorbells: 0,
    cpus: [0; DOORBELLS_MAX as usize],
    text: Text::EMPTY,
};
