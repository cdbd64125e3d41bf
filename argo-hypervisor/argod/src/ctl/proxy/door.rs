//! Where the connections of a proxy come in.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use argo_guest::stream::StreamListener;
use argo_guest::{Domain, DomainId, Port};
use rustix::io::Errno;

use super::endpoint::Endpoint;
use super::party::Party;
use super::socket_file::{self, SocketFile};
use crate::ctl::Failure;
use crate::ctl::bound::{Rings, explain};
use crate::ctl::complaint::Complaints;

/// How long to wait until there may be descriptors or memory again.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener.
pub(super) struct Door {
    name: String,
    listener: Listener,
}

enum Listener {
    Argo(StreamListener),
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Door {
    /// Listens there.
    pub(super) fn open(
        domain: &Domain,
        at: &Endpoint<Port>,
        from: Option<DomainId>,
        rings: Rings,
    ) -> Result<(Self, Option<SocketFile>), Failure> {
        let mut name = at.to_string();
        let mut socket_file = None;
        let listener = match at {
            Endpoint::Argo(port) => {
                let bound = StreamListener::bind_blocking(domain, rings.listen(*port, from));
                Listener::Argo(bound.map_err(|error| Failure::failed(explain(&error)))?)
            }
            Endpoint::Unix(path) => {
                let (listener, file) = socket_file::listen(path)?;
                socket_file = Some(file);
                Listener::Unix(listener)
            }
            Endpoint::Tcp(place) => {
                let failed = |error| Failure::failed(format!("{at}: {error}"));
                let listener = TcpListener::bind(place).map_err(failed)?;
                // The port that was chosen, where any would do.
                name = format!("tcp:{}", listener.local_addr().map_err(failed)?);
                Listener::Tcp(listener)
            }
        };
        Ok((Self { name, listener }, socket_file))
    }

    /// Where that is.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits for a connection; says where it comes from, too.
    ///
    /// # Errors
    /// No connection will come any more.
    pub(super) fn accept(&self, complaints: &Complaints) -> io::Result<(Party, String)> {
        loop {
            let error = match self.try_accept() {
                Ok(accepted) => return Ok(accepted),
                Err(error) => error,
            };
            match error.raw_os_error().map(Errno::from_raw_os_error) {
                // Gone before it was accepted.
                Some(Errno::CONNABORTED | Errno::INTR) => {}
                Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    complaints.say(&self.name, error);
                    thread::sleep(PAUSE);
                }
                _ => return Err(error),
            }
        }
    }

    fn try_accept(&self) -> io::Result<(Party, String)> {
        match &self.listener {
            Listener::Argo(listener) => {
                let (stream, peer) = listener.accept_blocking(None)?;
                Ok((Party::Argo(stream), format!("from {peer}")))
            }
            Listener::Unix(listener) => {
                let (socket, _) = listener.accept()?;
                Ok((Party::socket(socket.into())?, format!("from {}", self.name)))
            }
            Listener::Tcp(listener) => {
                let (socket, peer) = listener.accept()?;
                socket.set_nodelay(true)?;
                Ok((Party::socket(socket.into())?, format!("from {peer}")))
            }
        }
    }
}
