//! Which rings there are, where, and how far the hypervisor has written: kept by an onlooker who
//! sees the guests' memory and each call's answer, and knows nothing of the engine's insides.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;

use argo_core::DomainId;
use argo_core::abi::{DOMID_ANY, RING_HEADER};

use crate::world::PAGE;

/// The guests' memory at one moment.
pub type Images = BTreeMap<DomainId, Vec<u8>>;

/// A ring that is registered.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Its pages, in order.
    pub pages: Vec<u64>,
    /// Its length in bytes.
    pub len: usize,
    /// Where the hypervisor writes next.
    pub tx: usize,
}

/// Owner, port and partner.
pub type Name = (DomainId, u32, u16);

/// All rings.
#[derive(Default)]
pub struct Ledger(pub BTreeMap<Name, Ring>);

impl Ledger {
    /// The ring that a message reaches: the sender's own before the one for everybody.
    pub fn reached(&self, from: DomainId, to: DomainId, port: u32) -> Option<Name> {
        let names = [(to, port, from.raw()), (to, port, DOMID_ANY)];
        names.into_iter().find(|name| self.0.contains_key(name))
    }

    /// The domain's rings go, and with `foreign` those that others have for it alone.
    pub fn drop_of(&mut self, domain: DomainId, foreign: Foreign) {
        self.0.retain(|(owner, _, partner), _| {
            let for_it = foreign == Foreign::Dropped && *partner == domain.raw();
            *owner != domain && !for_it
        });
    }
}

/// What becomes of rings that others registered for a domain alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// They stay.
    Kept,
    /// They go.
    Dropped,
}

impl Ring {
    /// Where byte `at` of the ring's image (its header first) lies in the owner's memory.
    pub fn place(&self, at: usize) -> usize {
        self.pages[at / PAGE] as usize * PAGE + at % PAGE
    }

    /// Where byte `at` of the ring's data lies, counted round.
    pub fn data(&self, at: usize) -> usize {
        self.place(RING_HEADER as usize + at % self.len)
    }

    /// A word of the header.
    pub fn header_word(&self, owner: &[u8], at: usize) -> u32 {
        let bytes = std::array::from_fn(|byte| owner[self.place(at + byte)]);
        u32::from_le_bytes(bytes)
    }

    /// How many bytes from `tx` on are free, by what the owner says it has read.
    pub fn free(&self, owner: &[u8]) -> usize {
        let claimed = u64::from(self.header_word(owner, 0)).next_multiple_of(16);
        let rx = if claimed < self.len as u64 { claimed as usize } else { 0 };
        self.len - (self.tx + self.len - rx) % self.len
    }

    /// Where the `bytes` of the data from `tx` on lie in the owner's memory, page by page.
    pub fn parts(&self, bytes: usize) -> impl Iterator<Item = Range<usize>> {
        let mut done = 0;
        iter::from_fn(move || {
            let at = (self.tx + done) % self.len;
            let to_page_end = PAGE - (RING_HEADER as usize + at) % PAGE;
            let len = (bytes - done).min(self.len - at).min(to_page_end);
            done += len;
            (len > 0).then(|| self.data(at)..self.data(at) + len)
        })
    }

    /// Whether no page is there twice, so that no byte of it stands for another.
    pub fn is_plain(&self) -> bool {
        let mut pages = self.pages.clone();
        pages.sort_unstable();
        pages.windows(2).all(|pair| pair[0] != pair[1])
    }
}
