//! Messages, taken apart and put together.

use alloc::vec::Vec;
use argo_core::xenstore::{Header, Kind, PAYLOAD_MAX};
use zerocopy::{FromBytes, IntoBytes};

use super::refusal::Refusal;

/// A message of a domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) header: Header,
    pub(super) payload: Payload<'a>,
}

/// What follows a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload<'a>(pub(super) &'a [u8]);

impl<'a> Message<'a> {
    /// Takes a message apart; if it is none, the header that its answer begins with is told.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, (Header, Refusal)> {
        let Ok((header, payload)) = Header::read_from_prefix(bytes) else {
            return Err((Header { kind: 0, request: 0, transaction: 0, len: 0 }, Refusal::Invalid));
        };
        if payload.len() > PAYLOAD_MAX {
            return Err((header, Refusal::TooBig));
        }
        if header.len as usize != payload.len() {
            return Err((header, Refusal::Invalid));
        }
        Ok(Self { header, payload: Payload(payload) })
    }
}

impl<'a> Payload<'a> {
    /// The only string in it.
    pub(super) fn only(self) -> Result<&'a [u8], Refusal> {
        match self.first()? {
            (string, []) => Ok(string),
            _ => Err(Refusal::Invalid),
        }
    }

    /// The two strings in it, of which the second may lack the zero at its end.
    pub(super) fn two(self) -> Result<(&'a [u8], &'a [u8]), Refusal> {
        let (first, rest) = self.first()?;
        let second = rest.strip_suffix(b"\0").unwrap_or(rest);
        if rest.is_empty() || second.contains(&0) {
            return Err(Refusal::Invalid);
        }
        Ok((first, second))
    }

    /// The first string, and what follows.
    pub(super) fn first(self) -> Result<(&'a [u8], &'a [u8]), Refusal> {
        let mut strings = self.0.splitn(2, |byte| *byte == 0);
        match (strings.next(), strings.next()) {
            (Some(first), Some(rest)) => Ok((first, rest)),
            _ => Err(Refusal::Invalid),
        }
    }

    /// All strings in it.
    pub(super) fn all(self) -> Result<Vec<&'a [u8]>, Refusal> {
        let strings = self.0.strip_suffix(b"\0").ok_or(Refusal::Invalid)?;
        Ok(strings.split(|byte| *byte == 0).collect())
    }
}

/// An answer, or an event.
pub(super) fn compose(kind: Kind, request: u32, transaction: u32, payload: &[u8]) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation, reason = "payloads are far shorter than 4 GiB")]
    let header = Header { kind: kind as u32, request, transaction, len: payload.len() as u32 };
    [header.as_bytes(), payload].concat()
}

/// The answer to the message with this header, if it is refused.
pub(super) fn refuse(header: Header, refusal: Refusal) -> Vec<u8> {
    let name = alloc::format!("{refusal}\0");
    compose(Kind::Error, header.request, header.transaction, name.as_bytes())
}
