//! What argod and its doorkeeper say to each other: a packet of JSON each way, with at most one
//! descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketType, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Socket;

/// Bytes of a packet: a path or an error has far fewer.
const PACKET_MAX: usize = 64 << 10;

/// What argod asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// A socket to listen on.
    Make(Door),
    /// That a socket's path goes away.
    Remove(PathBuf),
    /// The configuration, in a memfd.
    Configuration,
}

/// A socket to be made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Door {
    path: PathBuf,
    mode: u32,
    uid: Option<u32>,
    gid: Option<u32>,
    keeps_packets: bool,
}

/// What the doorkeeper says: `Err` is for people.
pub(super) type Answer = Result<(), String>;

impl Door {
    pub(super) fn new(socket: &Socket, kind: SocketType) -> Self {
        let Socket { path, mode, uid, gid } = socket.clone();
        Self { path, mode, uid, gid, keeps_packets: kind == SocketType::SEQPACKET }
    }

    pub(super) fn socket(self) -> (Socket, SocketType) {
        let Self { path, mode, uid, gid, keeps_packets } = self;
        let kind = if keeps_packets { SocketType::SEQPACKET } else { SocketType::STREAM };
        (Socket { path, mode, uid, gid }, kind)
    }
}

/// Sends one packet. That the other one is gone is noticed by who listens next.
///
/// # Errors
/// The system refuses.
pub(super) fn say(
    socket: impl AsFd,
    what: &impl Serialize,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(what)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.into_iter().collect();
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    match sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL) {
        Ok(_) | Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits for one packet; `None`: the other one is gone.
///
/// # Errors
/// It makes no sense, or the system refuses.
pub(super) fn hear<T: DeserializeOwned>(
    socket: impl AsFd,
) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut bytes = vec![0; PACKET_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let mut receive = || {
        rustix::io::retry_on_intr(|| {
            recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)
        })
    };
    // Once more: an answer that is not heard is about something that was done.
    let heard = match receive().or_else(|_| receive()) {
        Ok(heard) if heard.bytes > 0 => heard,
        // Reset: gone without having read what was said to it.
        Ok(_) | Err(Errno::CONNRESET) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(Some((serde_json::from_slice(&bytes[..heard.bytes])?, descriptor)))
}
