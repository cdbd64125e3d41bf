//! Which domains live at each place of a trace, and what of their memory a trace may touch.
//!
//! A world may rely on it: it is never asked to write or read outside of a living domain.

use std::collections::HashMap;

use super::PAGE_BYTES;
use super::fields::Wrong;
use super::record::{Check, Record};

/// Most pages that all living domains of a trace may have together (1 GiB).
pub const MAX_LIVE_PAGES: u64 = 1 << 18;

/// The domains that live after the records admitted so far.
#[derive(Default)]
pub(super) struct Layout {
    live: HashMap<u16, Memory>,
    live_pages: u64,
}

struct Memory {
    pages: u64,
    ro: Vec<u64>,
}

impl Layout {
    /// Takes in the next record, if it speaks of living domains and of their memory only.
    pub fn admit(&mut self, record: &Record) -> Result<(), Wrong> {
        match record {
            Record::Deny(_) | Record::Allow(_) => Ok(()),
            Record::Domain { id, pages, ro } => self.create(*id, *pages, ro),
            Record::Write { dom, addr, bytes } => self.access(*dom, *addr, bytes.len() as u64),
            Record::Fill { dom, addr, len, .. } => self.access(*dom, *addr, *len),
            Record::Check(Check { dom, addr, len, .. }) => self.access(*dom, *addr, *len),
            Record::Op(op) => self.memory(op.dom).map(drop),
            Record::SoftReset(teardown) => self.memory(teardown.dom).map(drop),
            Record::Destroy(teardown) => self.destroy(teardown.dom),
        }
    }

    fn create(&mut self, id: u16, pages: u64, ro: &[u64]) -> Result<(), Wrong> {
        if self.live.contains_key(&id) {
            return Err(Wrong::new(format!("domain {id}, which exists"), "an id not in use"));
        }
        let live_pages = self.live_pages.saturating_add(pages);
        if live_pages > MAX_LIVE_PAGES {
            let expected = format!("at most {MAX_LIVE_PAGES}");
            return Err(Wrong::new(format!("{live_pages} pages in all domains"), expected));
        }
        self.live_pages = live_pages;
        self.live.insert(id, Memory { pages, ro: ro.to_vec() });
        Ok(())
    }

    fn destroy(&mut self, id: u16) -> Result<(), Wrong> {
        self.live_pages -= self.memory(id)?.pages;
        self.live.remove(&id);
        Ok(())
    }

    fn access(&self, dom: u16, addr: u64, len: u64) -> Result<(), Wrong> {
        let memory = self.memory(dom)?;
        let limit = memory.pages * PAGE_BYTES;
        let end = addr.checked_add(len).filter(|end| addr >= PAGE_BYTES && *end <= limit);
        let Some(end) = end else {
            let found = format!("{len} bytes at {addr:#x} of domain {dom}");
            return Err(Wrong::new(found, format!("bytes within {PAGE_BYTES:#x}..{limit:#x}")));
        };
        let touched = |gfn: &&u64| **gfn * PAGE_BYTES < end && addr < (**gfn + 1) * PAGE_BYTES;
        match memory.ro.iter().find(touched) {
            Some(gfn) => Err(Wrong::new(
                format!("{len} bytes at {addr:#x} of domain {dom}"),
                format!("bytes off page {gfn}, which is \"ro\""),
            )),
            None => Ok(()),
        }
    }

    fn memory(&self, dom: u16) -> Result<&Memory, Wrong> {
        let unknown = || Wrong::new(format!("domain {dom}, unknown"), "a domain that exists");
        self.live.get(&dom).ok_or_else(unknown)
    }
}
