//! What argod and its doorkeeper say to each other: a packet of JSON each way, with at most one
//! descriptor.

use std::collections::BTreeSet;
use std::ffi::OsString;
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

use crate::config::{Cage, Config, Log, Socket};

/// Bytes of a packet: a folder for each domain. More than that Linux does not send at once.
const PACKET_MAX: usize = 256 << 10;
/// Characters of an error that are told.
const WHY_MAX: usize = 4096;

/// What argod says first. The doorkeeper does not read the configuration for itself: it may be a pipe,
/// or another file by now.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Charge {
    /// The file of the configuration, if it was one.
    pub file: Option<OsString>,
    /// Where sockets can be made.
    pub folders: BTreeSet<PathBuf>,
    /// Whether the doorkeeper is caged.
    pub cage: Cage,
    /// What its log looks like.
    pub log: Log,
}

/// A request. Each has a number of its own, from 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Numbered {
    pub number: u64,
    pub request: Request,
}

/// What argod asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// A socket to listen on.
    Make(Door),
    /// That a socket's path goes away.
    Remove(PathBuf),
    /// The same of what the request of this number made, if it made something.
    Undo(u64),
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

/// What the doorkeeper says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The request's number; 0: it has begun.
    pub number: u64,
    /// `Err` is for people.
    pub outcome: Result<(), String>,
}

impl Charge {
    pub(super) fn of(config: &Config) -> Self {
        let folders = config.sockets().filter_map(|socket| socket.path.parent());
        let folders = folders.chain([&*config.runtime_dir]).map(Into::into).collect();
        let file = config.file.clone().map(Into::into);
        Self { file, folders, cage: config.cage, log: config.log }
    }
}

impl Answer {
    /// It fits into a packet, however much there is to be said.
    pub(super) fn new<T>(number: u64, outcome: &Result<T, String>) -> Self {
        let outcome = match outcome {
            Ok(_) => Ok(()),
            Err(why) => Err(why.chars().take(WHY_MAX).collect()),
        };
        Self { number, outcome }
    }
}

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
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)
    });
    let heard = match received {
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
