//! `argoctl vchan`: netcat for vchans, and a proxy between a vchan and a Unix socket.

mod carry;
mod connect;
mod listen;
mod local;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use vchan::Address;
use vchan::host::Host;

use super::progress::Progress;
use super::sockets::Acting;
use super::{Failure, values};
use carry::{AtEnd, CarryError, carry};
use local::Local;

/// Bytes over a vchan, as programs that use libxenvchan have it.
///
/// The other end may be a program of libxenvchan's, or argoctl.
#[derive(Args)]
pub(super) struct Vchan {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Listen(listen::Listen),
    Connect(connect::Connect),
}

/// What both have.
#[derive(Args)]
struct Options {
    /// Close the vchan when standard input has ended and is sent.
    ///
    /// A vchan cannot be closed one way only, so what the other end would still send is lost.
    /// Default: stay until the other end closes.
    #[arg(long, conflicts_with = "proxy")]
    close: bool,
    #[command(flatten)]
    progress: Progress,
    #[command(flatten)]
    acting: Acting,
}

impl Vchan {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Listen(listen) => listen.run(),
            Command::Connect(connect) => connect.run(),
        }
    }
}

impl Options {
    /// Standard input and output talk over a vchan, until its end.
    fn talk(&self, channel: vchan::Channel<Host>) -> Result<ExitCode, Failure> {
        let at_end = if self.close { AtEnd::Close } else { AtEnd::Stay };
        match carry(channel, &Local::stdio(), at_end, &self.progress.meter()) {
            Err(error) if !error.is_unread() => Err(Failure::failed(error)),
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Somebody on a Unix socket talks over a vchan, until one of them has ended.
fn relay(channel: vchan::Channel<Host>, local: Local) -> Result<(), CarryError> {
    match carry(channel, &local, AtEnd::WithPeer, &Progress::NONE.meter()) {
        Err(error) if error.is_unread() => Ok(()),
        done => done,
    }
}

/// Where the two meet.
fn address(text: &str) -> Result<Address, String> {
    match values::port(text) {
        Ok(port) => Ok(Address::Port(port.0)),
        Err(_) if text.starts_with('/') && !text.ends_with('/') => Ok(Address::from(text)),
        Err(_) => Err(format!("{text:?}: expected a number, or an absolute path of the store")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_meet_at_a_number_or_a_path() {
        assert_eq!(address("7"), Ok(Address::Port(7)));
        assert_eq!(address("0x10"), Ok(Address::Port(16)));
        assert_eq!(address("/a/b"), Ok(Address::Path("/a/b".into())));
        for wrong in ["", "a", "data/x", "/", "/a/", "4294967296", "-1"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
