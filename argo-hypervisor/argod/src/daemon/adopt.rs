//! Sockets that systemd made: taken only if they are what argod would have made itself.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, getsockname};

use super::listener::{ListenError, admit_no_descriptors, failed};

/// A descriptor of the passed socket, ready to accept on.
///
/// # Errors
/// [`ListenError::Unfit`], or the system refuses.
pub(super) fn adopt(
    passed: &OwnedFd,
    path: &Path,
    kind: SocketType,
) -> Result<OwnedFd, ListenError> {
    if let Some((found, expected)) = fault(passed.as_fd(), path, kind) {
        return Err(ListenError::Unfit { path: path.to_owned(), found, expected });
    }
    let failed = |step| failed::<Errno>(path, step);
    // It stays systemd's; a domain that is destroyed and made again finds it once more.
    let socket = fcntl_dupfd_cloexec(passed, 0).map_err(failed("copying the descriptor"))?;
    let flags = fcntl_getfl(&socket).map_err(failed("reading its flags"))?;
    fcntl_setfl(&socket, flags | OFlags::NONBLOCK).map_err(failed("setting its flags"))?;
    admit_no_descriptors(path, &socket);
    Ok(socket)
}

/// What was found, and what was expected instead.
fn fault(socket: BorrowedFd<'_>, path: &Path, kind: SocketType) -> Option<(String, String)> {
    let fault = |found: String, expected: &str| Some((found, expected.to_owned()));
    match socket_domain(socket) {
        Ok(AddressFamily::UNIX) => {}
        Ok(_) => return fault("a socket of another family".into(), "a Unix socket"),
        Err(error) => return fault(error.to_string(), "a socket"),
    }
    if socket_type(socket) != Ok(kind) {
        return fault("a socket of another type".into(), directive(kind));
    }
    if socket_acceptconn(socket) != Ok(true) {
        return fault("a socket that does not listen".into(), "Accept=no");
    }
    let name = getsockname(socket).ok().and_then(|name| SocketAddrUnix::try_from(name).ok());
    let at = name.as_ref().and_then(SocketAddrUnix::path_bytes).unwrap_or_default();
    if at != path.as_os_str().as_bytes() {
        let found = format!("a socket at {:?}", String::from_utf8_lossy(at));
        return fault(found, "the path of the configuration");
    }
    None
}

/// What a socket unit has to say for this type.
fn directive(kind: SocketType) -> &'static str {
    match kind {
        SocketType::SEQPACKET => "ListenSequentialPacket=",
        _ => "ListenStream=",
    }
}
