//! Metrics for Prometheus: a small HTTP server, a thread a connection, a few at a time.

mod families;
mod http;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{Shutdown, SocketFlags, SocketType, shutdown};

use super::arrivals::{NoRoom, accept};
use super::doors::Doors;
use super::host::Host;
use super::listener::{ListenError, listen_at};
use super::made_path::MadePath;
use super::seats::{Seat, Seats};
use super::stat::stat;
use crate::config::Metrics;
use http::{Answer, HEAD_MAX, Status};

/// Connections at a time; more wait until it is their turn.
const CONNECTIONS_MAX: usize = 4;
/// How long a connection may last.
const PATIENCE: Duration = Duration::from_secs(5);

/// Accepts who reads metrics.
pub struct MetricsServer {
    /// None of a TCP port. Before the listener: dropped in this order.
    _path: Option<MadePath>,
    listener: Arc<OwnedFd>,
    seats: Arc<Seats>,
}

/// A seat that is taken; when it is left, the next connection may come.
struct Turn {
    seat: Option<Seat>,
    /// The server may have ended meanwhile.
    listener: Weak<OwnedFd>,
    host: Arc<Host>,
}

/// A connection, and when it ends at the latest.
struct Connection {
    stream: File,
    deadline: Instant,
}

impl MetricsServer {
    /// A server there.
    ///
    /// # Errors
    /// Nobody can listen there.
    pub fn open(at: &Metrics, doors: &Arc<Doors>) -> Result<Self, ListenError> {
        let (_path, listener) = match at {
            Metrics::Socket(socket) => {
                let listener = doors.make(socket, SocketType::STREAM)?;
                (Some(MadePath::new(socket.path.clone(), doors.clone())), listener)
            }
            Metrics::Listen(address) => (None, listen_at(*address)?),
        };
        Ok(Self { _path, listener: Arc::new(listener), seats: Seats::new(CONNECTIONS_MAX) })
    }

    /// The socket.
    pub fn listener(&self) -> &OwnedFd {
        &self.listener
    }

    /// Accepts one connection, if there is one and a seat for it. Without a seat the others wait
    /// where the system keeps them, until one is left.
    ///
    /// # Errors
    /// It has to wait.
    pub fn accept(&self, host: &Arc<Host>) -> Result<(), NoRoom> {
        let Some(seat) = self.seats.take() else { return Ok(()) };
        let accepted = accept(&*self.listener, SocketFlags::empty())?;
        let listener = Arc::downgrade(&self.listener);
        let turn = Turn { seat: Some(seat), listener, host: host.clone() };
        let Some(socket) = accepted else { return Ok(()) };
        let serve = move || turn.serve(socket);
        if let Err(error) = std::thread::Builder::new().name("metrics".into()).spawn(serve) {
            tracing::error!(%error, "no thread for metrics");
        }
        if self.seats.taken() < self.seats.limit() {
            host.reception().listen_metrics_again(&*self.listener);
        }
        Ok(())
    }
}

impl Turn {
    fn serve(self, socket: OwnedFd) {
        if let Err(error) = Connection::new(socket).serve(&self.host) {
            tracing::debug!(%error, "no metrics sent");
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Before the next look, which would find it taken.
        drop(self.seat.take());
        if let Some(listener) = self.listener.upgrade() {
            self.host.reception().listen_metrics_again(&*listener);
        }
    }
}

impl Connection {
    fn new(socket: OwnedFd) -> Self {
        Self { stream: socket.into(), deadline: Instant::now() + PATIENCE }
    }

    fn serve(mut self, host: &Host) -> io::Result<()> {
        let answer = match self.read_status()? {
            None => return Ok(()),
            Some(Status::Ok) => Answer::metrics(families::encode(stat(host))),
            Some(refused) => Answer::refusal(refused),
        };
        self.write(&answer.into_bytes())?;
        self.leave()
    }

    /// What the request deserves; `None` if there is none.
    fn read_status(&mut self) -> io::Result<Option<Status>> {
        let mut head = Vec::with_capacity(HEAD_MAX);
        let mut piece = [0; 1024];
        loop {
            let room = piece.len().min(HEAD_MAX - head.len());
            let read = self.read(&mut piece[..room])?;
            head.extend_from_slice(&piece[..read]);
            match http::judge(&head) {
                Some(status) => return Ok(Some(status)),
                None if read == 0 => return Ok(None),
                None => {}
            }
        }
    }

    /// Says that this was all, and waits until the other side has seen it: closing with something
    /// unread would take back what was sent.
    fn leave(mut self) -> io::Result<()> {
        shutdown(&self.stream, Shutdown::Write)?;
        while self.read(&mut [0; 1024])? > 0 {}
        Ok(())
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        set_socket_timeout(&self.stream, Timeout::Recv, Some(self.time_left()?))?;
        self.stream.read(bytes)
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            set_socket_timeout(&self.stream, Timeout::Send, Some(self.time_left()?))?;
            let written = self.stream.write(bytes)?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn time_left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}
