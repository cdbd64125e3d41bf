//! Two guests with a vchan between them, whose meeting both know beforehand.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use argo_core::DomainId;
use vchan::platform::Platform;
use vchan::{Channel, Client, ConnectError, Meeting, ReadError, Server};

use crate::Report;

/// Of each ring, at least. They do not fit the shared page: pages of their own are granted, too.
const RING: usize = 8 << 10;
/// What the client sends, and gets back: many times what the rings hold.
const TRAFFIC: u32 = 256 << 10;
const PATIENCE: Option<Duration> = Some(crate::PATIENCE);
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

/// Takes in all that the client sends before it sends any of it back: each of the two writes more than
/// the rings hold, and waits for room. How many bytes there were when the client has closed.
fn echo<P: Platform>(channel: &mut Channel<P>) -> Result<u32, &'static str> {
    let mut bytes = vec![0; TRAFFIC as usize];
    read_all(channel, &mut bytes)?;
    channel.write_all(&bytes, PATIENCE).map_err(|_| "a write failed")?;
    match channel.read(&mut [0], PATIENCE) {
        Err(ReadError::Closed) => Ok(TRAFFIC),
        Ok(_) => Err("more came"),
        Err(_) => Err("a read failed"),
    }
}

fn read_all<P: Platform>(channel: &mut Channel<P>, bytes: &mut [u8]) -> Result<(), &'static str> {
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        read += channel.read(rest, PATIENCE).map_err(|_| "a read failed")?;
    }
    Ok(())
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
    let sent: Vec<u8> = (0..TRAFFIC).map(pattern).collect();
    channel.write_all(&sent, PATIENCE).map_err(|_| "a write failed")?;
    let mut back = vec![0; sent.len()];
    read_all(channel, &mut back)?;
    if back == sent { Ok(TRAFFIC) } else { Err("other bytes came back") }
}

/// No byte follows from its neighbours, or from the place in a page.
pub(crate) fn pattern(at: u32) -> u8 {
    let [.., highest] = at.wrapping_mul(0x9E37_79B1).to_le_bytes();
    highest
}
