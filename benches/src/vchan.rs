//! vchan over argod, and the bare ring that it is measured by: the same kind of memory, one copy in
//! and one out, no wake-ups, spinning.

use std::hint;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;

use argo_core::DomainId;
use argo_mem::{Memory, OutOfRange, View};
use vchan::host::{Host, HostPages};
use vchan::platform::{Access, GrantRef, Platform, Store, Transaction};
use vchan::{Channel, Client, Geometry, Server};

use crate::party::{End, RECEIVER, SENDER};
use crate::way::Failure;

/// log2 of the bytes of the rings that carry the data, of either kind.
pub const ORDER: u16 = 20;
/// The vchan's number.
const PORT: u32 = 5;
/// Where in the store the bare ring's pages are told.
const BARE: &str = "data/vchan/bare";

/// One end's connection to argod, for both ways.
///
/// # Errors
/// argod is not there.
pub fn attach(end: End, dir: &Path) -> Result<Host, Failure> {
    Ok(Host::attach(dir.join(format!("{}.sock", end.name())))?)
}

fn domain(id: u16) -> Result<DomainId, Failure> {
    DomainId::new(id).ok_or_else(|| "bad id".into())
}

/// What a receiver has before the sender comes: the server's end, which exists at once.
pub struct Served {
    vchan: Channel<Host>,
    bare: BareRing,
}

impl Served {
    /// Serves the sender.
    ///
    /// # Errors
    /// argod refuses.
    pub fn new(host: &Host) -> Result<Self, Failure> {
        let rings = Geometry::new(ORDER, Geometry::IN_PAGE.order(vchan::Ring::Right).value())?;
        let vchan = Server::new(domain(SENDER)?).rings(rings).listen(host, PORT)?;
        Ok(Self { vchan, bare: BareRing::share(host)? })
    }

    /// Both ends' own way, once the other is there.
    ///
    /// # Errors
    /// It does not come.
    pub fn meet(mut self) -> Result<(Vchan, BareRing), Failure> {
        self.vchan.accept(None)?;
        Ok((Vchan(self.vchan), self.bare))
    }
}

/// The sender's ends.
///
/// # Errors
/// Nobody serves.
pub fn connect(host: &Host) -> Result<(Vchan, BareRing), Failure> {
    let vchan = Client::new(domain(RECEIVER)?).connect(host, PORT)?;
    Ok((Vchan(vchan), BareRing::map(host)?))
}

/// A vchan whose calls wait without limit.
pub struct Vchan(Channel<Host>);

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

/// The bare ring: a page with two indexes that run free, then the data.
pub struct BareRing {
    pages: HostPages,
    own: u32,
}

const CONS: usize = 0;
/// On another cache line.
const PROD: usize = 128;
const DATA: usize = 4096;
const SIZE: u32 = 1 << ORDER;
const PAGES: usize = 1 + (SIZE as usize >> 12);

impl BareRing {
    fn share(host: &Host) -> Result<Self, Failure> {
        let mut references = [GrantRef::default(); PAGES];
        let pages = host.share(domain(SENDER)?, Access::Write, &mut references, None)?;
        host.write(Transaction::NONE, BARE, references[0].0.to_string().as_bytes())?;
        host.set_reader(Transaction::NONE, BARE, domain(SENDER)?)?;
        Ok(Self { pages, own: 0 })
    }

    fn map(host: &Host) -> Result<Self, Failure> {
        let path = format!("/local/domain/{RECEIVER}/{BARE}");
        let told = host.read(Transaction::NONE, &path)?.ok_or("no bare ring")?;
        let first: u32 = String::from_utf8(told)?.parse()?;
        let references: Vec<GrantRef> = (first..).take(PAGES).map(GrantRef).collect();
        Ok(Self { pages: host.map(domain(RECEIVER)?, &references, None)?, own: 0 })
    }

    /// Spins until the other index allows at least one byte; tells how many.
    fn available(
        &self,
        view: View<'_>,
        index: usize,
        count: impl Fn(u32) -> u32,
    ) -> io::Result<u32> {
        loop {
            let other = view.load_u32(index, Ordering::Acquire).map_err(io::Error::other)?;
            match count(other) {
                0 => hint::spin_loop(),
                bytes => return Ok(bytes),
            }
        }
    }

    /// Moves up to `len` bytes in one or two parts, each by `part` at an offset of the memory.
    fn split(
        &self,
        len: usize,
        mut part: impl FnMut(usize, Range<usize>) -> Result<(), OutOfRange>,
    ) -> io::Result<()> {
        let offset = (self.own & (SIZE - 1)) as usize;
        let first = len.min(SIZE as usize - offset);
        part(DATA + offset, 0..first).map_err(io::Error::other)?;
        part(DATA, first..len).map_err(io::Error::other)
    }
}

impl Read for BareRing {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let view = self.pages.view();
        let ready = self.available(view, PROD, |prod| prod.wrapping_sub(self.own))?;
        let len = bytes.len().min(ready as usize);
        self.split(len, |at, range| view.read(at, &mut bytes[range]))?;
        self.own = self.own.wrapping_add(len as u32);
        view.store_u32(CONS, self.own, Ordering::Release).map_err(io::Error::other)?;
        Ok(len)
    }
}

impl Write for BareRing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let view = self.pages.view();
        let free = |cons: u32| SIZE - self.own.wrapping_sub(cons);
        let len = bytes.len().min(self.available(view, CONS, free)? as usize);
        self.split(len, |at, range| view.write(at, &bytes[range]))?;
        self.own = self.own.wrapping_add(len as u32);
        view.store_u32(PROD, self.own, Ordering::Release).map_err(io::Error::other)?;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
