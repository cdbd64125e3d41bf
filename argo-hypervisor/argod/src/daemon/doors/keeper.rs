//! argod's side of its doorkeeper.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use parking_lot::Mutex;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};

use super::wire::{Answer, Door, Request, hear, say};
use crate::config::{ConfigError, Socket, Texts};
use crate::daemon::listener::ListenError;

/// This program, whatever became of its file.
const MYSELF: &str = "/proc/self/exe";

/// A process that makes sockets and reads the configuration for this one. It ends when this one does.
pub struct Doorkeeper {
    /// One request at a time.
    socket: Mutex<OwnedFd>,
    _process: Child,
}

impl Doorkeeper {
    /// Starts this program once more, with the same arguments and `argument`; returns when its cage is
    /// closed. To be called while this process may still execute a program.
    ///
    /// # Errors
    /// It does not start; or what it needs cannot be had.
    pub fn start(argument: &str) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let process = Command::new(MYSELF)
            .arg0("argod-doorkeeper")
            .args(std::env::args_os().skip(1))
            .arg(argument)
            .env_clear()
            .stdin(theirs)
            .stdout(Stdio::null())
            .spawn()?;
        answered(hear(&ours)?)?;
        Ok(Self { socket: Mutex::new(ours), _process: process })
    }

    /// A socket that listens.
    pub(super) fn make(&self, config: &Socket, kind: SocketType) -> Result<OwnedFd, ListenError> {
        let made = self.ask(&Request::Make(Door::new(config, kind)));
        let listener = made.and_then(|listener| {
            // It was made, and nobody would serve it.
            expected(listener).inspect_err(|_| self.remove(&config.path))
        });
        listener.map_err(|error| ListenError::Told(error.to_string()))
    }

    /// An error means that the path is gone, or the doorkeeper is.
    pub(super) fn remove(&self, path: &Path) {
        let _ = self.ask(&Request::Remove(path.to_owned()));
    }

    pub(super) fn configuration(&self) -> Result<Texts, ConfigError> {
        let read = self.ask(&Request::Configuration).and_then(expected).and_then(|memfd| {
            let mut file = File::from(memfd);
            file.rewind()?;
            Ok(serde_json::from_reader(io::BufReader::new(file))?)
        });
        read.map_err(|error| ConfigError::Told(error.to_string()))
    }

    fn ask(&self, request: &Request) -> io::Result<Option<OwnedFd>> {
        let socket = self.socket.lock();
        say(&*socket, request, None)?;
        let heard = hear(&*socket);
        if heard.is_err() {
            // The next answer heard would be to this request.
            let _ = shutdown(&*socket, Shutdown::Both);
        }
        answered(heard?)
    }
}

fn answered(heard: Option<(Answer, Option<OwnedFd>)>) -> io::Result<Option<OwnedFd>> {
    match heard {
        Some((Ok(()), descriptor)) => Ok(descriptor),
        Some((Err(why), _)) => Err(io::Error::other(why)),
        None => Err(io::Error::other("argod's doorkeeper has ended")),
    }
}

fn expected(descriptor: Option<OwnedFd>) -> io::Result<OwnedFd> {
    let none = "argod has no descriptor left for what its doorkeeper sends";
    descriptor.ok_or_else(|| io::Error::other(none))
}
