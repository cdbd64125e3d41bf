//! Random hypercalls: mostly such as could be meant, each with something wrong now and then.

use argo_core::abi::{
    Addr, DOMID_ANY, IOVS_MAX, Iov, Op, RING_LEN_MAX, RegisterRing, RingData, RingDataEnt, SendAddr,
};
use argo_core::host::layout::QUEUE_ENTRIES;
use argo_core::host::queue::Slot;
use zerocopy::IntoBytes;

use crate::places::{ACCOMPLICE, DEAF, LEFT, MALLORY, OPEN_PORT, PAIR_PORT, RIGHT};
use crate::raw::RawSession;
use crate::rng::Rng;

/// Where things lie in the attacker's RAM. Each call in the queue has arguments and a list of its
/// own; lists of pages, questions, payload and rings are for all.
pub const ARGUMENTS: u64 = 0x1000;
pub const LISTS: u64 = 0x5000;
const PAGES: u64 = 0xD000;
const SAME_PAGES: u64 = 0xE000;
const NO_PAGES: u64 = 0xF000;
const QUESTIONS: u64 = 0x10000;
const PAYLOAD: u64 = 0x12000;
pub const RINGS: u64 = 0x20000;
pub const RAM: u64 = 1 << 20;

const ARGUMENT_BYTES: u64 = 64;
const LIST_BYTES: u64 = IOVS_MAX as u64 * size_of::<Iov>() as u64;
const LISTED_PAGES: u64 = 512;
/// One more than a notify may have.
const ENTRIES: u32 = 257;

const NOBODY: u16 = 99;
const DOMAINS: [u16; 9] =
    [LEFT, LEFT, RIGHT, DEAF, MALLORY, ACCOMPLICE, NOBODY, DOMID_ANY, u16::MAX];
const PORTS: [u32; 6] = [OPEN_PORT, OPEN_PORT, PAIR_PORT, 1, 0, u32::MAX];
const RING_LENGTHS: [u32; 12] =
    [48, 4032, 4032, 4048, 8128, 16384, 65536, 1 << 19, RING_LEN_MAX, 47, 4033, u32::MAX];
const LENGTHS: [u32; 14] = [0, 1, 15, 16, 17, 31, 63, 100, 333, 1000, 4095, 4097, 65_536, u32::MAX];

/// Draws calls for one session.
pub struct Forger<'s> {
    session: &'s RawSession,
    rng: Rng,
}

impl<'s> Forger<'s> {
    pub fn new(session: &'s RawSession, rng: Rng) -> Self {
        let mut forger = Self { session, rng };
        forger.prepare();
        forger
    }

    /// Writes what all calls share; the scribbler soon spoils it.
    pub fn prepare(&mut self) {
        for page in 0..LISTED_PAGES {
            let at = 8 * page;
            self.write(PAGES + at, &(RINGS / 4096 + page).to_le_bytes());
            self.write(SAME_PAGES + at, &(RINGS / 4096).to_le_bytes());
            self.write(NO_PAGES + at, &(RAM / 4096 - 2 + page).to_le_bytes());
        }
        let nent = self.rng.one_of(&[0, 1, 16, ENTRIES - 1, ENTRIES - 1, ENTRIES, u32::MAX]);
        self.write(QUESTIONS, RingData { nent, pad: 0 }.as_bytes());
        for entry in 0..ENTRIES.into() {
            let at = size_of::<RingData>() as u64 + entry * size_of::<RingDataEnt>() as u64;
            let question = self.question();
            self.write(QUESTIONS + at, question.as_bytes());
        }
    }

    /// Some call, with its arguments written where the slot with this index has them.
    pub fn call(&mut self, index: u32) -> Slot {
        let place = u64::from(index % QUEUE_ENTRIES);
        let (at, list) = (ARGUMENTS + place * ARGUMENT_BYTES, LISTS + place * LIST_BYTES);
        let (cmd, mut args) = match self.rng.below(100) {
            0..25 => (Op::RegisterRing as u32, self.register(at)),
            25..30 => (Op::UnregisterRing as u32, self.unregister(at)),
            30..85 => (Op::Sendv as u32, self.send(at, list)),
            85..95 => (Op::Notify as u32, [self.rng.one_of(&[QUESTIONS, QUESTIONS, 0]), 0, 0, 0]),
            _ => (self.rng.number() as u32, [at, list, 1, 0]),
        };
        if self.rng.once_in(16) {
            args[self.rng.below(4)] = self.anything();
        }
        let flags = self.rng.one_of(&[0, 0, 0, 0, 0, 0, 1, 1, 2]);
        Slot { cmd, flags, tag: self.rng.number(), args, reserved: [0; 2] }
    }

    /// A ring over proper pages, over one page many times, or over none, of any length.
    fn register(&mut self, at: u64) -> [u64; 4] {
        let aport = self.rng.one_of(&PORTS);
        let (partner_id, len) = (self.rng.one_of(&DOMAINS), self.rng.one_of(&RING_LENGTHS));
        let ring = RegisterRing { aport, partner_id, pad: self.padding(), len };
        self.write(at, ring.as_bytes());
        let pages = u64::from(len.saturating_add(64).div_ceil(4096));
        let pages = self.rng.one_of(&[pages, pages, pages, pages, pages + 1, 1, 0]);
        let list = self.rng.one_of(&[PAGES, PAGES, PAGES, SAME_PAGES, NO_PAGES]);
        [at, list, pages, self.rng.one_of(&[0, 0, 0, 1, 2])]
    }

    fn unregister(&mut self, at: u64) -> [u64; 4] {
        let address = self.address();
        self.write(at, address.as_bytes());
        [at, 0, 0, 0]
    }

    /// A message from anybody to anybody, of up to nine pieces from anywhere.
    fn send(&mut self, at: u64, list: u64) -> [u64; 4] {
        let (own, forged) = (self.own_address(), self.address());
        let allowed = Addr { aport: OPEN_PORT, domain_id: LEFT, pad: 0 };
        let src = self.rng.one_of(&[own, own, forged]);
        let dst = self.rng.one_of(&[allowed, allowed, own, forged]);
        self.write(at, SendAddr { src, dst }.as_bytes());
        for piece in 0..u64::from(IOVS_MAX) {
            let iov = self.piece();
            self.write(list + piece * size_of::<Iov>() as u64, iov.as_bytes());
        }
        [at, list, self.rng.one_of(&[1, 1, 2, 8, 8, 0, 9]), 1]
    }

    fn piece(&mut self) -> Iov {
        let within = PAYLOAD + self.rng.below(0x4000) as u64;
        let iov_hnd = if self.rng.once_in(32) { self.anything() } else { within };
        // Long ones are seldom: with them nothing else of the list is looked at.
        let choices = if self.rng.once_in(16) { &LENGTHS[..] } else { &LENGTHS[..10] };
        Iov { iov_hnd, iov_len: self.rng.one_of(choices), pad: self.padding().into() }
    }

    fn question(&mut self) -> RingDataEnt {
        let space_required = self.rng.one_of(&LENGTHS);
        RingDataEnt { ring: self.address(), space_required, ..RingDataEnt::default() }
    }

    fn own_address(&mut self) -> Addr {
        Addr { aport: self.rng.one_of(&PORTS), domain_id: self.session.id(), pad: 0 }
    }

    fn address(&mut self) -> Addr {
        let (aport, domain_id) = (self.rng.one_of(&PORTS), self.rng.one_of(&DOMAINS));
        Addr { aport, domain_id, pad: self.padding() }
    }

    /// Zero, as it must be, but for few.
    fn padding(&mut self) -> u16 {
        u16::from(self.rng.once_in(64))
    }

    /// An address or a number: within the RAM, at its end, far beyond it, or nonsense.
    fn anything(&mut self) -> u64 {
        let within = self.rng.number() % RAM;
        let nonsense = self.rng.number();
        self.rng.one_of(&[within, RAM - 8, RAM, u64::MAX, u64::MAX - 7, 0, nonsense])
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        self.session.memory().write(at as usize, bytes).unwrap();
    }
}
