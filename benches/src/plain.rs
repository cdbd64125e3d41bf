//! Streams of bytes without frames, whatever carries them, and the relay that one would write.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use argo_core::{DomainId, Port};
use argo_guest::stream::{Stream, StreamListener};
use argo_guest::{Address, Domain};

use crate::party::{End, RECEIVER};
use crate::payload;
use crate::way::{Failure, Receiver, Sender};

/// Bytes that the receiver takes from a stream at once, at most.
const READ: usize = 256 << 10;
/// Where the receiver accepts Argo streams.
const PORT: Port = Port(8);
/// Bytes that the relay takes at once: what `std::io::copy` and the like do at most.
const RELAYED: usize = 64 << 10;

/// Writes of one length, one behind the other; reads as large as they come.
pub struct Plain<S> {
    stream: S,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl<S> Plain<S> {
    /// On this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, message: Vec::new(), buffer: vec![0; READ] }
    }
}

impl<S: Write> Sender for Plain<S> {
    fn send(&mut self, len: usize, count: u64) -> Result<(), Failure> {
        self.message.resize(len, 0);
        for number in 0..count {
            payload::write(&mut self.message, number);
            self.stream.write_all(&self.message)?;
        }
        Ok(self.stream.flush()?)
    }
}

impl<S: Read> Receiver for Plain<S> {
    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure> {
        let mut missing = len as u64 * count;
        let (mut total, mut kept) = (0u64, 0);
        while missing > 0 {
            let room = READ.min(kept + usize::try_from(missing).unwrap_or(READ));
            let read = self.stream.read(&mut self.buffer[kept..room])?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            missing -= read as u64;
            let filled = kept + read;
            let whole = filled - filled % size_of::<u64>();
            total = total.wrapping_add(payload::sum(&self.buffer[..whole]));
            self.buffer.copy_within(whole..filled, 0);
            kept = filled - whole;
        }
        Ok(total)
    }
}

/// An Argo stream whose calls block.
pub struct ArgoStream(Stream);

impl Read for ArgoStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.blocking().read(bytes)
    }
}

impl Write for ArgoStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.blocking().flush()
    }
}

/// Listens for an Argo stream, if this end is the one that accepts.
///
/// # Errors
/// The port cannot be bound.
pub fn listen(end: End, domain: &Domain) -> Result<Option<StreamListener>, Failure> {
    match end {
        End::Receiver => Ok(Some(StreamListener::bind_blocking(domain, PORT)?)),
        End::Sender => Ok(None),
    }
}

/// The Argo stream between the two ends: accepted from the listener if there is one.
///
/// # Errors
/// The other end is not there.
pub fn argo(domain: &Domain, listener: Option<StreamListener>) -> Result<ArgoStream, Failure> {
    let stream = match listener {
        Some(listener) => listener.accept_blocking(None)?.0,
        None => {
            let receiver = DomainId::new(RECEIVER).ok_or("bad id")?;
            Stream::connect_blocking(domain, Address::new(receiver, PORT))?
        }
    };
    Ok(ArgoStream(stream))
}

/// The relay's socket for this end.
fn relay_socket(end: End, dir: &Path) -> std::path::PathBuf {
    dir.join(format!("relay-{}.sock", end.name()))
}

/// This end's connection to the relay.
///
/// # Errors
/// The relay is not there.
pub fn relayed(end: End, dir: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(relay_socket(end, dir))
}

/// The relay's life: what the sender writes goes to the receiver. Its sockets are in `dir`; it
/// calls `ready` when they can be connected to.
///
/// # Errors
/// A socket broke.
pub fn relay(dir: &Path, ready: impl FnOnce()) -> io::Result<()> {
    let from = UnixListener::bind(relay_socket(End::Sender, dir))?;
    let to = UnixListener::bind(relay_socket(End::Receiver, dir))?;
    ready();
    let (mut from, mut to) = (from.accept()?.0, to.accept()?.0);
    let mut bytes = vec![0; RELAYED];
    loop {
        let read = from.read(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&bytes[..read])?;
    }
}
