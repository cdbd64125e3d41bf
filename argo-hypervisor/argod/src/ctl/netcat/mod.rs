//! `argoctl listen` and `argoctl connect`: netcat for Argo.

mod carry;
mod connect;
mod listen;
mod local;

use std::io;
use std::time::Duration;

use argo_guest::Domain;
use clap::Args;

use super::bound::Rings;
use super::channel::{Channel, Idle, SocketType};
use super::progress::Progress;
use super::sockets::Acting;
use super::values;
use carry::{Carrier, CarryError};
pub(super) use connect::Connect;
pub(super) use listen::Listen;
use local::ServeError;

/// What both have.
#[derive(Args)]
struct Options {
    /// What to talk over.
    ///
    /// With messages (datagram, seqpacket) one read of the input is one message, cut to the longest
    /// that the other end takes (datagrams: 64 KiB at most), and each message is written out as it
    /// comes, with nothing between.
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value = "stream")]
    kind: SocketType,
    /// Give the connection to this shell command as standard input and output.
    ///
    /// The connection ends when the command does. In its environment ARGO_PEER is DOMAIN:PORT of
    /// the other end.
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// How long to wait for the connection, and how long it may be silent, such as 500ms.
    ///
    /// Silent means that nothing goes either way; it is a failure, but the end of datagrams, which
    /// have no other. Default: connecting takes 5s at most, silence may last for ever.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    timeout: Option<Duration>,
    /// Bytes of the ring that receives, such as 64KiB.
    ///
    /// A multiple of 16; connections take 32800 at least. Default: 1 MiB, datagrams 128 KiB.
    #[arg(long, value_name = "BYTES", value_parser = values::ring_len)]
    ring_len: Option<u32>,
    #[command(flatten)]
    progress: Progress,
    #[command(flatten)]
    acting: Acting,
}

impl Options {
    fn rings(&self) -> Rings {
        Rings { len: self.ring_len, connect_timeout: self.timeout }
    }

    /// Uses a channel until its end.
    fn talk(&self, channel: &Channel, progress: Progress) -> Result<(), ServeError> {
        let idle = Idle::new(self.timeout);
        let meter = progress.meter();
        let carrier = Carrier { channel, idle: &idle, meter: &meter };
        match &self.exec {
            Some(command) => local::serve(carrier, command),
            None => Ok(local::stdio(carrier)?),
        }
    }
}

/// Whether it ended since nobody reads our output any more: they have read enough.
fn is_unread(error: &ServeError, domain: &Domain) -> bool {
    match error {
        ServeError::Carry(CarryError::Output(error)) => {
            error.kind() == io::ErrorKind::BrokenPipe && !domain.is_gone()
        }
        _ => false,
    }
}
