//! Any hypercall of any domain over any memory. The answer is a known error or the number of bytes
//! that were sent; of all the guests' memory nothing changes but the free part of the ring that is
//! written to and its `tx_ptr`, or the caller's own answers; what is delivered is what was sent, from
//! whom it was sent; and when all domains are gone nobody holds their memory.
#![no_main]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use argo_core::abi::{ENTRIES_DEFAULT, IOVS_MAX};
use argo_core::{DomainId, Errno};
use argo_fuzz::ledger::{Foreign, Images, Ledger, Ring};
use argo_fuzz::script::{self, Step};
use argo_fuzz::world::{Event, Guest, PAGE, World, domain, is_image, peek};
use argo_hypervisor::{GuestMemory, Quotas};
use libfuzzer_sys::fuzz_target;

/// So that a run takes milliseconds.
const STEPS_MAX: usize = 400;
const PAGES_MAX: usize = 128;

fuzz_target!(|bytes: &[u8]| {
    let mut scene = Scene::default();
    let mut rest = bytes;
    for _ in 0..STEPS_MAX {
        let Some(step) = script::next(&mut rest) else { break };
        scene.take(step);
    }
    scene.end();
});

#[derive(Default)]
struct Scene {
    world: World,
    guests: BTreeMap<DomainId, Guest>,
    images: Images,
    ledger: Ledger,
}

/// Ranges of domains' memory that may have changed.
type Written = Vec<(DomainId, Range<usize>)>;

impl Scene {
    fn take(&mut self, step: Step) {
        match step {
            Step::Create { dom, pages } => self.create(domain(dom), pages.into()),
            Step::Write { dom, at, bytes } => self.write(domain(dom), at as usize, bytes),
            Step::Op { dom, cmd, args } => self.call(domain(dom), cmd, args),
            Step::Destroy(dom) => self.destroy(domain(dom)),
            Step::SoftReset(dom) => {
                if self.world.engine.soft_reset(domain(dom)).is_ok() {
                    self.ledger.drop_of(domain(dom), Foreign::Dropped);
                }
            }
            Step::Deactivate(dom) => {
                let Some(guest) = self.guests.get(&domain(dom)) else { return };
                self.world.engine.deactivate(&guest.domain);
                self.ledger.drop_of(domain(dom), Foreign::Kept);
            }
            Step::Activate(dom) => {
                let Some(guest) = self.guests.get(&domain(dom)) else { return };
                self.world.engine.activate(&guest.domain);
            }
            Step::Deny(dom) => self.world.engine.policy().set(domain(dom), true),
            Step::Allow(dom) => self.world.engine.policy().set(domain(dom), false),
        }
    }

    fn create(&mut self, id: DomainId, pages: usize) {
        let taken: usize = self.images.values().map(Vec::len).sum();
        if pages == 0 || taken + pages * PAGE > PAGES_MAX * PAGE {
            return;
        }
        let Some(guest) = self.world.create(id, pages, Quotas::default()) else { return };
        self.images.insert(id, vec![0; pages * PAGE]);
        self.guests.insert(id, guest);
    }

    fn write(&mut self, id: DomainId, at: usize, bytes: &[u8]) {
        let (Some(guest), Some(image)) = (self.guests.get(&id), self.images.get_mut(&id)) else {
            return;
        };
        if guest.memory.write(argo_core::GuestAddr(at as u64), bytes).is_ok() && !bytes.is_empty() {
            image[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    fn call(&mut self, id: DomainId, cmd: u8, args: [u64; 4]) {
        let Some(guest) = self.guests.get(&id) else { return };
        // What came before, a domain's end perhaps, has told its own.
        let _earlier = self.world.events();
        let [first, second, third, fourth] = args;
        let ret = self.world.engine.argo_op(guest, cmd.into(), first, second, third, fourth);
        let result = usize::try_from(ret).map_err(|_| error(ret));
        let events = self.world.events();
        let written = match cmd {
            1 => self.registered(id, args, result),
            2 => self.unregistered(id, args, result),
            3 => self.sent(id, args, result, &events),
            4 => self.notified(id, args, result),
            _ => Vec::new(),
        };
        assert!(cmd == 3 || result.is_err() || result == Ok(0), "command {cmd} gave {result:?}");
        assert!((1..=4).contains(&cmd) || result.is_err());
        self.look(&written);
    }

    fn registered(
        &mut self,
        id: DomainId,
        args: [u64; 4],
        result: Result<usize, Errno>,
    ) -> Written {
        if result.is_err() {
            return Vec::new();
        }
        let memory = Bytes(&self.images[&id]);
        let (port, partner) = (memory.word(args[0]), memory.half(args[0] + 4));
        let len = memory.word(args[0] + 8) as usize;
        let pages = (0..args[2]).map(|page| memory.long(args[1] + 8 * page)).collect();
        let mut ring = Ring { pages, len, tx: 0 };
        let word = peek(&self.guests[&id], ring.place(4), 4);
        ring.tx = Bytes(&word).raw_word(0) as usize;
        if let Some(before) = self.ledger.0.get(&(id, port, partner)) {
            assert_eq!(before.len, len, "a ring was registered anew with another length");
        }
        assert!(ring.tx < len && ring.tx % 16 == 0, "tx_ptr {} of {len} bytes", ring.tx);
        let word = ring.place(4)..ring.place(8);
        self.ledger.0.insert((id, port, partner), ring);
        vec![(id, word)]
    }

    fn unregistered(
        &mut self,
        id: DomainId,
        args: [u64; 4],
        result: Result<usize, Errno>,
    ) -> Written {
        if result.is_ok() {
            let memory = Bytes(&self.images[&id]);
            let name = (id, memory.word(args[0]), memory.half(args[0] + 4));
            assert!(self.ledger.0.remove(&name).is_some(), "{name:?} was not there");
        }
        Vec::new()
    }

    /// Only the free part of the ring that is reached is written, even by a send that fails midway.
    fn sent(
        &mut self,
        id: DomainId,
        args: [u64; 4],
        result: Result<usize, Errno>,
        events: &[Event],
    ) -> Written {
        let memory = Bytes(&self.images[&id]);
        let Some([_, to]) =
            memory.is_there(args[0], 16).then(|| [4, 12].map(|at| memory.half(args[0] + at)))
        else {
            assert!(result.is_err(), "sent from nowhere");
            return Vec::new();
        };
        let target = DomainId::new(to);
        let port = memory.word(args[0] + 8);
        let reached = target.and_then(|to| self.ledger.reached(id, to, port));
        let (Some(to), Some(name)) = (target, reached) else {
            assert!(result.is_err(), "sent to nobody");
            return Vec::new();
        };
        let ring = &self.ledger.0[&name];
        let free = ring.free(&self.images[&to]);
        let mut written: Written = ring.parts(free).map(|part| (to, part)).collect();
        let Ok(bytes) = result else { return written };
        assert_eq!(events, [Event::Virq(to)]);
        assert!(!self.world.engine.policy().has(to), "sent against the policy");
        let (source, payload) = (memory.word(args[0]), memory.gathered(args[1], args[2]));
        assert_eq!(bytes, payload.len());
        let taken = 16 + bytes.next_multiple_of(16);
        assert!(taken < free, "{taken} bytes into {free} free ones");
        // A ring may take its pages from wherever the payload or its own header lies.
        let is_apart = to != id && ring.is_plain();
        if is_apart {
            let receiver = &self.guests[&to];
            let parts = ring.parts(16 + bytes);
            let message: Vec<u8> =
                parts.flat_map(|part| peek(receiver, part.start, part.len())).collect();
            let header = Bytes(&message);
            assert_eq!(header.raw_word(0) as usize, 16 + bytes);
            assert_eq!((header.raw_word(4), header.raw_word(8)), (source, u32::from(id.raw())));
            assert_eq!(u64::from(header.raw_word(12)), args[3]);
            assert!(message[16..] == payload, "another payload was delivered");
            let tx = Bytes(&peek(receiver, ring.place(4), 4)).raw_word(0) as usize;
            assert_eq!(tx, (ring.tx + taken) % ring.len);
        }
        written.push((to, ring.place(4)..ring.place(8)));
        if let Some(ring) = self.ledger.0.get_mut(&name) {
            ring.tx = (ring.tx + taken) % ring.len;
        }
        written
    }

    /// Two fields of each entry are written, and nothing else.
    fn notified(&self, id: DomainId, args: [u64; 4], result: Result<usize, Errno>) -> Written {
        let memory = Bytes(&self.images[&id]);
        if args[0] == 0 || !memory.is_there(args[0], 8) {
            return Vec::new();
        }
        let entries = u64::from(memory.word(args[0]));
        if entries > u64::from(ENTRIES_DEFAULT) {
            assert!(result.is_err(), "{entries} entries were taken");
            return Vec::new();
        }
        let entry = |number: u64| args[0].wrapping_add(8 + 20 * number) as usize;
        let field = |at: usize, len| at..at.saturating_add(len);
        let answers = |at: usize| [field(at.saturating_add(8), 2), field(at.saturating_add(16), 4)];
        (0..entries).flat_map(|number| answers(entry(number))).map(|range| (id, range)).collect()
    }

    fn destroy(&mut self, id: DomainId) {
        let Some(guest) = self.guests.remove(&id) else { return };
        assert!(self.world.engine.destroy_domain(id).is_ok());
        self.ledger.drop_of(id, Foreign::Dropped);
        self.images.remove(&id);
        let ram = guest.memory.memory().clone();
        drop(guest);
        assert_eq!(Arc::strong_count(&ram), 1, "somebody holds memory of a domain that is gone");
    }

    /// Nothing has changed but what may have been written.
    fn look(&mut self, written: &Written) {
        for (id, guest) in &self.guests {
            let Some(image) = self.images.get_mut(id) else { continue };
            for (_, range) in written.iter().filter(|(writer, _)| writer == id) {
                let range = range.start.min(image.len())..range.end.min(image.len());
                let now = peek(guest, range.start, range.len());
                image[range].copy_from_slice(&now);
            }
            assert!(is_image(guest, image), "memory of domain {id} was written");
        }
    }

    fn end(mut self) {
        self.look(&Vec::new());
        for id in self.guests.keys() {
            let rings = self.world.engine.stat(*id).map_or_else(Vec::new, |stat| stat.rings);
            let known = self.ledger.0.keys().filter(|(owner, ..)| owner == id).count();
            assert_eq!(rings.len(), known, "rings of domain {id}");
        }
        let ids: Vec<DomainId> = self.guests.keys().copied().collect();
        ids.into_iter().for_each(|id| self.destroy(id));
        assert!(self.world.engine.domains().is_empty());
    }
}

fn error(ret: i64) -> Errno {
    let known = i32::try_from(-ret).ok().and_then(Errno::from_number);
    known.unwrap_or_else(|| panic!("the hypercall gave {ret}"))
}

/// A guest's memory, for whoever knows that a call has read it.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn is_there(&self, at: u64, len: u64) -> bool {
        at >= PAGE as u64 && at.checked_add(len).is_some_and(|end| end <= self.0.len() as u64)
    }

    fn get<const N: usize>(&self, at: u64) -> [u8; N] {
        assert!(self.is_there(at, N as u64), "a call read what is not there");
        std::array::from_fn(|byte| self.0[at as usize + byte])
    }

    fn half(&self, at: u64) -> u16 {
        u16::from_le_bytes(self.get(at))
    }

    fn word(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.get(at))
    }

    fn long(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.get(at))
    }

    /// A word of a message.
    fn raw_word(&self, at: usize) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|byte| self.0[at + byte]))
    }

    /// What the pieces of a send hold together.
    fn gathered(&self, list: u64, count: u64) -> Vec<u8> {
        assert!(count <= u64::from(IOVS_MAX));
        let piece = |number| {
            let (at, len) = (self.long(list + 16 * number), self.word(list + 16 * number + 8));
            assert!(len == 0 || self.is_there(at, len.into()), "a piece is not there");
            self.0
                .get(at as usize..)
                .and_then(|bytes| bytes.get(..len as usize))
                .unwrap_or_default()
        };
        (0..count).flat_map(piece).copied().collect()
    }
}
