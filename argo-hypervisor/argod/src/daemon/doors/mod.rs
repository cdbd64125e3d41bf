//! What argod needs of the file system while it serves: sockets with a path, and its configuration.
//! In a cage it cannot get at either, and asks its doorkeeper.

mod keeper;
mod line;
mod serve;
#[cfg(test)]
mod tests;
mod wire;

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::SocketType;

use super::Process;
use super::adopt::adopt;
use super::listener::{ListenError, listen_on, prepare_folder};
use crate::config::{Cage, Config, ConfigError, Socket, Texts};
use crate::systemd::Passed;
use keeper::{Doorkeeper, NoDoorkeeper};
pub(crate) use serve::keep_doors;
use wire::Charge;

/// Who deals with the file system.
pub enum Doors {
    /// This process.
    Own,
    /// Its doorkeeper.
    Kept(Doorkeeper),
}

impl Doors {
    /// With a doorkeeper, if the process is to be caged.
    ///
    /// # Errors
    /// The doorkeeper does not start; or it cannot be executed, and the configuration requires a cage.
    pub fn open(config: &Config, process: Process) -> io::Result<Self> {
        let (Process::Own { doorkeeper }, Cage::Require | Cage::Try) = (process, config.cage)
        else {
            return Ok(Self::Own);
        };
        match Doorkeeper::start(doorkeeper, &Charge::of(config)) {
            Err(NoDoorkeeper::NotExecuted(error)) if config.cage == Cage::Try => {
                tracing::error!(%error, "no doorkeeper, so argod is not caged");
                Ok(Self::Own)
            }
            started => started.map(Self::Kept).map_err(io::Error::other),
        }
    }

    /// Whether a doorkeeper does.
    pub fn are_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// What hangs up when the doorkeeper ends, if there is one.
    pub fn line(&self) -> Option<&impl AsFd> {
        match self {
            Self::Own => None,
            Self::Kept(keeper) => Some(keeper),
        }
    }

    /// Says that it has hung up. `false`: that is to be said again, its process has not ended yet.
    pub fn have_lost_their_keeper(&self) -> bool {
        match self {
            Self::Own => true,
            Self::Kept(keeper) => keeper.has_gone(),
        }
    }

    /// Listens on the socket that systemd made for this path, or else on one made here.
    ///
    /// # Errors
    /// [`ListenError`]
    pub fn listen(
        &self,
        config: &Socket,
        kind: SocketType,
        passed: &Passed,
    ) -> Result<OwnedFd, ListenError> {
        match passed.socket(&config.path) {
            Some(socket) => {
                config.path.parent().map_or(Ok(()), prepare_folder)?;
                adopt(socket, &config.path, kind)
            }
            None => self.make(config, kind),
        }
    }

    /// Makes a socket with its path, owner and mode, and listens.
    ///
    /// # Errors
    /// [`ListenError`]
    pub fn make(&self, config: &Socket, kind: SocketType) -> Result<OwnedFd, ListenError> {
        match self {
            Self::Own => listen_on(config, kind),
            Self::Kept(keeper) => keeper.make(config, kind),
        }
    }

    /// Takes the path of a socket away that was made here.
    pub fn remove(&self, path: &Path) {
        match self {
            // An error means that somebody removed it already.
            Self::Own => _ = fs::remove_file(path),
            Self::Kept(keeper) => keeper.remove(path),
        }
    }

    /// The configuration as its file says it now.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn configuration(&self, file: &Path) -> Result<Texts, ConfigError> {
        match self {
            Self::Own => Texts::load(file),
            Self::Kept(keeper) => keeper.configuration(),
        }
    }
}
