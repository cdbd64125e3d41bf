//! `argoctl send`: datagrams from standard input.

use std::io::{self, BufRead, Read};
use std::process::ExitCode;
use std::time::Duration;

use argo_guest::datagram::RING_LEN_MAX;
use argo_guest::{Address, Port};
use clap::Args;

use super::bound::{bind, from, patient};
use super::progress::Progress;
use super::sockets::Acting;
use super::{Failure, values};

/// Send datagrams from standard input, one a line.
///
/// The receiver is named by number, for example 2:7 for port 7 of domain 2. The policy must let
/// this domain send to it, and register a ring for it: the port that answers can be sent to.
#[derive(Args)]
pub(super) struct Send {
    /// Where to: the domain's number and the port.
    #[arg(value_name = "DOMAIN:PORT", value_parser = values::address)]
    to: Address,
    /// Send all of standard input as one datagram, whatever is in it.
    #[arg(long)]
    whole: bool,
    /// The port to send from. Default: any that is free.
    #[arg(long, value_name = "PORT", value_parser = values::port)]
    from_port: Option<Port>,
    /// How long each datagram may wait for room at the receiver, such as 500ms. Default: for ever.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    progress: Progress,
    #[command(flatten)]
    acting: Acting,
}

/// The ring that `send` needs to have a port: one page, since it reads nothing from it.
const RING_LEN: u32 = 4032;

impl Send {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let domain = self.acting.attach()?;
        let how = from(self.from_port).ring_len(RING_LEN);
        let socket = bind(&domain, how.partner(self.to.domain))?;
        let mut input = io::stdin().lock();
        let meter = self.progress.meter();
        let unread = |error| Failure::failed(format!("standard input: {error}"));
        let mut number = 0u64;
        while let Some(datagram) = self.next(&mut input).map_err(unread)? {
            number += 1;
            let sent = patient(&socket, self.timeout).send_to(&datagram, self.to);
            sent.map_err(|error| Failure::failed(format!("datagram {number}: {error}")))?;
            meter.sent(datagram.len());
            if self.whole {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn next(&self, input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
        let mut datagram = Vec::new();
        // With a byte more than any ring takes, so that what is too long is noticed.
        let mut input = input.take(u64::from(RING_LEN_MAX) + 1);
        if self.whole {
            input.read_to_end(&mut datagram)?;
        } else if input.read_until(b'\n', &mut datagram)? == 0 {
            return Ok(None);
        } else if datagram.ends_with(b"\n") {
            datagram.pop();
        }
        if datagram.len() > RING_LEN_MAX as usize {
            let text = format!("a datagram of more than {RING_LEN_MAX} bytes: no ring takes it");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Some(datagram))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(whole: bool, mut input: &[u8]) -> Vec<Vec<u8>> {
        let to = values::address("2:7").unwrap();
        let send = Send {
            to,
            whole,
            from_port: None,
            timeout: None,
            progress: Progress::NONE,
            acting: Acting::default(),
        };
        let mut read = Vec::new();
        while let Some(datagram) = send.next(&mut input).unwrap() {
            read.push(datagram);
            if whole {
                break;
            }
        }
        read
    }

    #[test]
    fn a_line_is_a_datagram_and_the_last_needs_no_end() {
        assert_eq!(all(false, b"one\n\nthree"), [&b"one"[..], b"", b"three"]);
        assert!(all(false, b"").is_empty());
    }

    #[test]
    fn all_input_is_one_datagram_if_wanted() {
        assert_eq!(all(true, b"one\ntwo\n"), [b"one\ntwo\n"]);
    }

    #[test]
    fn what_no_ring_takes_is_refused() {
        let to = values::address("2:7").unwrap();
        let send = Send {
            to,
            whole: false,
            from_port: None,
            timeout: None,
            progress: Progress::NONE,
            acting: Acting::default(),
        };
        let error = send.next(&mut io::BufReader::new(io::repeat(b'x'))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
