//! The guest that asks.

use alloc::vec;
use core::time::Duration;

use argo_guest::io::Shutdown;
use argo_guest::stream::Stream;
use argo_guest::{Address, BindOptions, Datagram, Domain, DomainId, Port, RecvError, SendError};
use futures::future::join;

use super::{DATAGRAMS, FAREWELL, STREAM, STREAMS};
use crate::pipe::pattern;
use crate::{PATIENCE, Report};

/// Datagrams that go and come back.
const ROUNDS: u32 = 500;
/// Bytes through the stream: more than rings and buffers hold.
const TRAFFIC: u32 = 512 << 10;
/// A domain that there is not.
const NOBODY: u16 = 77;
/// More bytes than the server's ring has.
const LONG: usize = 256 << 10;
/// Between two looks for the server.
const NAP: Duration = Duration::from_millis(5);

/// Asks the server of that domain, then tells it that that is all.
pub fn ask(domain: &Domain, server: DomainId, report: &mut Report<'_>) {
    // For the server alone: it needs no more than to be allowed to talk to it.
    let socket = match Datagram::bind_blocking(domain, BindOptions::any_port().partner(server)) {
        Ok(socket) => socket,
        Err(error) => return report.broken("a ring for the server", error),
    };
    let at = |port| Address { domain: server, port };
    match find(&socket, at(DATAGRAMS)) {
        Ok(()) => questions(domain, &socket, server, report),
        Err(error) => report.broken("the server", error),
    }
    // Whatever went wrong, the server waits for it.
    let told = socket.blocking_for(PATIENCE).send_to(FAREWELL, at(DATAGRAMS));
    report.check("that is all", told.is_ok());
}

fn questions(domain: &Domain, socket: &Datagram, server: DomainId, report: &mut Report<'_>) {
    let at = |port| Address { domain: server, port };
    let came_back = (0..ROUNDS).take_while(|round| round_trip(socket, *round, at(DATAGRAMS)));
    report.equal("datagrams that came back", came_back.count() as u32, ROUNDS);
    refusals(socket, server, report);
    let bytes = domain.block_on_for(PATIENCE, stream(domain, at(STREAMS)));
    report.equal("bytes that came back", bytes.flatten(), Some(TRAFFIC));
}

fn find(socket: &Datagram, server: Address) -> Result<(), SendError> {
    reach(socket, b"anybody there?", server)?;
    let mut answer = [0; 64];
    let heard = socket.blocking_for(PATIENCE).recv(&mut answer);
    heard.map(|_| ()).map_err(|_| SendError::TimedOut { after: PATIENCE })
}

/// Sends as soon as there is somebody. He may be started later, or not have bound his socket yet.
pub(super) fn reach(socket: &Datagram, message: &[u8], to: Address) -> Result<(), SendError> {
    let mut naps = 0;
    loop {
        match socket.blocking_for(PATIENCE).send_to(message, to) {
            Ok(_) => return Ok(()),
            Err(SendError::ConnectionRefused { .. } | SendError::NoSuchDomain { .. })
                if NAP * naps < PATIENCE => {}
            Err(error) => return Err(error),
        }
        let _time_is_over = socket.blocking_for(NAP).recv(&mut []);
        naps += 1;
    }
}

fn round_trip(socket: &Datagram, round: u32, server: Address) -> bool {
    let mut question = *b"number 0000 in small letters";
    let mut answer = [0; 64];
    for (place, power) in (7..11).zip([1000, 100, 10, 1]) {
        let digit = (round / power % 10) as u8;
        question.get_mut(place).into_iter().for_each(|byte| *byte = b'0' + digit);
    }
    let asked = socket.blocking_for(PATIENCE).send_to(&question, server);
    let heard = socket.blocking_for(PATIENCE).recv_from(&mut answer);
    question.make_ascii_uppercase();
    let right =
        |(len, from): (usize, Address)| from == server && answer.get(..len) == Some(&question);
    asked.is_ok() && heard.is_ok_and(right)
}

/// What the hypervisor refuses, and says so.
fn refusals(socket: &Datagram, server: DomainId, report: &mut Report<'_>) {
    let nobody = Address { domain: server, port: Port(0x9999) };
    let sent = socket.blocking_for(PATIENCE).send_to(b"x", nobody);
    report.check("nobody at a port", matches!(sent, Err(SendError::ConnectionRefused { .. })));
    let absent = DomainId::new(NOBODY).map(|domain| Address { domain, port: DATAGRAMS });
    let sent = absent.map(|absent| socket.blocking_for(PATIENCE).send_to(b"x", absent));
    report.check("no such domain", matches!(sent, Some(Err(SendError::NoSuchDomain { .. }))));
    let there = Address { domain: server, port: DATAGRAMS };
    let sent = socket.blocking_for(PATIENCE).send_to(&vec![0; LONG], there);
    report.check("a message that never fits", matches!(sent, Err(SendError::TooBig { .. })));
    let silence = socket.blocking_for(NAP).recv(&mut [0; 64]);
    report.check("nothing more to read", matches!(silence, Err(RecvError::TimedOut { .. })));
}

/// Bytes that came back as they were sent.
async fn stream(domain: &Domain, server: Address) -> Option<u32> {
    let stream = Stream::connect_with(domain, server, &STREAM).await.ok()?;
    let (told, heard) = join(tell(&stream), hear(&stream)).await;
    told.and(heard)
}

async fn tell(stream: &Stream) -> Option<()> {
    let mut sent = 0;
    while sent < TRAFFIC {
        let piece: [u8; 1024] = core::array::from_fn(|at| pattern(sent + at as u32));
        write_all(stream, &piece).await?;
        sent += piece.len() as u32;
    }
    stream.shutdown(Shutdown::Write).await.ok()
}

pub(super) async fn write_all(stream: &Stream, mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        let written = stream.write(bytes).await.ok()?;
        bytes = bytes.get(written..)?;
    }
    Some(())
}

/// Until the server has ended its half, too.
async fn hear(stream: &Stream) -> Option<u32> {
    let (mut heard, mut buffer) = (0, [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.ok()?;
        let read = buffer.get(..read).unwrap_or_default();
        let right = |(at, byte): (usize, &u8)| *byte == pattern(heard + at as u32);
        if read.is_empty() || !read.iter().enumerate().all(right) {
            return Some(heard);
        }
        heard += read.len() as u32;
    }
}
