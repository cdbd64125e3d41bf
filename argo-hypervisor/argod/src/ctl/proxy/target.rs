//! Where the connections of a proxy go to.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use argo_guest::stream::{Stream, StreamOptions};
use argo_guest::{Address, Domain};

use super::endpoint::Endpoint;
use super::party::Party;
use super::relay::RelayError;
use crate::ctl::bound::{Rings, explain_connect};

/// How long a connection by TCP may take to come about, for each address of the host.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes connections to one place.
pub(super) struct Target {
    domain: Domain,
    to: Endpoint<Address>,
    options: StreamOptions,
}

impl Target {
    /// To there.
    pub(super) fn new(domain: &Domain, to: Endpoint<Address>, rings: Rings) -> Self {
        Self { domain: domain.clone(), to, options: rings.stream() }
    }

    /// Makes one.
    pub(super) fn connect(&self) -> Result<Party, RelayError> {
        let failed = |error| RelayError::Connect { to: self.to.to_string(), error };
        match &self.to {
            Endpoint::Argo(to) => {
                let stream = Stream::connect_blocking_with(&self.domain, *to, &self.options);
                stream.map(Party::Argo).map_err(|error| failed(explain_connect(&error)))
            }
            Endpoint::Unix(path) => {
                let socket =
                    UnixStream::connect(path).and_then(|socket| Party::socket(socket.into()));
                socket.map_err(|error| failed(error.to_string()))
            }
            Endpoint::Tcp(place) => {
                let socket = connect_tcp(place).and_then(|socket| Party::socket(socket.into()));
                socket.map_err(|error| failed(error.to_string()))
            }
        }
    }
}

fn connect_tcp(place: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
