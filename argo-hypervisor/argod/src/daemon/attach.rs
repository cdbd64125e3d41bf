//! How a process becomes a session: one connection, one thread, a few messages, a deadline.
//!
//! The order matters (each step was attacked without it): argod maps the memory before anybody
//! else has it; the *guest* adds the final seals, because adding them takes a lock that a guest can
//! hold for ever; argod only looks whether they are there, and touches the pages after.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use argo_core::Errno;
use argo_core::host::attach::{DOORBELLS_MAX, Hello, Sealed, Text, Verdict, Welcome};
use argo_core::host::layout::{QUEUES_MAX, control_bytes};
use argo_core::host::wake;
use argo_core::host::{MAGIC, VERSION};
use argo_hypervisor::{BadRam, Caller, LinearMemory};
use argo_mem::{MapError, Mapping, Memory};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, recv, sendmsg,
    shutdown, sockopt,
};
use zerocopy::IntoBytes;

use super::bell::Bell;
use super::burial::{self, Buried};
use super::domain::{HostDomain, NoPlace, Place};
use super::host::{AdmitError, Host};
use super::session::{Doorbell, Peer, Service, Session};
use super::sockopt::peer_pidfd;
use crate::config::LockMemory;

/// How long a process may take for its part of an attachment.
const DEADLINE: Duration = Duration::from_secs(5);

/// Why a process was not attached. What it did itself is its own fault; the rest is argod's
/// machine.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Its credentials are not those that the domain's socket is for.
    #[error(
        "uid {uid}, gid {gid} may not attach: the socket is uid {owner}, gid {group}, mode {mode:03o}"
    )]
    Credentials {
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
        /// The socket's owner.
        owner: u32,
        /// The socket's group.
        group: u32,
        /// The socket's mode.
        mode: u32,
    },
    /// It spoke another protocol, or broke this one.
    #[error("{message} message: {found}, expected {expected}")]
    Protocol {
        /// The message that was expected.
        message: &'static str,
        /// What came.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// It speaks another version.
    #[error("version {found} of the attachment protocol; this argod speaks {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// No place is free.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// It could not be made live.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// It did not seal its memory as it has to.
    #[error("the RAM's seals are not complete: the process must add FUTURE_WRITE and SEAL")]
    NotSealed,
    /// It hung up.
    #[error("the process hung up while {message} was expected")]
    HungUp {
        /// The message that was expected.
        message: &'static str,
    },
    /// It took too long.
    #[error("no {message} message within {DEADLINE:?}")]
    TooSlow {
        /// The message that was expected.
        message: &'static str,
    },
    /// Its RAM could not be had.
    #[error(transparent)]
    Memory(#[from] MapError),
    /// Its RAM has another size than was asked for.
    #[error(transparent)]
    Ram(#[from] BadRam),
    /// The system refused something else.
    #[error("{step}: {errno}")]
    System {
        /// What was tried.
        step: &'static str,
        /// The answer.
        errno: rustix::io::Errno,
    },
}

impl AttachError {
    /// What the process is told, beside the text.
    fn errno(&self) -> Errno {
        match self {
            Self::Credentials { .. } => Errno::EACCES,
            Self::Version { .. } => Errno::EOPNOTSUPP,
            Self::NoPlace(NoPlace::Over { .. }) | Self::Admit(AdmitError::NoPlace(_)) => {
                Errno::ESRCH
            }
            Self::NoPlace(_) => Errno::EBUSY,
            Self::NotSealed => Errno::EPERM,
            Self::Admit(AdmitError::Watch(_))
            | Self::Memory(_)
            | Self::Ram(_)
            | Self::System { .. } => Errno::ENOMEM,
            Self::Protocol { .. } | Self::HungUp { .. } | Self::TooSlow { .. } => Errno::EINVAL,
        }
    }
}

/// Serves one connection up to the point where its session is live, or it is told why not.
///
/// # Errors
/// [`AttachError`], which the process was told if it still listens.
pub fn attach(
    host: &Arc<Host>,
    domain: &Arc<HostDomain>,
    socket: OwnedFd,
) -> Result<Peer, AttachError> {
    let connection = Connection { socket: Arc::new(socket), deadline: Instant::now() + DEADLINE };
    let offered = connection.offer(host, domain).inspect_err(|error| {
        connection.say(Welcome { errno: number(error), text: text(error), ..NO_WELCOME }.as_bytes())
    })?;
    connection
        .admit(host, offered)
        .inspect_err(|error| connection.say(verdict(number(error), text(error)).as_bytes()))
}

/// A connection on its way to a session.
struct Connection {
    socket: Arc<OwnedFd>,
    deadline: Instant,
}

/// What is there once the process has been sent its memory.
struct Offered {
    place: Place,
    peer: Peer,
    pidfd: Option<OwnedFd>,
    memfd: OwnedFd,
    ram: Arc<Mapping>,
    doorbells: Vec<Doorbell>,
    queues: u32,
}

impl Connection {
    /// Up to the point where the process has been sent its memory.
    fn offer(&self, host: &Host, domain: &Arc<HostDomain>) -> Result<Offered, AttachError> {
        let peer = self.peer(domain)?;
        // Older kernels cannot name the process; its socket tells of its end all the same.
        let pidfd = peer_pidfd(&*self.socket).ok();
        let queues = self.hello()?;
        let mut place = domain.place(peer)?;

        let control = control_bytes(queues);
        let bytes = control as usize + domain.config.ram as usize;
        let (ram, memfd) = Mapping::create(&format!("argo-{}", domain.name()), bytes)?;
        // From the beginning the guest has to ring: argod listens once the session is live.
        let _ = wake::rest(&ram.view(), &[0; QUEUES_MAX as usize][..queues as usize]);
        let doorbells = make_doorbells(host, domain)?;
        let passed = burial::reopen(&memfd).map_err(system("opening the RAM again"))?;
        let welcome = Welcome {
            magic: MAGIC,
            version: VERSION,
            errno: 0,
            domain: domain.id().raw().into(),
            queues,
            control_bytes: control,
            ram_pages: domain.config.pages() as u32,
            doorbells: doorbells.len() as u32,
            cpus: cpus(host, &doorbells),
            text: Text::EMPTY,
        };
        let ram = Arc::new(ram);
        place.passes(grave(&memfd, &ram)?);
        self.welcome(&welcome, &passed, &doorbells)?;
        Ok(Offered { place, peer, pidfd, memfd, ram, doorbells, queues })
    }

    /// The rest: checks the seals, pins the memory, and makes the session live.
    fn admit(&self, host: &Arc<Host>, offered: Offered) -> Result<Peer, AttachError> {
        self.sealed()?;
        if !Mapping::is_sealed(&offered.memfd)? {
            return Err(AttachError::NotSealed);
        }
        offered.ram.populate()?;
        lock(host.lock_memory(), offered.place.domain(), &offered.ram)?;
        // Nothing is received any more: only a hang-up is of interest from here on.
        shutdown(&*self.socket, Shutdown::Read).map_err(system("closing the way in"))?;
        let peer = offered.peer;
        self.establish(host, offered)?;
        self.say(verdict(0, Text::EMPTY).as_bytes());
        Ok(peer)
    }

    fn establish(&self, host: &Arc<Host>, offered: Offered) -> Result<(), AttachError> {
        let Offered { mut place, peer, pidfd, ram, doorbells, queues, .. } = offered;
        let grave = place.session_begins();
        let domain = place.domain().clone();
        let memory = domain_memory(&domain, &ram, queues)?;
        let caller = Caller { domain: domain.engine.clone(), memory };
        let socket = self.socket.clone();
        let bell = Arc::new(Bell::new(ram.clone(), socket.clone(), host.kick_limit()));
        let key = host.next_key();
        let session = Session {
            key,
            domain,
            peer,
            bell,
            socket,
            pidfd,
            doorbells,
            ram,
            grave: Mutex::new(grave),
            caller,
            service: Service::new(queues),
        };
        Ok(host.admit(place, Arc::new(session))?)
    }

    /// Who connected, if the socket's owner, group and mode are for them. The kernel has checked
    /// the path's permissions; this holds for a socket that was passed on, too.
    fn peer(&self, domain: &HostDomain) -> Result<Peer, AttachError> {
        let credentials =
            sockopt::socket_peercred(&*self.socket).map_err(system("asking who connected"))?;
        let peer = Peer {
            pid: credentials.pid.as_raw_nonzero().get(),
            uid: credentials.uid.as_raw(),
            gid: credentials.gid.as_raw(),
        };
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
        Err(AttachError::Credentials { uid, gid, owner, group, mode: socket.mode })
    }

    /// Receives and checks the first message; returns how many queues are wanted.
    fn hello(&self) -> Result<u32, AttachError> {
        let mut hello = Hello::new(0);
        self.receive("Hello", hello.as_mut_bytes())?;
        let broken = |found: String, expected: String| AttachError::Protocol {
            message: "Hello",
            found,
            expected,
        };
        if hello.magic != MAGIC || hello.reserved != 0 {
            let found = format!("magic {:#010x}, reserved {:#x}", hello.magic, hello.reserved);
            return Err(broken(found, format!("magic {MAGIC:#010x}, reserved 0")));
        }
        if hello.version != VERSION {
            return Err(AttachError::Version { found: hello.version });
        }
        if !(1..=QUEUES_MAX).contains(&hello.queues) {
            return Err(broken(format!("{} queues", hello.queues), format!("1 to {QUEUES_MAX}")));
        }
        Ok(hello.queues)
    }

    /// Receives and checks the second message.
    fn sealed(&self) -> Result<(), AttachError> {
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
        self.wait_readable(message)?;
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

    fn wait_readable(&self, message: &'static str) -> Result<(), AttachError> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
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
    fn welcome(
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

    /// Sends a message if there is room for it: a process that does not read is not waited for.
    fn say(&self, message: &[u8]) {
        let _ = rustix::net::send(&*self.socket, message, NOW);
    }
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

fn verdict(errno: u32, text: Text) -> Verdict {
    Verdict { magic: MAGIC, errno, text }
}

fn number(error: &AttachError) -> u32 {
    error.errno().number().unsigned_abs()
}

fn text(error: &AttachError) -> Text {
    Text::new(&error.to_string())
}

fn system(step: &'static str) -> impl Fn(rustix::io::Errno) -> AttachError {
    move |errno| AttachError::System { step, errno }
}

/// The RAM behind the control area, as the engine sees it.
fn domain_memory(
    domain: &HostDomain,
    ram: &Arc<Mapping>,
    queues: u32,
) -> Result<LinearMemory<Mapping>, AttachError> {
    let read_only: Vec<u64> =
        domain.config.read_only_pages.iter().copied().map(u64::from).collect();
    let memory =
        LinearMemory::new(ram.clone(), control_bytes(queues) as usize, domain.config.pages())?;
    Ok(memory.with_read_only(&read_only))
}

/// What remembers the RAM once it has been passed on.
fn grave(memfd: &OwnedFd, ram: &Arc<Mapping>) -> Result<Buried, AttachError> {
    Buried::prepare(memfd, Arc::downgrade(ram)).map_err(system("opening the RAM again"))
}

/// A doorbell for each worker that may serve the domain.
fn make_doorbells(host: &Host, domain: &HostDomain) -> Result<Vec<Doorbell>, AttachError> {
    let workers = host.workers_for(&domain.config.cpus).take(DOORBELLS_MAX as usize);
    let make = |worker| {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Doorbell { worker, fd })
    };
    workers.map(make).collect::<Result<_, _>>().map_err(system("making a doorbell"))
}

/// The processor of each doorbell's worker.
fn cpus(host: &Host, doorbells: &[Doorbell]) -> [u16; DOORBELLS_MAX as usize] {
    let mut cpus = [0; DOORBELLS_MAX as usize];
    for (cpu, doorbell) in cpus.iter_mut().zip(doorbells) {
        // Linux has no processor beyond 8191.
        *cpu = host.cpu_of(doorbell.worker) as u16;
    }
    cpus
}

/// Keeps the RAM from being swapped out, as far as the configuration asks for it.
fn lock(wanted: LockMemory, domain: &HostDomain, ram: &Mapping) -> Result<(), MapError> {
    match wanted {
        LockMemory::No => Ok(()),
        LockMemory::Require => ram.lock(),
        LockMemory::Try => {
            if let (Err(error), Some(suppressed)) = (ram.lock(), domain.log.pass()) {
                let domain = domain.name();
                tracing::debug!(domain, %error, suppressed, "RAM may be swapped out");
            }
            Ok(())
        }
    }
}
