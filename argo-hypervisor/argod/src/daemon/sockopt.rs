//! What the system-call library lacks: newer socket options, leases, a question. The daemon's only
//! unsafe code.
#![allow(unsafe_code, reason = "system calls that rustix lacks")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_void, socklen_t};

/// `SO_PASSRIGHTS` (Linux 6.16, asm-generic/socket.h).
const SO_PASSRIGHTS: c_int = 83;

/// A descriptor of the process at the other end of a Unix socket (`SO_PEERPIDFD`, Linux 6.5): it
/// stays that process's, whatever becomes of its number.
pub fn peer_pidfd(socket: impl AsFd) -> io::Result<OwnedFd> {
    let mut fd: RawFd = -1;
    let mut len = size_of::<RawFd>() as socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, the size of `fd`, to `fd`; both live here.
    let answer = unsafe {
        let value = (&raw mut fd).cast::<c_void>();
        let socket = socket.as_fd().as_raw_fd();
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERPIDFD, value, &mut len)
    };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Refuses descriptors sent over the socket and over those accepted from it (Linux 6.16).
pub fn refuse_descriptors(socket: impl AsFd) -> io::Result<()> {
    let off: c_int = 0;
    // SAFETY: the kernel reads `size_of::<c_int>()` bytes of `off`, which lives here.
    let answer = unsafe {
        let value = (&raw const off).cast::<c_void>();
        let len = size_of::<c_int>() as socklen_t;
        let socket = socket.as_fd().as_raw_fd();
        libc::setsockopt(socket, libc::SOL_SOCKET, SO_PASSRIGHTS, value, len)
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Asks for a write lease on a file, and gives it back at once. `true`: nobody else has the file
/// open for writing, nor mapped from such an open.
pub fn try_write_lease(file: impl AsFd) -> bool {
    let file = file.as_fd().as_raw_fd();
    // SAFETY: `F_SETLEASE` takes an integer and touches no memory of ours; `file` is open.
    let granted = unsafe { libc::fcntl(file, libc::F_SETLEASE, libc::F_WRLCK) } == 0;
    if granted {
        // SAFETY: as above.
        unsafe { libc::fcntl(file, libc::F_SETLEASE, libc::F_UNLCK) };
    }
    granted
}

/// Bytes, as the kernel accounts for them, that were sent over a Unix socket and that the other end
/// has not received yet.
pub fn unreceived(socket: impl AsFd) -> io::Result<u32> {
    let mut bytes: c_int = 0;
    // SAFETY: `TIOCOUTQ` (`SIOCOUTQ`) writes one `c_int` to `bytes`, which lives here.
    let answer = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if answer == 0 { Ok(bytes.unsigned_abs()) } else { Err(io::Error::last_os_error()) }
}
