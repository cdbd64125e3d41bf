//! Where argod's metrics are read.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::read::{Kind, Reader};
use super::report::Report;
use super::socket::Socket;

/// Where metrics are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metrics {
    /// On a Unix socket: who may connect may read them.
    Socket(Socket),
    /// On a TCP port of a loopback address: every process of this machine may read them.
    Listen(SocketAddr),
}

impl Metrics {
    /// Reads the table. Where neither socket nor address is given, the socket is `default`.
    pub(super) fn read(mut table: Reader<'_>, default: Spanned<PathBuf>) -> Option<Spanned<Self>> {
        let metrics = match table.place("listen") {
            Some(_) => read_address(&mut table),
            None => Socket::read(&mut table, Some(default))
                .map(|socket| Spanned::new(socket.span(), Self::Socket(socket.into_inner()))),
        };
        table.finish();
        metrics
    }

    /// The socket, if it is one.
    pub(super) fn socket(metrics: &Spanned<Self>) -> Option<Spanned<Socket>> {
        match metrics.get_ref() {
            Self::Socket(socket) => Some(Spanned::new(metrics.span(), socket.clone())),
            Self::Listen(_) => None,
        }
    }
}

fn read_address(table: &mut Reader<'_>) -> Option<Spanned<Metrics>> {
    let address = table.optional("listen", loopback());
    if let Some(socket) = table.place("socket") {
        refuse_both(table.report, socket);
    }
    address.map(|address| Spanned::new(address.span(), Metrics::Listen(address.into_inner())))
}

fn refuse_both(report: &Report<'_>, socket: Range<usize>) {
    report.mismatch(socket, "a socket beside `listen`", "one of both");
}

/// Nobody who reads metrics is asked who he is, and nothing is encrypted.
fn loopback() -> Kind<SocketAddr> {
    let expected = "a loopback address and a port, as \"127.0.0.1:9464\" (metrics are served \
                    without password or encryption, so to this machine only)";
    Kind::text(expected, |text| {
        let address: SocketAddr = text.parse().ok()?;
        (address.ip().is_loopback() && address.port() != 0).then_some(address)
    })
}
