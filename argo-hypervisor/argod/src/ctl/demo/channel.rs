//! The vchan of the demo: the server's end and the client's.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vchan::host::Host;
use vchan::{Channel, Client, ReadError, Server};

use super::Mishap;
use super::client::PATIENCE;
use super::line::Line;
use super::stage::{CLIENT, SERVER, id};

/// Where it is.
const PORT: u32 = 1;
/// Bytes that the client writes.
const TOTAL: usize = 256 << 20;
/// Bytes in one write.
const CHUNK: usize = 64 << 10;
/// Bytes of the ring that the server reads, at least.
const RING: usize = 1 << 20;
/// What the server writes last.
pub(super) const LAST_WORDS: &str = "goodbye";

/// What the client says of its writing.
#[derive(Serialize, Deserialize)]
pub(super) struct Moved {
    pub(super) bytes: usize,
    pub(super) took: Duration,
    /// The server read exactly what was written.
    pub(super) whole: bool,
}

/// What the client found after the server was killed.
#[derive(Serialize, Deserialize)]
pub(super) struct Ending {
    /// What it could still read.
    pub(super) left: String,
    /// How the channel answered then.
    pub(super) then: String,
    /// Whether that was "closed".
    pub(super) closed: bool,
}

/// Serves one client, and stays until it is killed.
pub(super) fn serve(socket: &Path, line: &mut Line) -> Result<(), Mishap> {
    let host = Host::attach(socket)?;
    let server = Server::new(id(CLIENT)?).minimums(RING, CHUNK)?;
    let mut channel = server.listen(&host, PORT)?;
    line.say(&Ok::<_, String>(()))?;
    let (mut buffer, mut whole) = ([0; CHUNK], true);
    for number in 0..TOTAL / CHUNK {
        channel.recv(&mut buffer, Some(PATIENCE))?;
        whole &= buffer == chunk(number);
    }
    channel.send(&[whole.into()], Some(PATIENCE))?;
    channel.send(LAST_WORDS.as_bytes(), Some(PATIENCE))?;
    line.say(&Ok::<_, String>(()))?;
    // Until we are killed.
    line.hear::<()>()?;
    Ok(())
}

/// The client's end.
pub(super) struct Visit(Channel<Host>);

impl Visit {
    pub(super) fn begin(socket: &Path) -> Result<Self, Mishap> {
        let host = Host::attach(socket)?;
        Ok(Self(Client::new(id(SERVER)?).connect(&host, PORT)?))
    }

    /// Writes, and hears what the server has read.
    pub(super) fn write(&mut self) -> Result<Moved, Mishap> {
        let begun = Instant::now();
        for number in 0..TOTAL / CHUNK {
            self.0.write_all(&chunk(number), Some(PATIENCE))?;
        }
        let mut answer = [0];
        self.0.recv(&mut answer, Some(PATIENCE))?;
        Ok(Moved { bytes: TOTAL, took: begun.elapsed(), whole: answer == [1] })
    }

    /// Reads what a server left that is no more.
    pub(super) fn end(mut self) -> Result<Ending, Mishap> {
        let mut left = Vec::new();
        let mut buffer = [0; CHUNK];
        loop {
            match self.0.read(&mut buffer, Some(PATIENCE)) {
                Ok(read) => left.extend_from_slice(&buffer[..read]),
                Err(error) => {
                    let left = String::from_utf8_lossy(&left).into_owned();
                    let closed = error == ReadError::Closed;
                    return Ok(Ending { left, then: error.to_string(), closed });
                }
            }
        }
    }
}

/// What the client writes first, second, and so on.
fn chunk(number: usize) -> [u8; CHUNK] {
    [number as u8; CHUNK]
}
