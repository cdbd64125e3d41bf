//! What the record says, in the words in which our library's outcomes are told.

use super::driver::{Driver, IN_PROGRESS, NOT_READY, STILL_WAITING};
use super::stream_calls::shown;
use super::trace::{Call, Fields, Message};

/// The driver's errors, and the kind of ours. Others are answers to calls that ours does not have.
const KINDS: &[(&str, &str)] = &[
    ("EADDRINUSE", "AddrInUse"),
    ("EAGAIN", "WouldBlock"),
    ("ECONNREFUSED", "ConnectionRefused"),
    ("EINPROGRESS", IN_PROGRESS),
    ("EINTR", STILL_WAITING),
    ("EINVAL", "InvalidInput"),
    ("EMSGSIZE", "InvalidInput"),
    ("ENOTCONN", "NotConnected"),
    ("EPIPE", "BrokenPipe"),
    ("ESRCH", "HostUnreachable"),
];

/// The flags of a stream message.
pub fn flags(flags: u32) -> String {
    match flags {
        0 => "data".into(),
        1 => "SYN".into(),
        2 => "ACK".into(),
        4 => "RST".into(),
        other => format!("{other:#x}"),
    }
}

/// What the raw peer's sendv returned.
pub fn result(message: &Message) -> String {
    message.xen_result.unwrap_or(message.len.into()).to_string()
}

pub fn answer(flags: u32, max_message: u32) -> String {
    format!("{flags:#x} {max_message}")
}

pub fn raw_call(call: &Call) -> String {
    let fields = &call.fields;
    match call.op.as_str() {
        "notify" => answer(fields.flags(), fields.max_message_size),
        "recv_nothing" => "nothing".into(),
        "virq_argo_pending_read_and_clear" => fields.was.to_string(),
        _ => fields.rc.to_string(),
    }
}

pub fn driver_call(call: &Call) -> String {
    let fields = &call.fields;
    if call.op.ends_with("_begins") || call.op.ends_with("_still_blocked") {
        return STILL_WAITING.into();
    }
    if let Some(errno) = &fields.errno {
        let kind = KINDS.iter().find(|(name, _)| name == errno);
        return kind.map_or_else(|| errno.clone(), |(_, kind)| (*kind).into());
    }
    match call.op.as_str() {
        "poll" => match fields.revents.as_deref().unwrap_or("").trim() {
            "" => NOT_READY.into(),
            events => events.into(),
        },
        "getsockname" => fields.port.clone().unwrap_or_default(),
        "getpeername" => peer(fields.dom, fields.port.as_deref()),
        "accept" => peer(fields.peer_dom, fields.peer_port.as_deref()),
        "accept_returns" => "fd".into(),
        "recvfrom" => received_from(fields),
        "read" | "read_returns" | "recv_waitall_returns" | "recvfrom_returns" => read(fields),
        _ => fields.ret().unwrap_or(0).to_string(),
    }
}

fn read(fields: &Fields) -> String {
    match fields.ret() {
        Some(0) => "end".into(),
        Some(len) => format!("{len} {}", fields.head.as_deref().unwrap_or("")),
        None => "?".into(),
    }
}

/// What a datagram socket received. Streams never show a source.
fn received_from(fields: &Fields) -> String {
    let len = fields.ret().unwrap_or(0) as usize;
    let copied = len.min(fields.buf_len).min(8);
    let head = &fields.buf16.as_deref().unwrap_or("")[..copied * 2];
    let bytes: Vec<u8> = (0..copied).map(|at| byte(head, at)).collect();
    let from = peer(fields.src_dom, fields.src_port.as_deref());
    format!("{} from {from}", shown(len, &bytes))
}

fn byte(hex: &str, at: usize) -> u8 {
    u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()
}

fn peer(domain: u16, port: Option<&str>) -> String {
    format!("{domain}:{}", port.unwrap_or("-"))
}

/// Whether the record's outcome of a call that ours cannot make is nothing that could be missed:
/// an error, or an answer about a socket that in ours is not made, or not any more.
pub fn may_be_ruled_out(call: &Call, driver: &Driver) -> bool {
    let Fields { sock, errno, .. } = &call.fields;
    let has = driver.has(sock);
    errno.is_some()
        || match call.op.as_str() {
            // Connect itself says why it failed.
            "getconnecterr" => true,
            // Connecting again to the same address.
            "connect" => has,
            "getsockname" | "getpeername" => !has,
            "poll" => !has || driver.listens(sock),
            _ => false,
        }
}
