//! Processes at the other end of sockets.

use std::fmt;
use std::os::fd::AsFd;

use rustix::net::sockopt;

/// Who is at the other end, as the kernel says.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The process that connected.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl Peer {
    /// Who connected to this Unix socket.
    ///
    /// # Errors
    /// It is none.
    pub fn of(socket: impl AsFd) -> rustix::io::Result<Self> {
        let credentials = sockopt::socket_peercred(socket)?;
        Ok(Self {
            pid: credentials.pid.as_raw_nonzero().get(),
            uid: credentials.uid.as_raw(),
            gid: credentials.gid.as_raw(),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} (uid {}, gid {})", self.pid, self.uid, self.gid)
    }
}
