//! `argoctl recv`: datagrams to standard output, or back to where they came from.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use argo_guest::datagram::RING_LEN_DEFAULT;
use argo_guest::{Datagram, DomainId, Port, Received, SendError};
use clap::Args;

use super::bound::{bind, from, patient, whom};
use super::complaint::say;
use super::sockets::Acting;
use super::{Failure, values};

/// Receive datagrams on a port and write them to standard output, one a line.
///
/// Says on standard error where it receives as soon as it does. Without --partner every domain
/// may send to the port that the policy lets; argod's configuration must allow such rings.
#[derive(Args)]
pub(super) struct Recv {
    /// The port to receive on.
    #[arg(value_parser = values::port)]
    port: Port,
    /// Receive from the domain with this number only. Its process has to be there already.
    #[arg(long, value_name = "DOMAIN", value_parser = values::domain)]
    partner: Option<DomainId>,
    /// End after this many datagrams. Default: never.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Fail if no datagram comes for this long, such as 500ms. Default: wait for ever.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    timeout: Option<Duration>,
    /// Write DOMAIN:PORT of its sender before each datagram.
    #[arg(long)]
    show_source: bool,
    /// Write the bytes as they come, without an end of line after each datagram.
    #[arg(long, conflicts_with = "show_source")]
    raw: bool,
    /// Write nothing, but send each datagram back to its sender, as ping needs it. Lost if the
    /// sender has no room for it.
    #[arg(long, conflicts_with_all = ["show_source", "raw"])]
    echo: bool,
    /// Bytes of the ring, a multiple of 16: a datagram may be 32 bytes shorter.
    #[arg(long, value_name = "BYTES", default_value_t = RING_LEN_DEFAULT, value_parser = values::ring_len)]
    ring_len: u32,
    #[command(flatten)]
    acting: Acting,
}

impl Recv {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let domain = self.acting.attach()?;
        let mut how = from(Some(self.port)).ring_len(self.ring_len);
        if let Some(partner) = self.partner {
            how = how.partner(partner);
        }
        let socket = bind(&domain, how)?;
        say(format_args!("receiving at {} from {}", socket.local_addr(), whom(socket.partner())));
        match self.receive(&socket) {
            // Whoever reads our output has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !domain.is_gone() => {
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => Err(Failure::failed(error)),
            Ok(()) => Ok(ExitCode::SUCCESS),
        }
    }

    fn receive(&self, socket: &Datagram) -> io::Result<()> {
        let mut output = io::stdout().lock();
        let mut echo = Echo { socket, trouble: None };
        let mut left = self.count;
        while left != Some(0) {
            let datagram = patient(socket, self.timeout).receive()?;
            if self.echo {
                echo.send_back(&datagram);
            } else {
                self.write(&datagram, &mut output)?;
            }
            left = left.map(|left| left - 1);
        }
        Ok(())
    }

    fn write(&self, datagram: &Received<'_>, output: &mut impl Write) -> io::Result<()> {
        if self.show_source {
            write!(output, "{} ", datagram.source())?;
        }
        output.write_all(&datagram.to_bytes())?;
        if !self.raw {
            output.write_all(b"\n")?;
        }
        output.flush()
    }
}

/// Sends datagrams back; says why it cannot once for all that have the same reason.
struct Echo<'s> {
    socket: &'s Datagram,
    trouble: Option<SendError>,
}

impl Echo<'_> {
    fn send_back(&mut self, datagram: &Received<'_>) {
        let sent = self.socket.try_send_to(&datagram.to_bytes(), datagram.source());
        let trouble = sent.err();
        if let Some(trouble) = trouble.filter(|_| trouble != self.trouble) {
            say(format_args!("not sent back: {trouble}"));
        }
        self.trouble = trouble;
    }
}
