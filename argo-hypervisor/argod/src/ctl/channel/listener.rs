//! Where channels come from that somebody else opens.

use std::time::Duration;

use argo_guest::stream::seqpacket::SeqpacketListener;
use argo_guest::stream::{AcceptError, StreamListener};
use argo_guest::{Address, Datagram, Domain, DomainId, Port, RecvError};

use super::conversation::{Conversation, Others};
use super::{Channel, SocketType};
use crate::ctl::{Failure, bound};

/// Waits for connections.
pub(in super::super) enum Listener {
    Stream(StreamListener),
    Seqpacket(SeqpacketListener),
}

impl Listener {
    /// On this port, for everybody or one domain. `kind` has connections.
    pub(in super::super) fn bind(
        domain: &Domain,
        kind: SocketType,
        port: Port,
        partner: Option<DomainId>,
        rings: bound::Rings,
    ) -> Result<Self, Failure> {
        let how = rings.listen(port, partner);
        let bound = match kind {
            SocketType::Seqpacket => {
                SeqpacketListener::bind_blocking(domain, how).map(Self::Seqpacket)
            }
            SocketType::Stream | SocketType::Datagram => {
                StreamListener::bind_blocking(domain, how).map(Self::Stream)
            }
        };
        bound.map_err(|error| Failure::failed(bound::explain(&error)))
    }

    /// Waits for one.
    pub(in super::super) fn accept(
        &self,
        timeout: Option<Duration>,
    ) -> Result<Channel, AcceptError> {
        match self {
            Self::Stream(listener) => {
                listener.accept_blocking(timeout).map(|(stream, _)| Channel::Stream(stream))
            }
            Self::Seqpacket(listener) => {
                listener.accept_blocking(timeout).map(|(socket, _)| Channel::Seqpacket(socket))
            }
        }
    }

    /// Where it listens.
    pub(in super::super) fn local_addr(&self) -> Address {
        match self {
            Self::Stream(listener) => listener.local_addr(),
            Self::Seqpacket(listener) => listener.local_addr(),
        }
    }
}

/// Waits for the first datagram, with whose sender the conversation is then.
pub(in super::super) fn converse(
    socket: Datagram,
    others: Others,
    timeout: Option<Duration>,
) -> Result<Channel, RecvError> {
    let (_, peer) = bound::patient(&socket, timeout).peek_from(&mut [])?;
    Ok(Channel::Datagram(Conversation::begun(socket, peer, others)))
}
