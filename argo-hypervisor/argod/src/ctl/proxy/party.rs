//! Who a proxy talks with: somebody over Argo, or over a socket of the system.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use argo_guest::stream::Stream;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendFlags, Shutdown, send, shutdown};

use crate::ctl::input::{Input, Ready, Stop, wait};

/// One half of a connection.
pub(super) enum Party {
    Argo(Stream),
    Socket(Socket),
}

/// A connected stream socket, Unix or TCP.
pub(super) struct Socket {
    fd: OwnedFd,
    stop: Stop,
}

impl Party {
    /// On that socket.
    pub(super) fn socket(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self::Socket(Socket { fd, stop: Stop::new()? }))
    }

    /// Waits for bytes; 0 is the end.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Argo(stream) => stream.blocking().read(buffer),
            Self::Socket(Socket { fd, stop }) => {
                Input::new(fd, stop).read(buffer, None)?.ok_or_else(broken_off)
            }
        }
    }

    /// Writes all of them.
    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Argo(stream) => stream.blocking().write_all(bytes),
            Self::Socket(socket) => socket.write_all(bytes),
        }
    }

    /// Nothing more will be written.
    pub(super) fn finish(&self) -> io::Result<()> {
        match self {
            Self::Argo(stream) => stream.blocking().shutdown(std::net::Shutdown::Write),
            Self::Socket(Socket { fd, .. }) => match shutdown(fd, Shutdown::Write) {
                // It has ended itself meanwhile.
                Err(Errno::NOTCONN) => Ok(()),
                done => Ok(done?),
            },
        }
    }

    /// Ends all reads and writes. The other end sees, where its socket can tell, that this was not
    /// the end of what there is: TCP and Argo streams are reset.
    pub(super) fn break_off(&self) {
        match self {
            Self::Argo(stream) => stream.reset(),
            Self::Socket(Socket { fd, stop }) => {
                // An error means that it is no TCP socket, or broken already.
                let _ = set_socket_linger(fd, Some(Duration::ZERO));
                stop.now();
            }
        }
    }
}

impl Socket {
    fn write_all(&self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            if wait(&self.fd, PollFlags::OUT, &self.stop, None)? == Ready::Stopped {
                return Err(broken_off());
            }
            // What has no room now is not waited for in there, where nothing could stop it.
            match send(&self.fd, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(sent) => rest = &rest[sent..],
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn broken_off() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}
