//! The two kinds of sockets that talk, with one face.

use std::io;
use std::net::Shutdown;

use argo_guest::seqpacket::{Seqpacket, SeqpacketListener};
use argo_guest::stream::{
    AcceptError, ConnectError, ListenOptions, Stream, StreamListener, StreamOptions,
};
use argo_guest::{Address, BindError, Domain};

/// What a connection keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bytes,
    Messages,
}

pub enum Socket {
    Bytes(Stream),
    Messages(Seqpacket),
}

pub enum Listening {
    Bytes(StreamListener),
    Messages(SeqpacketListener),
}

impl Socket {
    pub async fn connect(
        kind: Kind,
        domain: &Domain,
        to: Address,
        options: &StreamOptions,
    ) -> Result<Self, ConnectError> {
        Ok(match kind {
            Kind::Bytes => Self::Bytes(Stream::connect_with(domain, to, options).await?),
            Kind::Messages => Self::Messages(Seqpacket::connect_with(domain, to, options).await?),
        })
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Bytes(_) => Kind::Bytes,
            Self::Messages(_) => Kind::Messages,
        }
    }

    pub fn local_addr(&self) -> Address {
        match self {
            Self::Bytes(stream) => stream.local_addr(),
            Self::Messages(socket) => socket.local_addr(),
        }
    }

    pub fn peer_addr(&self) -> Address {
        match self {
            Self::Bytes(stream) => stream.peer_addr(),
            Self::Messages(socket) => socket.peer_addr(),
        }
    }

    pub fn is_extended(&self) -> bool {
        match self {
            Self::Bytes(stream) => stream.is_extended(),
            Self::Messages(socket) => socket.is_extended(),
        }
    }

    /// The most that one write may have.
    pub fn write_max(&self) -> usize {
        match self {
            Self::Bytes(_) => usize::MAX,
            Self::Messages(socket) => socket.max_message(),
        }
    }

    /// Some of the bytes, or the whole message.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(stream) => stream.write(bytes).await,
            Self::Messages(socket) => socket.send(bytes).await.map(|()| bytes.len()),
        }
    }

    /// Some bytes, or a whole message whatever `most` is; none at the end.
    pub async fn read(&self, most: usize) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Bytes(stream) => {
                let mut bytes = vec![0; most];
                let len = stream.read(&mut bytes).await?;
                bytes.truncate(len);
                Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
            }
            Self::Messages(socket) => Ok(socket.recv_bytes().await?.map(Vec::from)),
        }
    }

    pub async fn flush(&self) -> io::Result<()> {
        match self {
            Self::Bytes(stream) => stream.flush().await,
            Self::Messages(socket) => socket.flush().await,
        }
    }

    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Bytes(stream) => stream.shutdown(how).await,
            Self::Messages(socket) => socket.shutdown(how).await,
        }
    }
}

impl Listening {
    pub async fn bind(kind: Kind, domain: &Domain, how: ListenOptions) -> Result<Self, BindError> {
        Ok(match kind {
            Kind::Bytes => Self::Bytes(StreamListener::bind(domain, how).await?),
            Kind::Messages => Self::Messages(SeqpacketListener::bind(domain, how).await?),
        })
    }

    pub fn local_addr(&self) -> Address {
        match self {
            Self::Bytes(listener) => listener.local_addr(),
            Self::Messages(listener) => listener.local_addr(),
        }
    }

    pub async fn accept(&self) -> Result<(Socket, Address), AcceptError> {
        Ok(match self {
            Self::Bytes(listener) => {
                let (stream, from) = listener.accept().await?;
                (Socket::Bytes(stream), from)
            }
            Self::Messages(listener) => {
                let (socket, from) = listener.accept().await?;
                (Socket::Messages(socket), from)
            }
        })
    }
}
