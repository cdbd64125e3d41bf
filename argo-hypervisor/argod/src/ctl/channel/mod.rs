//! What two domains talk over, of whichever type: connections and conversations.

mod conversation;
mod idle;
mod listener;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use argo_guest::stream::Stream;
use argo_guest::stream::seqpacket::Seqpacket;
use argo_guest::{Address, Domain};
use clap::ValueEnum;

use super::{Failure, bound};
use conversation::Conversation;
pub(super) use conversation::Others;
pub(super) use idle::Idle;
pub(super) use listener::{Listener, converse};

/// Bytes that are carried at once.
pub(super) const BUFFER: usize = 64 * 1024;

/// The types of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SocketType {
    /// Connections that carry bytes.
    Stream,
    /// Single messages, without connections.
    Datagram,
    /// Connections that carry messages.
    Seqpacket,
}

/// One end of a connection, or a conversation by datagrams.
pub(super) enum Channel {
    Stream(Stream),
    Seqpacket(Seqpacket),
    Datagram(Conversation),
}

impl Channel {
    /// Connects.
    pub(super) fn connect(
        domain: &Domain,
        to: Address,
        kind: SocketType,
        options: bound::Rings,
    ) -> Result<Self, Failure> {
        let failed = |error| Failure::failed(bound::explain_connect(&error));
        match kind {
            SocketType::Stream => {
                let stream = Stream::connect_blocking_with(domain, to, &options.stream());
                stream.map(Self::Stream).map_err(failed)
            }
            SocketType::Seqpacket => {
                let socket = Seqpacket::connect_blocking_with(domain, to, &options.stream());
                socket.map(Self::Seqpacket).map_err(failed)
            }
            SocketType::Datagram => {
                let how = options.datagram(None).partner(to.domain);
                let socket = bound::bind(domain, how)?;
                Ok(Self::Datagram(Conversation::with(socket, to)))
            }
        }
    }

    /// The other end.
    pub(super) fn peer(&self) -> Address {
        match self {
            Self::Stream(stream) => stream.peer_addr(),
            Self::Seqpacket(socket) => socket.peer_addr(),
            Self::Datagram(conversation) => conversation.peer(),
        }
    }

    /// How many bytes are worth handing to [`send`](Self::send) at once.
    pub(super) fn piece(&self) -> usize {
        match self {
            Self::Stream(_) | Self::Datagram(_) => BUFFER,
            Self::Seqpacket(socket) => socket.max_message(),
        }
    }

    /// Sends the start of what is there, as one message if the type has messages; returns how many
    /// bytes that was.
    pub(super) fn send(&self, bytes: &[u8], timeout: Option<Duration>) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => match timeout {
                Some(timeout) => stream.blocking_for(timeout).write(bytes),
                None => stream.blocking().write(bytes),
            },
            Self::Seqpacket(socket) => {
                let message = &bytes[..bytes.len().min(socket.max_message())];
                match timeout {
                    Some(timeout) => socket.blocking_for(timeout).send(message)?,
                    None => socket.blocking().send(message)?,
                }
                Ok(message.len())
            }
            Self::Datagram(conversation) => conversation.send(bytes, timeout),
        }
    }

    /// Waits for bytes, or for one message; `None` is the end.
    pub(super) fn receive(
        &self,
        buffer: &mut Vec<u8>,
        timeout: Option<Duration>,
    ) -> io::Result<Option<()>> {
        match self {
            Self::Stream(stream) => {
                buffer.resize(BUFFER, 0);
                let len = match timeout {
                    Some(timeout) => stream.blocking_for(timeout).read(buffer)?,
                    None => stream.blocking().read(buffer)?,
                };
                buffer.truncate(len);
                Ok((len > 0).then_some(()))
            }
            Self::Seqpacket(socket) => {
                let message = match timeout {
                    Some(timeout) => socket.blocking_for(timeout).recv_bytes()?,
                    None => socket.blocking().recv_bytes()?,
                };
                Ok(message.map(|message| *buffer = message.into()))
            }
            Self::Datagram(conversation) => conversation.receive(buffer, timeout).map(Some),
        }
    }

    /// Tells the other end that nothing more comes, once everything has gone to it.
    pub(super) fn finish(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Stream(stream) => match timeout {
                Some(timeout) => stream.blocking_for(timeout).shutdown(Shutdown::Write),
                None => stream.blocking().shutdown(Shutdown::Write),
            },
            Self::Seqpacket(socket) => match timeout {
                Some(timeout) => socket.blocking_for(timeout).shutdown(Shutdown::Write),
                None => socket.blocking().shutdown(Shutdown::Write),
            },
            // Datagrams have no end.
            Self::Datagram(_) => Ok(()),
        }
    }

    /// Ends what other threads wait for here. What was sent before still arrives.
    pub(super) fn end(&self) {
        // Nothing is waited for; an error means that not all is delivered yet.
        let _ = match self {
            Self::Stream(stream) => stream.blocking_for(Duration::ZERO).shutdown(Shutdown::Both),
            Self::Seqpacket(socket) => socket.blocking_for(Duration::ZERO).shutdown(Shutdown::Both),
            Self::Datagram(conversation) => {
                conversation.end();
                Ok(())
            }
        };
    }
}
