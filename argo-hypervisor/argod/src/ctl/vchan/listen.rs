//! `argoctl vchan listen`.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use argo_guest::DomainId;
use clap::Args;
use vchan::host::Host;
use vchan::{Address, Channel, Server};

use super::local::Local;
use super::{Options, address, relay};
use crate::ctl::complaint::{Complaints, say};
use crate::ctl::{Failure, values};

/// Wait for the client of a vchan and connect it to standard input and output.
///
/// Says on standard error where it listens as soon as it does. The policy must let this domain share
/// pages with the client, both have an event channel with each other, and this domain write where
/// the two meet in the store.
#[derive(Args)]
pub(super) struct Listen {
    /// The client's domain, by its number. No other can connect.
    #[arg(value_parser = values::domain)]
    client: DomainId,
    /// The vchan's number, or the path of the store where the client looks for the keys.
    #[arg(value_name = "NUMBER|PATH", value_parser = address)]
    at: Address,
    /// Bytes that either direction holds at least, up to 1MiB.
    #[arg(long, value_name = "BYTES", default_value = "64KiB", value_parser = values::ring_len)]
    ring_len: u32,
    /// Connect each client to this Unix socket instead, one client after the other.
    #[arg(long, value_name = "SOCKET")]
    proxy: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

impl Listen {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let host = self.options.acting.host()?;
        let len = self.ring_len as usize;
        let server = Server::new(self.client).minimums(len, len).map_err(Failure::usage)?;
        let mut channel = self.listen(&host, &server)?;
        let place = self.at.path(host.services().domain(), self.client);
        say(format_args!("listening at {place} for {}", self.client));
        channel.accept(None).map_err(Failure::failed)?;
        match &self.proxy {
            None => self.options.talk(channel),
            Some(path) => self.serve(&host, &server, channel, path),
        }
    }

    fn listen(&self, host: &Host, server: &Server) -> Result<Channel<Host>, Failure> {
        server.listen(host, self.at.clone()).map_err(Failure::failed)
    }

    /// Serves this client, and all that come after it.
    fn serve(
        &self,
        host: &Host,
        server: &Server,
        mut channel: Channel<Host>,
        path: &Path,
    ) -> Result<ExitCode, Failure> {
        let (complaints, whom) = (Complaints::default(), format!("client {}", self.client));
        loop {
            match UnixStream::connect(path) {
                Err(error) => {
                    complaints.say(&whom, format_args!("{}: {error}", path.display()));
                    drop(channel);
                }
                Ok(socket) => {
                    if let Err(error) = relay(channel, Local::Socket(socket)) {
                        complaints.say(&whom, error);
                    }
                }
            }
            channel = self.listen(host, server)?;
            channel.accept(None).map_err(Failure::failed)?;
        }
    }
}
