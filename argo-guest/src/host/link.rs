//! A domain's socket during a handshake, and what every handshake checks.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use argo_core::DomainId;
use argo_core::host::attach::{DOORBELLS_MAX, Text};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recvmsg,
    sendmsg, socket_with,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::error::AttachCause;

/// Descriptors in a Welcome at most: the RAM and the doorbells.
const FDS_MAX: usize = 1 + DOORBELLS_MAX as usize;

/// The attachment socket during the handshake, with a deadline on everything that can block.
pub(crate) struct Link {
    socket: OwnedFd,
    deadline: Instant,
    patience: Duration,
}

impl Link {
    pub(crate) fn connect(path: &Path, patience: Duration) -> Result<Self, AttachCause> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let link = Self { socket, deadline: Instant::now() + patience, patience };
        link.limit(Timeout::Send)?;
        let address = SocketAddrUnix::new(path)?;
        retry(|| connect(&link.socket, &address)).map_err(|errno| link.cause(errno))?;
        Ok(link)
    }

    pub(crate) fn send(&self, message: &(impl IntoBytes + Immutable)) -> Result<(), AttachCause> {
        self.limit(Timeout::Send)?;
        let bytes = [IoSlice::new(message.as_bytes())];
        let mut nothing = SendAncillaryBuffer::default();
        retry(|| sendmsg(&self.socket, &bytes, &mut nothing, SendFlags::NOSIGNAL))
            .map_err(|errno| self.cause(errno))?;
        Ok(())
    }

    pub(crate) fn receive<M: FromBytes + IntoBytes>(
        &self,
    ) -> Result<(M, Vec<OwnedFd>), AttachCause> {
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

    /// The socket, for what comes after the handshake.
    pub(crate) fn into_socket(self) -> OwnedFd {
        self.socket
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

pub(crate) fn accepted(errno: u32, text: &Text) -> Result<(), AttachCause> {
    match errno {
        0 => Ok(()),
        errno => Err(AttachCause::Refused { errno, text: text.as_str().to_owned() }),
    }
}

pub(crate) fn expect(
    what: &'static str,
    found: impl Into<u64>,
    expected: impl Into<u64>,
) -> Result<(), AttachCause> {
    let (found, expected) = (found.into(), expected.into());
    if found == expected { Ok(()) } else { Err(nonsense(what, found, expected)) }
}

pub(crate) fn nonsense(
    what: &'static str,
    found: impl Into<u64>,
    expected: impl Into<u64>,
) -> AttachCause {
    AttachCause::Protocol { what, found: found.into(), expected: expected.into() }
}

/// The domain that argod says this is.
pub(crate) fn domain_id(number: u32) -> Result<DomainId, AttachCause> {
    let domain = u16::try_from(number).ok().and_then(DomainId::new);
    domain.ok_or_else(|| nonsense("the domain's id", number, DomainId::LIMIT - 1))
}

/// A signal handler's return is no reason to give up.
pub(crate) fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            answer => return answer,
        }
    }
}
