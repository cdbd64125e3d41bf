//! Rings come and go by the wish of their owner.

use argo_core::policy::Query;
use argo_core::{DomainId, Errno, Partner, Port, RingName};
use argo_hypervisor::WildcardRings;

use super::calls::{ANY, Result, usable};
use super::memory::{PAGES, READ_ONLY, half, long, word};
use super::model::{Model, Ring, Who};
use super::queue::Queue;

/// The longest ring that may be named.
pub const RING_MAX: u32 = 0x100_0000;

impl Model {
    pub fn register(&mut self, by: Who, at: u64, list: u64, count: u64, flags: u64) -> Result<u32> {
        if count > 4096 || flags > 1 {
            return Err(Errno::EINVAL);
        }
        let claim = self.ram[&by].read(at, 12)?;
        let (port, raw, pad, len) =
            (word(claim, 0), half(claim, 4), half(claim, 6), word(claim, 8));
        let legal = (48..=RING_MAX).contains(&len) && len % 16 == 0;
        if !legal || (u64::from(len) + 64).div_ceil(4096) != count || pad != 0 {
            return Err(Errno::EINVAL);
        }
        let partner = self.approve(by.domain, raw)?;
        if !self.is_active(by.domain) {
            return Err(Errno::ENODEV);
        }
        if let Partner::Domain(partner) = partner
            && !self.is_active(partner)
        {
            return Err(Errno::ECONNREFUSED);
        }
        let name = RingName { port: Port(port), partner };
        self.admit(by.domain, name, len, flags == 1)?;
        let pages = self.pages(by, list, count)?;
        self.install(by, name, len, pages);
        Ok(0)
    }

    /// Who may have a ring for whom.
    fn approve(&mut self, domain: DomainId, raw: u16) -> Result<Partner> {
        if raw == ANY {
            if self.config.wildcard_rings == WildcardRings::Refused {
                return Err(Errno::EPERM);
            }
            self.ask(domain, Query::RegisterAnySource { domain })?;
            return Ok(Partner::Any);
        }
        let partner = self.existing(raw)?;
        self.ask(domain, Query::RegisterSingleSource { domain, partner })?;
        Ok(Partner::Domain(partner))
    }

    /// A ring may be registered again with its own length; a new one must be within the quotas.
    fn admit(&self, owner: DomainId, name: RingName, len: u32, fail_exist: bool) -> Result<()> {
        let owner = &self.domains[&owner];
        if let Some(ring) = owner.rings.get(&name) {
            return if fail_exist || ring.len != len { Err(Errno::EEXIST) } else { Ok(()) };
        }
        let bytes: u64 = owner.rings.values().map(|ring| u64::from(ring.len)).sum();
        let full = owner.rings.len() as u32 >= owner.quotas.rings;
        if full || bytes + u64::from(len) > owner.quotas.ring_bytes {
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    /// Reads and checks one after the other.
    fn pages(&self, by: Who, list: u64, count: u64) -> Result<Vec<u64>> {
        let page = |number: u64| {
            let entry = self.ram[&by].read(list.wrapping_add(number * 8), 8)?;
            let page = long(entry, 0);
            let usable = (1..PAGES).contains(&page) && page != READ_ONLY;
            if usable { Ok(page) } else { Err(Errno::EINVAL) }
        };
        (0..count).map(page).collect()
    }

    fn install(&mut self, by: Who, name: RingName, len: u32, pages: Vec<u64>) {
        let reached = self.reached(by.domain, name);
        let ram = self.ram.get_mut(&by).unwrap();
        let mut tx = ram.ring_word(&pages, 4);
        if !tx.is_multiple_of(16) || tx >= len {
            tx = usable(ram.ring_word(&pages, 0), len);
            ram.store_ring_word(&pages, 4, tx);
        }
        let rings = &mut self.domains.get_mut(&by.domain).unwrap().rings;
        let mut ring = Ring {
            session: by.session,
            pages,
            len,
            tx,
            queue: Queue::new(self.waking, len),
            messages: 0,
            bytes: 0,
            reached,
        };
        if let Some(before) = rings.remove(&name) {
            ring.queue = before.queue;
            (ring.messages, ring.bytes) = (before.messages, before.bytes);
        }
        rings.insert(name, ring);
    }

    pub fn unregister(&mut self, by: Who, at: u64) -> Result<u32> {
        let claim = self.ram[&by].read(at, 8)?;
        let (port, raw, pad) = (word(claim, 0), half(claim, 4), half(claim, 6));
        if pad != 0 {
            return Err(Errno::EINVAL);
        }
        if !self.is_active(by.domain) {
            return Err(Errno::ENODEV);
        }
        let partner = match (raw, DomainId::new(raw)) {
            (ANY, _) => Partner::Any,
            (_, Some(domain)) => Partner::Domain(domain),
            (_, None) => return Err(Errno::ENOENT),
        };
        let name = RingName { port: Port(port), partner };
        let taken = self.take_rings(|owner, ring, _| (owner, *ring) == (by.domain, name), None);
        if taken.is_empty() { Err(Errno::ENOENT) } else { Ok(0) }
    }
}
