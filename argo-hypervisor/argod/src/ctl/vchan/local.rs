//! This process's side of a vchan: standard input and output, or a Unix socket.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Where bytes come from and go to.
pub(super) enum Local {
    Stdio(io::Stdin),
    Socket(UnixStream),
}

impl Local {
    pub(super) fn stdio() -> Self {
        Self::Stdio(io::stdin())
    }

    /// What is sent.
    pub(super) fn input(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stdio(stdin) => stdin.as_fd(),
            Self::Socket(socket) => socket.as_fd(),
        }
    }

    /// Writes what came.
    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdio(_) => {
                let mut stdout = io::stdout();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Self::Socket(socket) => (&*socket).write_all(bytes),
        }
    }
}
