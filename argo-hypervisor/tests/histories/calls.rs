//! What each hypercall should do, in the order in which the specification looks at its arguments.

use argo_core::policy::{Hook, Query, Rings};
use argo_core::{DomainId, Errno, Partner, Port, RingName};
use argo_hypervisor::Argo;

use super::memory::{half, word};
use super::model::{Domain, Life, Model, Ring, Who};
use super::support::Event;
use super::table::Way;

/// Stands for any domain.
pub const ANY: u16 = 0x7FF4;

const EXISTS: u16 = 1;
const SHARED: u16 = 2;
const EMPTY: u16 = 4;
const SUFFICIENT: u16 = 8;
const TOO_BIG: u16 = 16;
const BUSY: u16 = 32;

pub type Result<T> = std::result::Result<T, Errno>;

impl Model {
    pub fn argo_op(&mut self, by: Who, cmd: u32, args: [u64; 4]) -> i64 {
        match self.call(by, cmd, args) {
            Ok(count) => count.into(),
            Err(errno) => {
                let at = Errno::ALL.iter().position(|known| *known == errno).unwrap();
                if let Some(domain) = self.domains.get_mut(&by.domain) {
                    domain.counters.refusals[at] += 1;
                }
                -i64::from(errno.number())
            }
        }
    }

    fn call(&mut self, by: Who, cmd: u32, [arg1, arg2, arg3, arg4]: [u64; 4]) -> Result<u32> {
        if arg3 >> 32 != 0 || arg4 >> 32 != 0 {
            return Err(Errno::EINVAL);
        }
        if self.config.argo == Argo::Off {
            return Err(Errno::EOPNOTSUPP);
        }
        self.ask(by.domain, Query::Enable { domain: by.domain })?;
        match cmd {
            1 => self.register(by, arg1, arg2, arg3, arg4),
            2 | 4 if (arg2, arg3, arg4) != (0, 0, 0) => Err(Errno::EINVAL),
            2 => self.unregister(by, arg1),
            3 => self.sendv(by, arg1, arg2, arg3, arg4),
            4 => self.notify(by, arg1),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    fn notify(&mut self, by: Who, at: u64) -> Result<u32> {
        if !self.is_active(by.domain) {
            return Err(Errno::ENODEV);
        }
        self.release(by.domain, false);
        if at == 0 {
            return Ok(0);
        }
        let count = word(self.ram[&by].read(at, 8)?, 0);
        if count > self.domains[&by.domain].quotas.entries {
            return Err(Errno::EACCES);
        }
        for entry in 0..u64::from(count) {
            self.answer(by, at.wrapping_add(8 + 20 * entry))?;
        }
        Ok(0)
    }

    /// Whoever has room now in a ring of the domain waits no longer, perhaps after room was lent.
    pub fn release(&mut self, owner: DomainId, lend: bool) {
        let names: Vec<RingName> = self.domains[&owner].rings.keys().copied().collect();
        let mut stays = false;
        for name in names {
            let free = self.free(owner, &self.domains[&owner].rings[&name]);
            let ring = self.domains.get_mut(&owner).unwrap().rings.get_mut(&name).unwrap();
            if lend {
                ring.queue.lend();
            }
            let (woken, more) = ring.queue.release(free);
            self.events.extend(woken.iter().map(|id| Event::Virq(id.raw())));
            stays |= more;
        }
        if stays {
            self.events.push(Event::RoomKept(owner.raw()));
        }
    }

    fn answer(&mut self, by: Who, at: u64) -> Result<()> {
        let entry = self.ram[&by].read(at, 20)?.to_vec();
        let receiver = DomainId::new(half(&entry, 4)).filter(|id| self.is_active(*id));
        let (mut flags, mut max) = (0, word(&entry, 16));
        if let Some(to) = receiver {
            let way = Way { from: by.domain, to, port: word(&entry, 0) };
            self.ask(by.domain, Query::Send { from: by.domain, to })?;
            let rings = self.policy.opens_from(way, &self.ports(by.domain));
            if rings.is_none() {
                self.count(by.domain, |domain| domain.counters.port_denials += 1);
            }
            let shut =
                |name: &RingName| rings == Some(Rings::ForSender) && name.partner == Partner::Any;
            let name = rings.and_then(|_| self.lookup(way)).filter(|name| !shut(name));
            if let Some(name) = name {
                flags = self.look(by.domain, to, name, word(&entry, 12));
                max = self.domains[&to].rings[&name].len - 32;
            }
        }
        self.flags.insert(flags);
        let ram = self.ram.get_mut(&by).unwrap();
        ram.write(at + 8, &flags.to_le_bytes())?;
        ram.write(at + 16, &max.to_le_bytes())
    }

    fn look(&mut self, by: DomainId, to: DomainId, name: RingName, wanted: u32) -> u16 {
        let ring = &self.domains[&to].rings[&name];
        let (len, free) = (ring.len, self.free(to, ring));
        let shared = if name.partner == Partner::Any { SHARED } else { 0 };
        let empty = if free == len { EMPTY } else { 0 };
        let room = if wanted > len - 32 {
            TOO_BIG
        } else if wanted == 0 || ring.queue.lets(by, wanted, free) {
            self.count(to, |domain| {
                let queue = &mut domain.rings.get_mut(&name).unwrap().queue;
                if wanted == 0 { queue.leave(by) } else { queue.told(by) }
            });
            // A rate limit keeps it from using the room.
            if wanted > 0 && self.policy.throttled { 0 } else { SUFFICIENT }
        } else if self.wait(by, to, name, wanted) {
            0
        } else {
            BUSY
        };
        EXISTS | shared | empty | room
    }

    /// False if too many others wait.
    pub fn wait(&mut self, from: DomainId, to: DomainId, name: RingName, payload: u32) -> bool {
        let owner = self.domains.get_mut(&to).unwrap();
        let limit = match name.partner {
            Partner::Any => owner.quotas.waiters,
            Partner::Domain(_) => owner.quotas.waiters.min(1),
        };
        let queue = &mut owner.rings.get_mut(&name).unwrap().queue;
        let (waits, new) = queue.wait(from, payload, limit);
        if let Some(behind) = new {
            self.events.push(Event::SpaceWanted(to.raw()));
            self.events.extend(behind.then_some(Event::RoomKept(to.raw())));
        }
        waits
    }

    /// Bytes free in a ring, by what its owner says it has read.
    pub fn free(&self, owner: DomainId, ring: &Ring) -> u32 {
        let ram = &self.ram[&Who { domain: owner, session: ring.session }];
        let rx = usable(ram.ring_word(&ring.pages, 0), ring.len);
        ring.len - (ring.tx + ring.len - rx) % ring.len
    }

    /// The ring for the sender alone, else the one for everybody.
    pub fn lookup(&self, way: Way) -> Option<RingName> {
        let port = Port(way.port);
        let names = [Partner::Domain(way.from), Partner::Any];
        let mut names = names.into_iter().map(|partner| RingName { port, partner });
        names.find(|name| self.domains[&way.to].rings.contains_key(name))
    }

    pub fn ports(&self, owner: DomainId) -> Vec<u32> {
        let rings = self.domains.get(&owner).into_iter().flat_map(|owner| owner.rings.keys());
        rings.map(|name| name.port.0).collect()
    }

    pub fn existing(&self, raw: u16) -> Result<DomainId> {
        DomainId::new(raw).filter(|domain| self.domains.contains_key(domain)).ok_or(Errno::ESRCH)
    }

    pub fn is_active(&self, id: DomainId) -> bool {
        self.domains.get(&id).is_some_and(|domain| domain.life == Life::Active)
    }

    pub fn ask(&mut self, by: DomainId, query: Query) -> Result<()> {
        if self.policy.allows(query) {
            return Ok(());
        }
        let at = Hook::ALL.iter().position(|hook| *hook == query.hook()).unwrap();
        self.count(by, |domain| domain.counters.denials[at] += 1);
        Err(Errno::EACCES)
    }

    pub fn count(&mut self, of: DomainId, change: impl FnOnce(&mut Domain)) {
        if let Some(domain) = self.domains.get_mut(&of) {
            change(domain);
        }
    }
}

/// A guest's index: rounded up to 16 in 32 bits, and 0 outside the ring.
pub fn usable(rx: u32, len: u32) -> u32 {
    let rounded = rx.wrapping_add(15) / 16 * 16;
    if rounded < len { rounded } else { 0 }
}

/// Bytes that a message takes: a header, and whole slots.
pub fn space(payload: u32) -> u32 {
    16 + payload.div_ceil(16) * 16
}
