//! `argoctl vchan listen`.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use argo_guest::DomainId;
use clap::Args;
use vchan::host::Host;
use vchan::{AcceptError, Address, Cause, Channel, ListenError, Server};

use super::local::Local;
use super::{Options, address, relay};
use crate::ctl::complaint::{Complaints, say};
use crate::ctl::{Failure, values};

/// Before a server that had a bad client, or cannot listen, tries again.
const PAUSE: Duration = Duration::from_millis(100);

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
        let mut channel = self.listen(&host, &server).map_err(Failure::failed)?;
        let place = self.at.path(host.services().domain(), self.client);
        say(format_args!("listening at {place} for {}", self.client));
        if let Some(path) = &self.proxy {
            return self.serve(&host, &server, channel, path);
        }
        await_client(&mut channel).map_err(Failure::failed)?;
        self.options.talk(channel)
    }

    fn listen(&self, host: &Host, server: &Server) -> Result<Channel<Host>, ListenError> {
        server.listen(host, self.at.clone())
    }

    /// Serves a client, and all that come after it, whatever they do, as long as argod is there.
    fn serve(
        &self,
        host: &Host,
        server: &Server,
        mut channel: Channel<Host>,
        path: &Path,
    ) -> Result<ExitCode, Failure> {
        let (complaints, whom) = (Complaints::default(), format!("client {}", self.client));
        loop {
            if let Err(error) = serve_one(channel, path) {
                complaints.say(&whom, error);
                thread::sleep(PAUSE);
            }
            channel = loop {
                match self.listen(host, server) {
                    Ok(channel) => break channel,
                    Err(error) if is_for_ever(&error) => return Err(Failure::failed(error)),
                    Err(error) => complaints.say(&whom, error),
                }
                thread::sleep(PAUSE);
            };
        }
    }
}

/// Waits for a client. One that has gone meanwhile has left what it wrote.
fn await_client(channel: &mut Channel<Host>) -> Result<(), AcceptError> {
    match channel.accept(None) {
        Err(AcceptError::Closed) => Ok(()),
        done => done,
    }
}

/// Waits for a client and serves it.
fn serve_one(mut channel: Channel<Host>, path: &Path) -> Result<(), Failure> {
    await_client(&mut channel).map_err(Failure::failed)?;
    // The next one is for the next channel, even if it comes before we know that this one has gone.
    channel.withdraw();
    let socket = UnixStream::connect(path);
    let socket = socket.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    relay(channel, Local::Socket(socket)).map_err(Failure::failed)
}

/// Whether argod is gone. A client may cause all else: it keeps pages mapped that were taken back,
/// for example, which count for the server.
fn is_for_ever(error: &ListenError) -> bool {
    match error {
        ListenError::Taken { .. } => false,
        ListenError::Grant(fault)
        | ListenError::EventChannel(fault)
        | ListenError::Store(fault) => fault.cause == Cause::Gone,
    }
}
