//! The attachment: its messages and what is checked in them.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use argo_core::DomainId;
use argo_core::abi::PAGE_SIZE;
use argo_core::host::attach::{DOORBELLS_MAX, Hello, Sealed, Text, Verdict, Welcome};
use argo_core::host::{MAGIC, VERSION, layout};
use argo_mem::Mapping;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recvmsg,
    sendmsg, socket_with,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::doorbells::Doorbells;
use super::error::{AttachCause, Step};

/// Submission queues that a session asks for: all threads of a process share one.
const QUEUES: u32 = 1;
/// Descriptors in a Welcome at most: the RAM and the doorbells.
const FDS_MAX: usize = 1 + DOORBELLS_MAX as usize;

type Failure = (Step, AttachCause);

/// What a completed attachment yields.
pub(super) struct Attached {
    pub(super) socket: OwnedFd,
    pub(super) memory: Mapping,
    pub(super) doorbells: Doorbells,
    pub(super) domain: DomainId,
    pub(super) control_bytes: usize,
    pub(super) ram_pages: u32,
}

/// Attaches to the domain whose socket this is; all steps together take at most `patience`.
pub(super) fn attach(path: &Path, patience: Duration) -> Result<Attached, Failure> {
    let at = |step| move |cause| (step, cause);
    let link = Link::connect(path, patience).map_err(at(Step::Connecting))?;
    link.send(&Hello::new(QUEUES)).map_err(at(Step::Greeting))?;
    let (welcome, fds) = link.receive::<Welcome>().map_err(at(Step::ReceivingWelcome))?;
    let shape = check(&welcome, fds.len()).map_err(at(Step::ReceivingWelcome))?;
    let (memory, bells) = take_memory(&shape, fds).map_err(at(Step::TakingMemory))?;
    link.send(&Sealed::MESSAGE).map_err(at(Step::TakingMemory))?;
    let (verdict, _) = link.receive::<Verdict>().map_err(at(Step::ReceivingVerdict))?;
    expect("Verdict's magic", verdict.magic, MAGIC).map_err(at(Step::ReceivingVerdict))?;
    accepted(verdict.errno, &verdict.text).map_err(at(Step::ReceivingVerdict))?;
    let doorbells = Doorbells::new(bells, &welcome.cpus[..welcome.doorbells as usize]);
    let Shape { domain, control_bytes, ram_pages, .. } = shape;
    Ok(Attached { socket: link.socket, memory, doorbells, domain, control_bytes, ram_pages })
}

/// A Welcome that makes sense.
struct Shape {
    domain: DomainId,
    control_bytes: usize,
    ram_pages: u32,
    total_bytes: usize,
}

fn check(welcome: &Welcome, fds: usize) -> Result<Shape, AttachCause> {
    expect("Welcome's magic", welcome.magic, MAGIC)?;
    if welcome.version != VERSION {
        return Err(AttachCause::Version { theirs: welcome.version, ours: VERSION });
    }
    accepted(welcome.errno, &welcome.text)?;
    expect("the number of queues", welcome.queues, QUEUES)?;
    let control = layout::control_bytes(QUEUES);
    expect("the size of the control area", welcome.control_bytes, control)?;
    if welcome.doorbells == 0 || welcome.doorbells > DOORBELLS_MAX {
        return Err(nonsense("the number of doorbells", welcome.doorbells, DOORBELLS_MAX));
    }
    let promised = 1 + welcome.doorbells as usize;
    expect("the number of descriptors", fds as u64, promised as u64)?;
    let domain = u16::try_from(welcome.domain).ok().and_then(DomainId::new);
    let last = DomainId::LIMIT - 1;
    let domain = domain.ok_or_else(|| nonsense("the domain's id", welcome.domain, last))?;
    let total = u64::from(control) + u64::from(welcome.ram_pages) * u64::from(PAGE_SIZE);
    let total_bytes = usize::try_from(total)
        .map_err(|_| nonsense("the size of the RAM in bytes", total, usize::MAX as u64))?;
    let control_bytes = control as usize;
    Ok(Shape { domain, control_bytes, ram_pages: welcome.ram_pages, total_bytes })
}

/// Maps the RAM, then adds the final seals: in this order, since they forbid new mappings.
fn take_memory(shape: &Shape, fds: Vec<OwnedFd>) -> Result<(Mapping, Vec<OwnedFd>), AttachCause> {
    let mut fds = fds.into_iter();
    let ram = fds.next().ok_or_else(|| nonsense("the number of descriptors", 0u32, 1u32))?;
    let memory = Mapping::of(&ram, shape.total_bytes)?;
    Mapping::finish_seals(&ram)?;
    Ok((memory, fds.collect()))
}

fn accepted(errno: u32, text: &Text) -> Result<(), AttachCause> {
    match errno {
        0 => Ok(()),
        errno => Err(AttachCause::Refused { errno, text: text.as_str().to_owned() }),
    }
}

fn expect(
    what: &'static str,
    found: impl Into<u64>,
    expected: impl Into<u64>,
) -> Result<(), AttachCause> {
    let (found, expected) = (found.into(), expected.into());
    if found == expected { Ok(()) } else { Err(nonsense(what, found, expected)) }
}

fn nonsense(what: &'static str, found: impl Into<u64>, expected: impl Into<u64>) -> AttachCause {
    AttachCause::Protocol { what, found: found.into(), expected: expected.into() }
}

/// The attachment socket during the handshake, with a deadline on everything that can block.
struct Link {
    socket: OwnedFd,
    deadline: Instant,
    patience: Duration,
}

impl Link {
    fn connect(path: &Path, patience: Duration) -> Result<Self, AttachCause> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let link = Self { socket, deadline: Instant::now() + patience, patience };
        link.limit(Timeout::Send)?;
        let address = SocketAddrUnix::new(path)?;
        retry(|| connect(&link.socket, &address)).map_err(|errno| link.cause(errno))?;
        Ok(link)
    }

    fn send(&self, message: &(impl IntoBytes + Immutable)) -> Result<(), AttachCause> {
        self.limit(Timeout::Send)?;
        let bytes = [IoSlice::new(message.as_bytes())];
        let mut nothing = SendAncillaryBuffer::default();
        retry(|| sendmsg(&self.socket, &bytes, &mut nothing, SendFlags::NOSIGNAL))
            .map_err(|errno| self.cause(errno))?;
        Ok(())
    }

    fn receive<M: FromBytes + IntoBytes>(&self) -> Result<(M, Vec<OwnedFd>), AttachCause> {
        self.limit(Timeout::Recv)?;
        let mut message = M::new_zeroed();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = retry(|| {
            let mut bytes = [IoSliceMut::new(message.as_mut_bytes())];
            recvmsg(&self.socket, &mut bytes, &mut control, RecvFlags::CMSG_CLOEXEC)
        })
        .map_err(|errno| self.cause(errno))?;
        let mut fds = Vec::new();
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = part {
                fds.extend(rights);
            }
        }
        if got.bytes == 0 {
            return Err(AttachCause::Closed);
        }
        expect("the length of the message", got.bytes as u64, size_of::<M>() as u64)?;
        if got.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(nonsense("the length of the message", u64::MAX, size_of::<M>() as u64));
        }
        Ok((message, fds))
    }

    /// Lets the next blocking call take what is left of the time.
    fn limit(&self, which: Timeout) -> Result<(), AttachCause> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AttachCause::TimedOut(self.patience));
        }
        // The system counts microseconds, and 0 would mean "for ever".
        let left = left.max(Duration::from_millis(1));
        Ok(set_socket_timeout(&self.socket, which, Some(left))?)
    }

    fn cause(&self, errno: Errno) -> AttachCause {
        match errno {
            Errno::AGAIN => AttachCause::TimedOut(self.patience),
            Errno::PIPE | Errno::CONNRESET => AttachCause::Closed,
            errno => AttachCause::System(errno),
        }
    }
}

/// A signal handler's return is no reason to give up.
fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            answer => return answer,
        }
    }
}
