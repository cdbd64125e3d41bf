//! The calls of a stream's user, and what they give as a short text.

use std::io::{self, Read, Write};
use std::sync::Arc;

use argo_guest::Address;
use argo_guest::stream::{Stream, StreamListener, StreamOptions};

use super::driver::{Finished, NOT_READY, RULED_OUT, Settings, Socket};
use super::raw::PATIENCE;
use super::session::{self, address, patterned};
use super::trace::{Fields, number};
use super::waiting::poll_once;

/// The flag MSG_PEEK.
const PEEK: u32 = 0x2;

/// Where the call says it goes to, if that is an address.
pub fn destination(fields: &Fields) -> Option<Address> {
    address(fields.dst_dom, number(fields.dst_port.as_deref()?))
}

pub fn transfer(stream: &Arc<Stream>, op: &str, fields: &Fields, nonblocking: bool) -> String {
    let mut buffer = vec![0; fields.buf_len];
    match (op, nonblocking) {
        ("write" | "send", false) => written(stream.blocking_for(PATIENCE), fields.len),
        ("write" | "send", true) => match stream.try_write(&patterned(fields.len)) {
            Ok(written) => written.to_string(),
            Err(error) => kind(error),
        },
        ("recvfrom", _) if fields.flags() & PEEK != 0 => {
            bytes(stream.try_peek(&mut buffer), &buffer)
        }
        ("read", true) => bytes(stream.try_read(&mut buffer), &buffer),
        ("recvfrom", true) => match stream.try_read(&mut buffer) {
            Ok(len) => format!("{} from {}", bytes(Ok(len), &buffer), at(stream.peer_addr())),
            Err(error) => kind(error),
        },
        ("read", false) => bytes(stream.blocking_for(PATIENCE).read(&mut buffer), &buffer),
        ("getpeername", _) => at(stream.peer_addr()),
        _ => RULED_OUT.into(),
    }
}

fn written(mut stream: impl Write, len: usize) -> String {
    let written = stream.write_all(&patterned(len)).and_then(|()| stream.flush());
    written.map_or_else(kind, |()| len.to_string())
}

pub async fn writing(stream: Arc<Stream>, len: usize) -> Finished {
    match write_all(&stream, &patterned(len)).await {
        Ok(()) => len.to_string().into(),
        Err(error) => kind(error).into(),
    }
}

/// Writes as the driver does: until all of it lies in the peer's ring.
pub async fn write_all(stream: &Stream, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        written += stream.write(&bytes[written..]).await?;
    }
    stream.flush().await
}

/// Reads until the buffer is full, or to the end.
pub async fn read_all(stream: &Stream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]).await? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

pub async fn reading(stream: Arc<Stream>, len: usize) -> Finished {
    let mut buffer = vec![0; len];
    let read = stream.read(&mut buffer).await;
    bytes(read, &buffer).into()
}

pub async fn reading_all(stream: Arc<Stream>, len: usize) -> Finished {
    let mut buffer = vec![0; len];
    let read = read_all(&stream, &mut buffer).await;
    bytes(read, &buffer).into()
}

pub async fn accepting(listener: Arc<StreamListener>) -> Finished {
    match listener.accept().await {
        Ok((stream, _)) => {
            Finished { text: "fd".into(), made: Some(Socket::Stream(Arc::new(stream))) }
        }
        Err(error) => kind(error).into(),
    }
}

pub fn readiness(stream: &Stream) -> String {
    let ready = [
        ("IN", poll_once(&mut Box::pin(stream.readable())).is_some()),
        ("OUT", poll_once(&mut Box::pin(stream.writable())).is_some()),
    ];
    let names = ready.iter().filter(|(_, ready)| *ready).map(|(name, _)| *name);
    let ready: Vec<_> = names.collect();
    if ready.is_empty() { NOT_READY.into() } else { ready.join(" ") }
}

pub fn options(settings: Settings) -> StreamOptions {
    settings.ring_len.map_or_else(session::options, |len| session::options().ring_len(len))
}

pub fn at(address: Address) -> String {
    format!("{}:{:#x}", address.domain.raw(), address.port.0)
}

/// What was read, as far as the record shows it.
pub fn bytes(read: io::Result<usize>, buffer: &[u8]) -> String {
    match read {
        Ok(0) => "end".into(),
        Ok(len) => shown(len, &buffer[..len.min(8)]),
        Err(error) => kind(error),
    }
}

pub fn shown(len: usize, head: &[u8]) -> String {
    let head: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{len} {head}").trim_end().into()
}

pub fn kind(error: impl Into<io::Error>) -> String {
    format!("{:?}", error.into().kind())
}
