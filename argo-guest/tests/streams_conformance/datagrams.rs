//! The driver's datagram sockets, by ours.

use std::sync::Arc;

use argo_core::{Partner, Port};
use argo_guest::{Address, BindError, BindOptions, Datagram, Domain};

use super::driver::{RULED_OUT, Settings, Waiting};
use super::raw::PATIENCE;
use super::session::{RING_LEN, patterned};
use super::stream_calls::{at, destination, kind, shown};
use super::trace::Fields;
use super::waiting::poll_once;

const PEEK: u32 = 0x2;
const TRUNCATE: u32 = 0x20;

/// Whether the record's socket of this name is one for datagrams. It does not say which kind "rs" is.
pub fn is_datagram(sock: &str) -> bool {
    sock.starts_with('g') || sock == "dg" || sock == "rs"
}

pub fn bind(domain: &Domain, settings: Settings) -> Result<Arc<Datagram>, BindError> {
    let how = match settings.bound {
        Some((Port(0), _)) | None => BindOptions::any_port(),
        Some((port, _)) => BindOptions::port(port),
    };
    let how = how.ring_len(settings.ring_len.unwrap_or(RING_LEN));
    let how = match settings.bound {
        Some((_, Partner::Domain(partner))) => how.partner(partner),
        _ => how,
    };
    Datagram::bind_blocking(domain, how).map(Arc::new)
}

pub fn call(socket: &Datagram, op: &str, fields: &Fields, nonblocking: bool) -> String {
    match op {
        "sendto" => match destination(fields) {
            Some(to) => send(socket, fields, to, nonblocking),
            None => RULED_OUT.into(),
        },
        "write" => match socket.peer_addr() {
            Some(peer) => send(socket, fields, peer, nonblocking),
            None => socket.try_send(&patterned(fields.len)).map_or_else(kind, |n| n.to_string()),
        },
        "recvfrom" => receive(socket, fields, nonblocking),
        "read" => {
            let received = receive(socket, fields, nonblocking);
            received.split(" from").take(1).collect()
        }
        "getpeername" => socket.peer_addr().map_or_else(|| "NotConnected".into(), at),
        _ => RULED_OUT.into(),
    }
}

fn send(socket: &Datagram, fields: &Fields, to: Address, nonblocking: bool) -> String {
    let message = patterned(fields.len);
    let sent = match nonblocking {
        true => socket.try_send_to(&message, to),
        false => socket.blocking_for(PATIENCE).send_to(&message, to),
    };
    sent.map_or_else(kind, |len| len.to_string())
}

fn receive(socket: &Datagram, fields: &Fields, nonblocking: bool) -> String {
    let received = match nonblocking {
        true => socket.try_receive(),
        false => socket.blocking_for(PATIENCE).receive(),
    };
    let message = match received {
        Ok(message) => message,
        Err(error) => return kind(error),
    };
    let mut buffer = vec![0; fields.buf_len.max(fields.len)];
    let copied = message.copy_to(&mut buffer);
    let len = if fields.flags() & TRUNCATE == 0 { copied } else { message.len() };
    let from = at(message.source());
    if fields.flags() & PEEK != 0 {
        message.keep();
    }
    format!("{} from {from}", shown(len, &buffer[..copied.min(8)]))
}

pub fn receiving(socket: Arc<Datagram>, fields: &Fields) -> Waiting {
    let mut buffer = vec![0; fields.len];
    Waiting::new(async move {
        let received = socket.recv(&mut buffer).await;
        received.map_or_else(kind, |len| shown(len, &buffer[..len.min(8)])).into()
    })
}

pub fn sending(socket: Arc<Datagram>, fields: &Fields) -> Waiting {
    let (message, to) = (patterned(fields.len), destination(fields).unwrap());
    Waiting::new(async move {
        socket.send_to(&message, to).await.map_or_else(kind, |len| len.to_string()).into()
    })
}

/// Sending never waits for readiness, as with the driver.
pub fn readiness(socket: &Datagram) -> String {
    match poll_once(&mut Box::pin(socket.readable())) {
        Some(Ok(())) => "IN OUT".into(),
        Some(Err(error)) => kind(error),
        None => "OUT".into(),
    }
}
