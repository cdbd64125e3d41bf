//! `argoctl vchan connect`.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use argo_guest::DomainId;
use clap::Args;
use vchan::host::Host;
use vchan::{Address, Channel, Client, ConnectError};

use super::local::Local;
use super::{Options, address, relay};
use crate::ctl::complaint::{Complaints, say};
use crate::ctl::proxy::socket_file;
use crate::ctl::{Failure, values};

/// Connect standard input and output to a vchan of another domain.
///
/// The policy must let the server share pages with this domain, both have an event channel with each
/// other, and this domain read where the two meet in the store.
#[derive(Args)]
pub(super) struct Connect {
    /// The server's domain, by its number.
    #[arg(value_parser = values::domain)]
    server: DomainId,
    /// The vchan's number, or the path of the store where the server left its keys.
    #[arg(value_name = "NUMBER|PATH", value_parser = address)]
    at: Address,
    /// How long to wait for the server, such as 500ms.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::duration)]
    timeout: Duration,
    /// Listen at this Unix socket instead, and have whoever connects there talk to the server.
    ///
    /// One after the other, each over a vchan of its own. A socket that nobody serves any more is
    /// replaced.
    #[arg(long, value_name = "SOCKET")]
    proxy: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

impl Connect {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let host = self.options.acting.host()?;
        match &self.proxy {
            None => self.options.talk(self.connect(&host).map_err(Failure::failed)?),
            Some(path) => self.serve(&host, path),
        }
    }

    fn connect(&self, host: &Host) -> Result<Channel<Host>, ConnectError> {
        Client::new(self.server).connect_within(host, self.at.clone(), Some(self.timeout))
    }

    fn serve(&self, host: &Host, path: &Path) -> Result<ExitCode, Failure> {
        let (listener, _file) = socket_file::listen(path)?;
        say(format_args!("listening at unix:{}", path.display()));
        let complaints = Complaints::default();
        loop {
            let (socket, _) = listener.accept().map_err(Failure::failed)?;
            self.carry(host, socket, &complaints);
        }
    }

    fn carry(&self, host: &Host, socket: UnixStream, complaints: &Complaints) {
        let whom = format!("vchan of {}", self.server);
        match self.connect(host) {
            Err(error) => complaints.say(whom, error),
            Ok(channel) => {
                if let Err(error) = relay(channel, Local::Socket(socket)) {
                    complaints.say(whom, error);
                }
            }
        }
    }
}
