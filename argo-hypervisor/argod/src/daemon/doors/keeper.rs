//! argod's side of its doorkeeper.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::line::{Line, LineError};
use super::wire::{Charge, Door, Request};
use crate::config::{ConfigError, Socket, Texts};
use crate::daemon::listener::ListenError;

/// This program, whatever became of its file.
const MYSELF: &str = "/proc/self/exe";

/// A process that makes sockets and reads the configuration for this one. It ends when this one does.
pub struct Doorkeeper {
    line: Line,
    process: Mutex<Child>,
    is_missed: AtomicBool,
}

/// There is no doorkeeper.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoDoorkeeper {
    /// This process may execute nothing, or there is no /proc to find its program by.
    #[error("{MYSELF} cannot be executed: {0}")]
    NotExecuted(io::Error),
    /// Nor would it later, perhaps.
    #[error(transparent)]
    System(#[from] io::Error),
    /// It says why.
    #[error(transparent)]
    NotBegun(#[from] LineError),
}

impl Doorkeeper {
    /// Starts this program once more, with the same arguments and `argument`; returns when its cage is
    /// closed. To be called while this process may still execute a program.
    pub(super) fn start(argument: &str, charge: &Charge) -> Result<Self, NoDoorkeeper> {
        let (type_, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, type_, flags, None).map_err(io::Error::from)?;
        let process = Command::new(MYSELF)
            .arg0("argod-doorkeeper")
            .args(std::env::args_os().skip(1))
            .arg(argument)
            .env_clear()
            .stdin(theirs)
            .stdout(Stdio::null())
            .spawn()
            .map_err(not_spawned)?;
        let line = Line::new(ours);
        line.begin(charge)?;
        Ok(Self { line, process: Mutex::new(process), is_missed: AtomicBool::new(false) })
    }

    /// A socket that listens.
    pub(super) fn make(&self, config: &Socket, kind: SocketType) -> Result<OwnedFd, ListenError> {
        let made = self.line.ask_for(Request::Make(Door::new(config, kind)));
        made.map_err(|error| {
            if let LineError::Lost { number, .. } = error {
                // An error means that the path stays until it is asked for again.
                let _ = self.line.ask(Request::Undo(number));
            }
            ListenError::Told(error.to_string())
        })
    }

    pub(super) fn remove(&self, path: &Path) {
        if let Err(error) = self.line.ask(Request::Remove(path.to_owned())) {
            tracing::warn!(path = %path.display(), %error, "a socket's path stays");
        }
    }

    pub(super) fn configuration(&self) -> Result<Texts, ConfigError> {
        let memfd = self.line.ask_for(Request::Configuration);
        let memfd = memfd.map_err(|error| ConfigError::Told(error.to_string()))?;
        read(memfd).map_err(|error| ConfigError::Told(error.to_string()))
    }

    /// To be called when it has hung up: says so, once. `false`: the process has not ended yet.
    pub(super) fn has_gone(&self) -> bool {
        if !self.is_missed.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "argod's doorkeeper has ended: until argod is started anew, no socket is made or \
                 removed, and the configuration is not read"
            );
        }
        // An error means that there is nothing to wait for.
        !matches!(self.process.lock().try_wait(), Ok(None))
    }
}

/// It hangs up when the doorkeeper ends.
impl AsFd for Doorkeeper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }
}

fn not_spawned(error: io::Error) -> NoDoorkeeper {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => {
            NoDoorkeeper::NotExecuted(error)
        }
        _ => NoDoorkeeper::System(error),
    }
}

fn read(memfd: OwnedFd) -> io::Result<Texts> {
    let mut file = File::from(memfd);
    file.rewind()?;
    Ok(serde_json::from_reader(io::BufReader::new(file))?)
}
