//! Messages to the store, and its replies.

use argo_core::xenstore::{Header, Kind, PAYLOAD_MAX};
use xen_abi::Errno;
use zerocopy::{FromBytes, IntoBytes};

/// A message with these parts one after the other.
pub(crate) fn compose(kind: Kind, transaction: u32, parts: &[&[u8]]) -> Result<Vec<u8>, Errno> {
    let payload = parts.concat();
    if payload.len() > PAYLOAD_MAX {
        return Err(Errno(libc::E2BIG));
    }
    let len = payload.len() as u32;
    let header = Header { kind: kind as u32, request: 0, transaction, len };
    Ok([header.as_bytes(), &payload].concat())
}

/// What follows the header of the reply to a message of this kind.
pub(crate) fn answer(kind: Kind, reply: &[u8]) -> Result<Vec<u8>, Errno> {
    match split(reply)? {
        (answered, payload) if answered == kind as u32 => Ok(payload.to_vec()),
        (answered, payload) if answered == Kind::Error as u32 => {
            Err(Errno::from_name(payload.strip_suffix(b"\0").unwrap_or(payload)))
        }
        _ => Err(Errno(libc::EBADF)),
    }
}

/// The path and the token that an event tells.
pub(crate) fn event(message: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Errno> {
    let (_, payload) = split(message)?;
    match strings(payload)[..] {
        [path, token, ..] => Ok((path.to_vec(), token.to_vec())),
        _ => Err(Errno(libc::EIO)),
    }
}

/// The strings in a payload, each of which ends with a zero.
pub(crate) fn strings(payload: &[u8]) -> Vec<&[u8]> {
    let Some(strings) = payload.strip_suffix(b"\0") else { return Vec::new() };
    strings.split(|byte| *byte == 0).collect()
}

fn split(message: &[u8]) -> Result<(u32, &[u8]), Errno> {
    let (header, payload) = Header::read_from_prefix(message).map_err(|_| Errno(libc::EIO))?;
    Ok((header.kind, payload))
}
