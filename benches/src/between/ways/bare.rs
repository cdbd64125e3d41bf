//! The bare ring that a vchan is measured by: the same kind of memory, one copy in and one out, no
//! wake-ups, spinning.

use std::hint;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::atomic::Ordering;

use argo_core::DomainId;
use argo_mem::{Memory, OutOfRange, View};
use vchan::host::{Host, HostPages};
use vchan::platform::{Access, GrantRef, Platform, Store, Transaction};

use super::ORDER;
use crate::between::end::{End, Home};
use crate::case::Failure;

/// The bare ring: a page with two indexes that run free, then the data.
pub struct BareRing {
    pages: HostPages,
    own: u32,
}

/// Where in the store its pages are told.
const TOLD: &str = "data/vchan/bare";
const CONS: usize = 0;
/// On another cache line.
const PROD: usize = 128;
const DATA: usize = 4096;
const SIZE: u32 = 1 << ORDER;
const PAGES: usize = 1 + (SIZE as usize >> 12);

impl BareRing {
    /// This end: the receiver shares the memory.
    pub fn meet(home: &mut Home, ready: impl FnOnce()) -> Result<Self, Failure> {
        let (host, other) = (home.host()?, home.end.other());
        let pages = match home.end {
            End::Receiver => {
                let pages = share(&host, other.domain()?)?;
                ready();
                pages
            }
            End::Sender => map(&host, other)?,
        };
        Ok(Self { pages, own: 0 })
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

fn share(host: &Host, with: DomainId) -> Result<HostPages, Failure> {
    let mut references = [GrantRef::default(); PAGES];
    let pages = host.share(with, Access::Write, &mut references, None)?;
    host.write(Transaction::NONE, TOLD, references[0].0.to_string().as_bytes())?;
    host.set_reader(Transaction::NONE, TOLD, with)?;
    Ok(pages)
}

fn map(host: &Host, of: End) -> Result<HostPages, Failure> {
    let path = format!("/local/domain/{}/{TOLD}", of.id());
    let told = host.read(Transaction::NONE, &path)?.ok_or("no bare ring")?;
    let first: u32 = String::from_utf8(told)?.parse()?;
    let references: Vec<GrantRef> = (first..).take(PAGES).map(GrantRef).collect();
    Ok(host.map(of.domain()?, &references, None)?)
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
