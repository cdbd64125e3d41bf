//! A vchan over argod.

use std::io::{self, Read, Write};

use vchan::host::Host;
use vchan::{Channel, Client, Geometry, Ring, Server};

use crate::between::end::{End, Home};
use crate::case::Failure;

/// log2 of the bytes of the ring that carries the data, in a vchan and in what it is compared with.
pub const ORDER: u16 = 20;
/// The vchan's number.
const PORT: u32 = 5;

/// A vchan whose calls wait without limit.
pub struct Vchan(Channel<Host>);

impl Vchan {
    /// This end: the receiver serves.
    pub fn meet(home: &mut Home, ready: impl FnOnce()) -> Result<Self, Failure> {
        let (host, other) = (home.host()?, home.end.other().domain()?);
        Ok(Self(match home.end {
            End::Receiver => {
                let back = Geometry::IN_PAGE.order(Ring::Right).value();
                let server = Server::new(other).rings(Geometry::new(ORDER, back)?);
                let mut channel = server.listen(&host, PORT)?;
                ready();
                channel.accept(None)?;
                channel
            }
            End::Sender => Client::new(other).connect(&host, PORT)?,
        }))
    }
}

impl Read for Vchan {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut self.0, bytes)
    }
}

impl Write for Vchan {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
