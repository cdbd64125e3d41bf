//! A message goes into a ring.

use argo_core::policy::{Query, Rings};
use argo_core::{DomainId, Errno, Partner, RingName};

use super::calls::{ANY, Result, space};
use super::memory::{BASE, half, long, ring_place, word};
use super::model::{Model, Who};
use super::registering::RING_MAX;
use super::support::Event;
use super::table::Way;

const MESSAGE_MAX: u32 = RING_MAX - 32;
/// Bytes in a ring before its data.
const HEADER: usize = 64;

struct Message {
    source: u32,
    kind: u32,
    payload: u32,
    iovs: Vec<u8>,
}

/// Where a message goes.
struct Target {
    who: Who,
    pages: Vec<u64>,
    len: usize,
    tx: usize,
}

impl Target {
    /// Where a byte of the message lies in the host's memory.
    fn place(&self, offset: usize) -> usize {
        ring_place(&self.pages, HEADER + (self.tx + offset) % self.len)
    }
}

impl Model {
    pub fn sendv(&mut self, by: Who, at: u64, list: u64, count: u64, kind: u64) -> Result<u32> {
        let claim = self.ram[&by].read(at, 16)?.to_vec();
        if count > 8 {
            return Err(Errno::EINVAL);
        }
        let iovs = match count {
            0 => Vec::new(),
            _ => self.ram[&by].read(list, 16 * count as usize)?.to_vec(),
        };
        let (source, raw) = (word(&claim, 0), half(&claim, 4));
        let port = word(&claim, 8);
        if half(&claim, 6) != 0 || half(&claim, 14) != 0 {
            return Err(Errno::EINVAL);
        }
        if raw != ANY && raw != by.domain.raw() {
            return Err(Errno::EPERM);
        }
        let way = Way { from: by.domain, to: self.existing(half(&claim, 12))?, port };
        self.ask(by.domain, Query::Send { from: way.from, to: way.to })?;
        let rings = self.pass(way, source)?;
        if self.policy.throttled {
            self.count(by.domain, |domain| domain.counters.throttled += 1);
            return Err(Errno::EAGAIN);
        }
        if !self.is_active(by.domain) {
            return Err(Errno::ENODEV);
        }
        if !self.is_active(way.to) {
            return Err(Errno::ECONNREFUSED);
        }
        let name = self.lookup(way).ok_or(Errno::ECONNREFUSED)?;
        if rings == Rings::ForSender && name.partner == Partner::Any {
            self.count(by.domain, |domain| domain.counters.port_denials += 1);
            return Err(Errno::EPERM);
        }
        let payload = add_up(&iovs)?;
        self.deliver(by, way.to, name, Message { source, kind: kind as u32, payload, iovs })
    }

    /// Into which rings the ports let a message; the source port counts if it is the sender's.
    fn pass(&mut self, way: Way, source: u32) -> Result<Rings> {
        let source = Some(source).filter(|port| self.ports(way.from).contains(port));
        let open = |rings: &Rings| self.policy.opens(way, source, *rings);
        let found = [Rings::Any, Rings::ForSender].into_iter().find(open);
        if found.is_none() {
            self.count(way.from, |domain| domain.counters.port_denials += 1);
        }
        found.ok_or(Errno::EPERM)
    }

    fn deliver(&mut self, by: Who, to: DomainId, name: RingName, message: Message) -> Result<u32> {
        let ring = &self.domains[&to].rings[&name];
        let (needed, free) = (space(message.payload), self.free(to, ring));
        if ring.len <= needed {
            return Err(Errno::EMSGSIZE);
        }
        if !ring.queue.lets(by.domain, message.payload, free) {
            return Err(match self.wait(by.domain, to, name, message.payload) {
                true => Errno::EAGAIN,
                false => Errno::EBUSY,
            });
        }
        let target = Target {
            who: Who { domain: to, session: ring.session },
            pages: ring.pages.clone(),
            len: ring.len as usize,
            tx: ring.tx as usize,
        };
        self.copy(by, &message, &target)?;
        let tx = (target.tx + needed as usize) % target.len;
        let ram = self.ram.get_mut(&target.who).unwrap();
        ram.store_ring_word(&target.pages, 4, tx as u32);
        self.count(to, |domain| {
            let ring = domain.rings.get_mut(&name).unwrap();
            ring.tx = tx as u32;
            ring.messages += 1;
            ring.bytes += u64::from(message.payload);
        });
        self.count(by.domain, |domain| {
            domain.counters.messages += 1;
            domain.counters.bytes += u64::from(message.payload);
        });
        let ring = self.domains.get_mut(&to).unwrap().rings.get_mut(&name).unwrap();
        if ring.queue.sent(by.domain) {
            self.events.push(Event::SpaceWanted(to.raw()));
        }
        self.events.push(Event::Virq(to.raw()));
        Ok(message.payload)
    }

    /// Header first, then each piece byte by byte.
    fn copy(&mut self, by: Who, message: &Message, target: &Target) -> Result<()> {
        let mut header = Vec::new();
        header.extend((16 + message.payload).to_le_bytes());
        header.extend(message.source.to_le_bytes());
        header.extend(by.domain.raw().to_le_bytes());
        header.extend([0, 0]);
        header.extend(message.kind.to_le_bytes());
        let (mut done, mut overlapped) = (0, false);
        self.fill(target, &mut done, &header, overlapped);
        for iov in message.iovs.chunks_exact(16) {
            let (at, len) = (long(iov, 0), word(iov, 8) as usize);
            if len == 0 {
                continue;
            }
            let payload = self.ram[&by].read(at, len)?.to_vec();
            let from = BASE + at as usize..BASE + at as usize + len;
            let over = |offset| by == target.who && from.contains(&target.place(offset));
            overlapped |= (done..done + len).any(over);
            self.fill(target, &mut done, &payload, overlapped);
        }
        Ok(())
    }

    /// Writes the next bytes of a message. What a copy onto itself leaves, nothing says.
    fn fill(&mut self, target: &Target, done: &mut usize, bytes: &[u8], overlapped: bool) {
        let ram = self.ram.get_mut(&target.who).unwrap();
        for byte in bytes {
            let place = target.place(*done);
            ram.bytes[place] = *byte;
            if overlapped {
                ram.arbitrary.push(place);
            }
            *done += 1;
        }
    }
}

/// The payload of all buffers.
fn add_up(iovs: &[u8]) -> Result<u32> {
    let mut sum = 0;
    for iov in iovs.chunks_exact(16) {
        let (len, pad) = (word(iov, 8), word(iov, 12));
        if pad != 0 || len > MESSAGE_MAX {
            return Err(Errno::EINVAL);
        }
        sum += len;
        if sum > MESSAGE_MAX {
            return Err(Errno::EMSGSIZE);
        }
    }
    Ok(sum)
}
