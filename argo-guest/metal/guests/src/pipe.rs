//! Two guests with a vchan between them, whose meeting both know beforehand.

use core::time::Duration;

use argo_core::DomainId;
use vchan::platform::Platform;
use vchan::{Channel, Client, ConnectError, Meeting, ReadError, Server};

use crate::Report;

/// Of each ring, at least. They do not fit the shared page: pages of their own are granted, too.
const RING: usize = 8 << 10;
/// What the client sends, and gets back.
const TRAFFIC: u32 = 256 << 10;
const PIECE: usize = 1000;
/// How long anything may take, at most: the machine may be an emulated one.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));
/// Looks for the server, with a nap after each.
const LOOKS: u32 = 2000;

/// Waits for the client and sends back what it sends, until it closes.
pub fn serve<P: Platform>(
    platform: &P,
    client: DomainId,
    told: impl FnOnce(Meeting),
    report: &mut Report<'_>,
) {
    let server = Server::new(client).minimums(RING, RING).map(|server| server.share(platform));
    let (mut channel, meeting) = match server {
        Ok(Ok(shared)) => shared,
        Ok(Err(error)) => return report.broken("pages for a vchan", error),
        Err(error) => return report.broken("pages for a vchan", error),
    };
    report.note(format_args!("page {}, port {}", meeting.page.0, meeting.port.0));
    told(meeting);
    report.check("a client", channel.accept(PATIENCE).is_ok());
    report.equal("bytes sent back", echo(&mut channel), Ok(TRAFFIC));
}

/// Until the client has closed; how many bytes there were.
fn echo<P: Platform>(channel: &mut Channel<P>) -> Result<u32, &'static str> {
    let (mut sent, mut buffer) = (0, [0; 4096]);
    loop {
        match channel.read(&mut buffer, PATIENCE) {
            Ok(len) => {
                let bytes = buffer.get(..len).unwrap_or_default();
                channel.write_all(bytes, PATIENCE).map_err(|_| "a write failed")?;
                sent += bytes.len() as u32;
            }
            Err(ReadError::Closed) => return Ok(sent),
            Err(_) => return Err("a read failed"),
        }
    }
}

/// Finds the server and has it send back what is sent. `nap` passes some time.
pub fn ask<P: Platform>(
    platform: &P,
    server: DomainId,
    meeting: Meeting,
    nap: impl Fn(),
    report: &mut Report<'_>,
) {
    let mut channel = match find(platform, server, meeting, nap) {
        Ok(channel) => channel,
        Err(error) => return report.broken("the server of a vchan", error),
    };
    report.check("the server of a vchan", true);
    report.equal("bytes that came back", traffic(&mut channel), Ok(TRAFFIC));
}

fn find<P: Platform>(
    platform: &P,
    server: DomainId,
    meeting: Meeting,
    nap: impl Fn(),
) -> Result<Channel<P>, ConnectError> {
    let mut looks = 1;
    loop {
        match Client::new(server).join(platform, meeting) {
            Err(ConnectError::ServerGone | ConnectError::Geometry(_)) if looks < LOOKS => {}
            other => return other,
        }
        nap();
        looks += 1;
    }
}

/// Bytes that came back as they were sent.
fn traffic<P: Platform>(channel: &mut Channel<P>) -> Result<u32, &'static str> {
    let (mut sent, mut heard) = (0, 0);
    while heard < TRAFFIC {
        let left = (TRAFFIC - sent).min(PIECE as u32) as usize;
        let piece: [u8; PIECE] = core::array::from_fn(|at| pattern(sent + at as u32));
        let piece = piece.get(..left).unwrap_or_default();
        channel.write_all(piece, PATIENCE).map_err(|_| "a write failed")?;
        sent += left as u32;
        let mut back = [0; PIECE];
        let back = back.get_mut(..left).unwrap_or_default();
        channel.recv(back, PATIENCE).map_err(|_| "a read failed")?;
        if back != piece {
            return Err("other bytes came back");
        }
        heard += left as u32;
    }
    Ok(heard)
}

/// No byte follows from its neighbours, or from the place in a page.
pub(crate) fn pattern(at: u32) -> u8 {
    let [.., highest] = at.wrapping_mul(0x9E37_79B1).to_le_bytes();
    highest
}
