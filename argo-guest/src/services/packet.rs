//! One packet in, one packet out, neither longer than a deadline.

use alloc::vec;
use alloc::vec::Vec;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use argo_core::host::services::{Answer, PACKET_MAX, PARTS_SHARES_MAX};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendFlags, recvmsg, sendmsg,
};
use zerocopy::FromBytes;

use super::error::RequestError;

/// A packet from argod.
pub(super) struct Packet {
    pub(super) head: Answer,
    pub(super) body: Vec<u8>,
    fds: Fds,
}

/// The descriptors that came with a packet, or why they did not: a process at its limit loses them.
type Fds = Result<Vec<OwnedFd>, Errno>;

impl Packet {
    /// The descriptors that came with it.
    ///
    /// # Errors
    /// There was no room for them.
    pub(super) fn into_fds(self) -> Result<Vec<OwnedFd>, RequestError> {
        Ok(self.fds?)
    }
}

/// Sends the parts as one packet. `false`: there was no room until the deadline.
pub(super) fn send(
    socket: impl AsFd,
    parts: &[&[u8]],
    deadline: Instant,
) -> Result<bool, RequestError> {
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match sendmsg(&socket, &slices, &mut SendAncillaryBuffer::default(), flags) {
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if !ready(&socket, PollFlags::OUT, Some(deadline))? {
                    return Ok(false);
                }
            }
            Err(errno) => return Err(ended(errno)),
        }
    }
}

/// The next packet, or `None` if none comes until the deadline.
pub(super) fn receive(
    socket: impl AsFd,
    deadline: Option<Instant>,
) -> Result<Option<Packet>, RequestError> {
    let mut bytes = vec![0; PACKET_MAX];
    loop {
        match receive_now(&socket, &mut bytes) {
            Ok((0, _)) => return Err(RequestError::Gone),
            Ok((len, fds)) => return parse(&bytes[..len], fds).map(Some),
            Err(RequestError::System(Errno::INTR)) => {}
            Err(RequestError::System(Errno::AGAIN)) => {
                if !ready(&socket, PollFlags::IN, deadline)? {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn receive_now(socket: impl AsFd, bytes: &mut [u8]) -> Result<(usize, Fds), RequestError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PARTS_SHARES_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let got = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, flags).map_err(ended)?;
    let mut fds = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = part {
            fds.extend(rights);
        }
    }
    if got.flags.contains(ReturnFlags::TRUNC) {
        let (found, expected) = (got.bytes as u64 + 1, PACKET_MAX as u64);
        return Err(RequestError::Protocol { what: "the answer's length", found, expected });
    }
    match got.flags.contains(ReturnFlags::CTRUNC) {
        true => Ok((got.bytes, Err(Errno::MFILE))),
        false => Ok((got.bytes, Ok(fds))),
    }
}

fn parse(bytes: &[u8], fds: Fds) -> Result<Packet, RequestError> {
    let Ok((head, body)) = Answer::read_from_prefix(bytes) else {
        let (found, expected) = (bytes.len() as u64, size_of::<Answer>() as u64);
        return Err(RequestError::Protocol { what: "the answer's length", found, expected });
    };
    Ok(Packet { head, body: body.to_vec(), fds })
}

/// Waits until the descriptor is ready (or hung up). `false`: not before the deadline.
pub(super) fn ready(
    fd: impl AsFd,
    what: PollFlags,
    deadline: Option<Instant>,
) -> Result<bool, RequestError> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // A timeout too long for the system's clock is one that never comes.
        let limit = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(&fd, what)], limit.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR | Errno::AGAIN) if left != Some(Duration::ZERO) => {}
            Err(Errno::INTR | Errno::AGAIN) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn ended(errno: Errno) -> RequestError {
    match errno {
        Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => RequestError::Gone,
        errno => RequestError::System(errno),
    }
}
