//! Sockets with a path: made so that nobody else can reach or replace them.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, Uid, chmod, chown, fchmod};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, socket_with,
};

use super::sockopt::refuse_descriptors;
use crate::config::Socket;

/// Connections that may wait to be accepted on one socket.
const BACKLOG: i32 = 16;

/// Why a socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else serves there.
    #[error(
        "{}: another process is serving this socket; stop it, or configure another path",
        path.display()
    )]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// Something that is no socket stands there.
    #[error(
        "{}: exists and is not a socket; remove it, or configure another path",
        path.display()
    )]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The folder is not safe.
    #[error(
        "{}: mode {mode:03o}, so that others could replace the sockets in it; expected a folder \
         that only its owner may write",
        dir.display()
    )]
    UnsafeFolder {
        /// The folder.
        dir: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// An address cannot be listened on.
    #[error("{address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// systemd passed something else for it.
    #[error("{}: systemd passed {found}; expected {expected}", path.display())]
    Unfit {
        /// The path.
        path: PathBuf,
        /// What was passed.
        found: String,
        /// What its unit has to say, or what it has to be.
        expected: String,
    },
    /// argod's doorkeeper says why not.
    #[error("{0}")]
    Told(String),
    /// The system refused.
    #[error("{}: {step}: {source}", path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// The answer.
        source: io::Error,
    },
}

/// Makes a socket with its path, owner and mode, and listens.
///
/// The mode is set before the path exists, a stale path (nobody answers) is replaced, and the
/// folder must not be writable by others.
pub fn listen_on(config: &Socket, kind: SocketType) -> Result<OwnedFd, ListenError> {
    let path = &config.path;
    let failed = |step| failed::<rustix::io::Errno>(path, step);
    path.parent().map_or(Ok(()), prepare_folder)?;
    clear_path(path, kind)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket =
        socket_with(AddressFamily::UNIX, kind, flags, None).map_err(failed("making a socket"))?;
    fchmod(&socket, Mode::from_raw_mode(config.mode)).map_err(failed("setting its mode"))?;
    let address = SocketAddrUnix::new(path).map_err(failed("naming it"))?;
    bind(&socket, &address).map_err(failed("binding"))?;
    if let Err(error) = open_to(config, &socket) {
        // It is ours since a moment ago; an error means that it is gone.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(socket)
}

/// Listens on a TCP port.
///
/// # Errors
/// [`ListenError::Address`]
pub fn listen_at(address: SocketAddr) -> Result<OwnedFd, ListenError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener.into())
    };
    listen().map_err(|source| ListenError::Address { address, source })
}

/// Gives a socket that was just bound its owner and mode, and listens.
fn open_to(config: &Socket, socket: &OwnedFd) -> Result<(), ListenError> {
    let path = &config.path;
    let failed = |step| failed::<rustix::io::Errno>(path, step);
    // Once more: the mode at birth was cut by the umask. Before the owner changes: after that it
    // would take another capability. Nobody can connect yet.
    chmod(path, Mode::from_raw_mode(config.mode)).map_err(failed("setting its mode"))?;
    if config.uid.is_some() || config.gid.is_some() {
        let (uid, gid) = (config.uid.map(Uid::from_raw), config.gid.map(Gid::from_raw));
        chown(path, uid, gid).map_err(failed("setting its owner"))?;
    }
    admit_no_descriptors(path, socket);
    rustix::net::listen(socket, BACKLOG).map_err(failed("listening"))
}

/// Refuses descriptors that are sent over the socket, where the kernel can (Linux 6.16). With an
/// older one a passed descriptor is closed in the thread of that one attachment, which may hang
/// alone.
pub(super) fn admit_no_descriptors(path: &Path, socket: &OwnedFd) {
    if let Err(error) = refuse_descriptors(socket) {
        tracing::debug!(path = %path.display(), %error, "descriptors cannot be refused");
    }
}

/// Makes a folder for sockets if it is not there, and checks that only its owner may write to it.
pub(super) fn prepare_folder(dir: &Path) -> Result<(), ListenError> {
    let failed = |source| failed::<io::Error>(dir, "preparing the folder")(source);
    if !dir.exists() {
        fs::DirBuilder::new().mode(0o711).recursive(true).create(dir).map_err(failed)?;
    }
    let meta = fs::metadata(dir).map_err(failed)?;
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(ListenError::UnsafeFolder { dir: dir.to_owned(), mode });
    }
    Ok(())
}

/// Removes the socket that a process which is gone left at the path.
///
/// # Errors
/// [`ListenError`]: somebody serves there, or it is no socket.
pub(crate) fn clear_path(path: &Path, kind: SocketType) -> Result<(), ListenError> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed(path, "looking at the path"))?,
    };
    const SOCKET: u32 = 0o140_000;
    if meta.mode() & 0o170_000 != SOCKET {
        return Err(ListenError::NotASocket { path: path.to_owned() });
    }
    let asked = match is_served(path, kind) {
        Err(rustix::io::Errno::ACCESS) => is_served_by_force(path, kind, &meta),
        asked => asked,
    };
    if asked.map_err(failed(path, "asking who serves it"))? {
        return Err(ListenError::InUse { path: path.to_owned() });
    }
    fs::remove_file(path).map_err(failed(path, "removing a stale socket"))
}

/// What to say of a step that the system refused.
pub(super) fn failed<E: Into<io::Error>>(
    path: &Path,
    step: &'static str,
) -> impl Fn(E) -> ListenError {
    move |error| ListenError::System { path: path.to_owned(), step, source: error.into() }
}

fn is_served(path: &Path, kind: SocketType) -> rustix::io::Result<bool> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = socket_with(AddressFamily::UNIX, kind, flags, None)?;
    match connect(&probe, &SocketAddrUnix::new(path)?) {
        Err(rustix::io::Errno::CONNREFUSED) => Ok(false),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(rustix::io::Errno::ACCESS) => Err(rustix::io::Errno::ACCESS),
        // Connected, a full backlog, or a socket of another type: somebody is there.
        _ => Ok(true),
    }
}

/// The same of a socket that was given to another user, whom alone it lets in: it is taken back for
/// the question, and given again if it is served. Takes the capability that giving it took.
fn is_served_by_force(
    path: &Path,
    kind: SocketType,
    meta: &fs::Metadata,
) -> rustix::io::Result<bool> {
    chown(path, Some(rustix::process::geteuid()), None)?;
    chmod(path, Mode::RUSR | Mode::WUSR)?;
    let served = is_served(path, kind)?;
    if served {
        chmod(path, Mode::from_raw_mode(meta.permissions().mode()))?;
        chown(path, Some(Uid::from_raw(meta.uid())), None)?;
    }
    Ok(served)
}
